#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# check-dispatch.sh ELF: does the interpreter in this AArch64 program go from instruction to instruction by
# tail calls? The compiler is not obliged to make them, and one that is missing lets a module fill the native
# stack by executing that instruction often enough. `memory.grow` and `table.grow` are known and bounded
# (src/fuel.rs); any other is an error. Needs the program's symbols. toolchain/image.sh calls it.
set -euo pipefail
elf=${1:?usage: check-dispatch.sh ELF}
objdump=$(command -v aarch64-linux-gnu-objdump || command -v llvm-objdump) || {
    echo "check-dispatch: no objdump for AArch64; run: make setup" >&2
    exit 1
}
"$objdump" -d --no-show-raw-insn "$elf" | awk -v elf="$elf" '
    /^[0-9a-f]+ <.*>:$/ {
        handler = $2 ~ /wasmi.*executor.*handler4exec/ ? $2 : ""
        if (handler != "") handlers++
        table = 0
        next
    }
    handler == "" { next }
    # The handler that comes next is loaded from the table; a call of it within a dozen instructions is no tail call.
    /HANDLERS[^+]*>/ { table = 12 }
    table > 0 { table-- }
    /\tblr\t/ && table > 0 {
        if (handler ~ /exec(11memory_grow|10table_grow)17h/) known++
        else { print "check-dispatch: not a tail call in " handler; bad++ }
    }
    # Or the call goes to another handler that then dispatches. (This one only copies.)
    /\tbl\t/ && /handler4exec/ && !/memory_copy_within/ { print "check-dispatch: calls a handler: " handler; bad++ }
    END {
        if (handlers < 100) {
            print "check-dispatch: " elf ": found no interpreter: " handlers + 0 " handlers (stripped, or mangled anew?)"
            exit 1
        }
        if (bad > 0) {
            print "check-dispatch: " elf ": with these " bad " of " handlers " handlers a module can fill the native stack."
            print "check-dispatch: look at the compiler, its flags (toolchain/cargo, [profile.device]) and the version of wasmi;"
            print "check-dispatch: one that must stay has to be bounded in wasm-manager/runtime/src/fuel.rs first"
            exit 1
        }
        print "check-dispatch: " handlers " handlers, " known + 0 " of them keep a frame, as expected"
    }'
