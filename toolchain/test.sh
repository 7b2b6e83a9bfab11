#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# make test: host tests, then end-to-end tests in QEMU, and one line that adds them up.
# COFFERDAM_TEST_ONLY=host leaves QEMU out; its tests then count as skipped.
set -uo pipefail
cd "$(dirname "$0")/.."
build=$COFFERDAM_BUILD
mkdir -p "$build/test"
passed=0 failed=0 skipped=0 broken=0

echo "test: host tests (toolchain/cargo host test)"
log=$build/test/host.log
toolchain/cargo host test --no-fail-fast 2>&1 | tee "$log" | grep -vE '^(test .* ok|running [0-9]+ tests?|)$'
[ "${PIPESTATUS[0]}" -eq 0 ] || broken=1
read -r passed failed skipped < <(awk '/^test result:/ {
    for (i = 1; i < NF; i++) { if ($(i+1) ~ /^passed/) p += $i; if ($(i+1) ~ /^failed/) f += $i; if ($(i+1) ~ /^ignored/) s += $i }
} END { print p+0, f+0, s+0 }' "$log")
# A crate that does not compile has no result line, and must not pass for that.
if [ "$broken" = 1 ] && [ "$failed" = 0 ]; then failed=1; fi
if [ "$passed" = 0 ]; then echo "test: no host test ran; see $log" >&2; failed=$((failed + 1)); fi

# The end-to-end tests on one kernel; further arguments go to the program.
end_to_end() { # end_to_end KERNEL ARGUMENT…
    local kernel=$1 log=$build/test/e2e-$1.log status line p f s
    shift
    COFFERDAM_KERNEL=$kernel "$build/target/debug/cofferdam-e2e" --suite all "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    line=$(grep -E '^e2e: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
    if [ -z "$line" ]; then
        echo "test: the end-to-end tests ended without a result line (status $status); see $log" >&2
        failed=$((failed + 1))
        return
    fi
    read -r _ p _ f _ s _ <<<"$line"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    if [ "$status" -ne 0 ] && [ "$f" = 0 ]; then failed=$((failed + 1)); fi
}

if [ "${COFFERDAM_TEST_ONLY:-}" = host ]; then
    echo "test: end-to-end tests skipped (COFFERDAM_TEST_ONLY=host)"
    skipped=$((skipped + 1))
else
    if [ "$COFFERDAM_KERNEL" != sdk ]; then
        echo "test: end-to-end tests in QEMU, KERNEL=crates (make e2e)"
        end_to_end crates
    fi
    echo "test: end-to-end tests in QEMU, KERNEL=sdk (make e2e KERNEL=sdk)"
    if [ -n "${MICROKIT_SDK:-}" ]; then
        end_to_end sdk
    else
        end_to_end sdk --skip "KERNEL=sdk needs MICROKIT_SDK=/path/to/microkit-sdk-2.3.0"
    fi
fi

echo "total: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
