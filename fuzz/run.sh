#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# make fuzz: builds the targets and runs each for FUZZ_SECONDS, as many at a time as there are processors.
#   fuzz/run.sh SECONDS [TARGET…]
# Ends with one line of counts; exit status 0 only if nothing was found. What is found lies under
# build/fuzz/found/TARGET; `build/fuzz/bin/TARGET FILE` runs it again.
set -euo pipefail
cd "$(dirname "$0")/.."
. toolchain/common.sh
seconds=${1:?usage: fuzz/run.sh SECONDS [TARGET…]}
shift
case $seconds in '' | *[!0-9]* | 0) echo "FUZZ_SECONDS='$seconds': whole seconds for each target, at least 1" >&2; exit 2 ;; esac
work=$BUILD/fuzz
# Instrumented code lies apart from all other.
export CARGO_TARGET_DIR=$work/target

echo "fuzz: building"
COFFERDAM_BUILD=$BUILD CARGO_TARGET_DIR=$BUILD/target toolchain/cargo host build --quiet -p cofferdam-fuzz-oracles
toolchain/cargo fuzz build --quiet --profile fuzz -p cofferdam-fuzz
seeds() { "$BUILD/target/debug/fuzz-seeds" "$@"; }
mapfile -t all < <(seeds list)
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=("${all[@]}")
rm -rf "$work/seeds" "$work/log" "$work/bin"
mkdir -p "$work/log" "$work/bin"
seeds write "$work/seeds"
for target in "${targets[@]}"; do
    program=$(compgen -G "$work/target/*/fuzz/$target") || { echo "fuzz: no target '$target'; there are: ${all[*]}" >&2; exit 2; }
    ln -sf "$program" "$work/bin/$target"
    mkdir -p "$work/corpus/$target" "$work/found/$target"
done

one() { # one TARGET: its status stands in the last line of its log
    local target=$1 status=0
    # 10 s for one input and 1 GiB are far above what any of them needs: more is a finding.
    "$work/bin/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1 \
        -artifact_prefix="$work/found/$target/" "$work/corpus/$target" "$work/seeds/$target" \
        >"$work/log/$target.log" 2>&1 || status=$?
    echo "status: $status" >>"$work/log/$target.log"
}
export -f one
export work seconds
echo "fuzz: ${#targets[@]} targets, $seconds s each, $(nproc) at a time"
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'one {}'

tried=0 refused_all=0 crashes=0 wrong=0
for target in "${targets[@]}"; do
    log=$work/log/$target.log
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    refused=$(sed -n 's/^inputs: .* accepted, \([0-9]*\) refused$/\1/p' "$log")
    tried=$((tried + ${inputs:-0})) refused_all=$((refused_all + ${refused:-0}))
    if [ "$(tail -n 1 "$log")" = "status: 0" ] && [ "${inputs:-0}" -gt 0 ]; then
        printf 'fuzz: %-16s %9d inputs, %9s refused as a whole\n' "$target" "$inputs" "${refused:-?}"
        continue
    fi
    crashes=$((crashes + 1))
    if grep -q 'WRONG ACCEPTANCE' "$log"; then wrong=$((wrong + 1)); fi
    found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    printf 'fuzz: %-16s FAILED: %s\n' "$target" "$(grep -m 1 -E 'panicked|ERROR: libFuzzer|error' "$log" || tail -n 2 "$log")"
    grep -m 1 -A 1 'panicked at' "$log" | sed 's/^/    /' || true
    echo "    again: $work/bin/$target ${found:-(no input was kept; see $log)}"
done
echo "fuzz: ${#targets[@]} targets, $crashes failed; counts: bad inputs tried: $tried ($refused_all refused as a whole), wrong acceptances: $wrong"
[ "$crashes" = 0 ]
