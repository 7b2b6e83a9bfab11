#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# make lint: format, clippy with warnings denied (host, device and app code), documentation, licences.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$TOP"

echo "lint: format"
toolchain/cargo host fmt --all --check
echo "lint: system.xml"
"$COFFERDAM_BUILD/target/debug/cofferdam-image" check system.xml
for board in boards/*/; do
    "$COFFERDAM_BUILD/target/debug/cofferdam-image" board "$board" --system system.xml --output /dev/null >/dev/null
done
echo "lint: clippy, host code"
toolchain/cargo host clippy --quiet --all-targets -- -D warnings
device_cargo() { CARGO_TARGET_DIR=$(device_target_dir) toolchain/cargo "$@"; } # for this run's kernel
echo "lint: clippy, protection domains"
for system in system.xml qemu/systems/*/system.xml; do
    for program in $(programs_of "$system"); do
        device_cargo pd clippy --quiet --profile device -p "$program" -- -D warnings
    done
done
device_cargo pd clippy --quiet --profile device -p app_slot --features spin-test -- -D warnings
for program in wasm_manager gateway; do
    device_cargo pd clippy --quiet --profile device -p "$program" --features fault-test -- -D warnings
done
# Drivers of boards.
for variant in $(sed -n 's/^\([a-z_]*\) = "\(absent\|jitter\|bcm-.*\|imx-.*\)"$/\1+\2/p' boards/*/board.toml | sort -u); do
    device_cargo pd clippy --quiet --profile device -p "${variant%%+*}" --features "${variant#*+}" -- -D warnings
done
export COFFERDAM_BENCH_MODULE=$COFFERDAM_BUILD/apps/corebench.wasm
# The SDK brings its own initialiser and loader.
own=(bare-metal)
[ "${COFFERDAM_KERNEL:-crates}" = sdk ] || own+=(initialiser loader)
echo "lint: clippy, ${own[*]}"
for program in "${own[@]}"; do
    device_cargo device clippy --quiet --profile device -p "$program" -- -D warnings
done
echo "lint: documentation"
RUSTDOCFLAGS="-D warnings" toolchain/cargo host doc --quiet --no-deps
echo "lint: tests that documents name"
toolchain/claims.sh
echo "lint: licence headers"
missing=$(git ls-files -- '*.rs' '*.toml' '*.sh' '*.xml' '*.ld' '*.S' '*.c' '*.h' '*.lds' '*.py' Makefile .ci/run toolchain/cargo |
    grep -v '^Cargo.lock$' | xargs grep -L 'SPDX-License-Identifier:' || true)
if [ -n "$missing" ]; then
    printf 'lint: no SPDX-License-Identifier line in:\n%s\n' "$missing" >&2
    exit 1
fi
echo "lint: clean"
