#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# check-no-parser.sh WASM_MANAGER_ELF VERIFIER_ELF: wasm_manager holds the keys, so nothing in it may parse COSE, CBOR or
# Wasm; that is the verifier's. Looks for functions of the parsers in wasm_manager's program. toolchain/image.sh calls it.
set -euo pipefail
manager=${1:?usage: check-no-parser.sh WASM_MANAGER_ELF VERIFIER_ELF} verifier=${2:?usage: see above}
tools=$(command -v aarch64-linux-gnu-objdump || command -v llvm-objdump) || {
    echo "check-no-parser: no tools for AArch64; run: make setup" >&2
    exit 1
}
# FUNCTION, or FUNCTION CALLEE for each call: of a parser that was inlined, what it calls is still there.
functions() {
    "$tools" -d --no-show-raw-insn "$1" | awk '
        /^[0-9a-f]+ <.*>:$/ { function_ = $2; print function_; next }
        /\tbl?\t.*</ { print function_, $NF }'
}
parser='10wasmparser|5coset|8ciborium|8minicbor6decode'
found=$(functions "$manager" | awk -v parser="$parser" '
    NF == 1 && $1 ~ parser { print $1 }
    NF == 2 && $2 ~ parser { print $1 " calls " $2 }' | sort -u)
if [ -n "$found" ]; then
    echo "check-no-parser: $manager has parsers, which belong into verifier:" >&2
    echo "$found" | head -20 >&2
    exit 1
fi
# The names are those that are looked for, if the verifier has them.
listing=$(functions "$verifier")
for known in 8minicbor6decode 10wasmparser; do
    grep -q "$known" <<<"$listing" || {
        echo "check-no-parser: $verifier has no $known: stripped, or mangled anew?" >&2
        exit 1
    }
done
echo "no COSE, CBOR or Wasm is parsed in wasm_manager"
