#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# check-no-parser.sh WASM_MANAGER_ELF VERIFIER_ELF: wasm_manager holds the keys, so nothing in it may parse COSE, CBOR or
# Wasm of strangers; that is the verifier's. Looks for functions of the parsers in wasm_manager's program, and who calls
# those of minicbor: the event log alone, which wasm_manager has written itself. toolchain/image.sh calls it.
set -euo pipefail
manager=${1:?usage: check-no-parser.sh WASM_MANAGER_ELF VERIFIER_ELF} verifier=${2:?usage: see above}
tools=$(command -v aarch64-linux-gnu-objdump || command -v llvm-objdump) || {
    echo "check-no-parser: no tools for AArch64; run: make setup" >&2
    exit 1
}
# FUNCTION, or FUNCTION CALLEE for each call.
functions() {
    "$tools" -d --no-show-raw-insn "$1" | awk '
        /^[0-9a-f]+ <.*>:$/ { function_ = $2; print function_; next }
        /\tbl?\t.*</ { print function_, $NF }'
}
parser='10wasmparser|5coset|8ciborium'
found=$(functions "$manager" | awk -v parser="$parser" '
    NF == 1 && $1 ~ parser { print $1 }
    NF == 2 && $2 ~ /8minicbor6decode/ && $1 !~ /minicbor|cofferdam_audit|restore_journal/ { print $1 " reads CBOR" }' | sort -u)
if [ -n "$found" ]; then
    echo "check-no-parser: $manager has parsers of what strangers send:" >&2
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
echo "no COSE, CBOR or Wasm of strangers is parsed in wasm_manager"
