#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# toolchain/image.sh NAME SYSTEM: builds every program that the system description names (the package has
# the name of the program image without .elf), the initialiser and the loader, and packs build/image/NAME.elf.
# Needs in the environment: SEL4_KERNEL_DIR, COFFERDAM_BUILD (the Makefile sets both).
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$TOP"
name=$1 system=$2
build=$COFFERDAM_BUILD
config=$(basename "$SEL4_KERNEL_DIR")
out=$build/target/aarch64-unknown-none/device
programs=$(programs_of "$system")
[ -n "$programs" ] || { echo "image: $system names no program images" >&2; exit 1; }

# One call for each program: built together, cargo would give each the features of all.
for program in $programs; do
    toolchain/cargo pd build --quiet --profile device -p "$program"
done
toolchain/cargo device build --quiet --profile device -p initialiser
toolchain/cargo device build --quiet --profile device -p loader

tool=$build/target/debug/cofferdam-image
elves=$build/protection-domains/$config
mkdir -p "$elves" "$build/image"
for program in $programs; do
    "$tool" finish-pd "$out/$program" -o "$elves/$program.elf"
done
"$tool" --system "$system" --search-path "$elves" --kernel "$SEL4_KERNEL_DIR/kernel.elf" \
    --initialiser "$out/initialiser" --loader "$out/loader" \
    --output "$build/image/$name.elf" --report "$build/image/$name.txt"
echo "image: build/image/$name.elf ($(($(stat -c %s "$build/image/$name.elf") / 1024)) KiB, $config kernel)"
