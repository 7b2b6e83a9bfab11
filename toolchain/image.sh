#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# toolchain/image.sh NAME SYSTEM [PROGRAM+FEATURE …]: builds every program that the system description names (the package has
# the name of the program image without .elf) and packs an image:
#   crates  with our initialiser, loader and image tool, into build/image/NAME.elf
#   sdk     with the Microkit SDK's tool, which brings its own, into build/image/sdk/NAME.img
# PROGRAM+FEATURE builds one of the programs with that feature, for this image alone: a test's variant of a system.
# Needs in the environment: COFFERDAM_BUILD, COFFERDAM_KERNEL, COFFERDAM_CONFIG, SEL4_KERNEL_DIR, for the SDK also
# MICROKIT_SDK (the Makefile sets all).
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$TOP"
name=$1 system=$2 variants=("${@:3}")
build=$COFFERDAM_BUILD
config=$COFFERDAM_CONFIG
programs=$(programs_of "$system")
[ -n "$programs" ] || { echo "image: $system names no program images" >&2; exit 1; }
tool=$build/target/debug/cofferdam-image

CARGO_TARGET_DIR=$(device_target_dir)
export CARGO_TARGET_DIR
out=$CARGO_TARGET_DIR/aarch64-unknown-none/device
case $COFFERDAM_KERNEL in
crates) elves=$build/protection-domains/$config images=$build/image suffix=elf ;;
sdk) elves=$build/protection-domains/sdk-$config images=$build/image/sdk suffix=img ;;
*) echo "image: COFFERDAM_KERNEL is '$COFFERDAM_KERNEL'; it takes crates or sdk" >&2; exit 1 ;;
esac
mkdir -p "$elves" "$images"
image=$images/$name.$suffix report=$images/$name.txt

# One call for each program: built together, cargo would give each the features of all.
searched=("$elves") found=0 manager="" verifier=""
for program in $programs; do
    features=() elf=$elves/$program.elf
    for variant in ${variants[@]+"${variants[@]}"}; do
        [ "$program" = "${variant%%+*}" ] || continue
        mkdir -p "$elves/$name"
        features=(--features "${variant#*+}") elf=$elves/$name/$program.elf
        searched=("$elves/$name" "$elves")
        found=$((found + 1))
    done
    toolchain/cargo pd build --quiet --profile device -p "$program" ${features[@]+"${features[@]}"}
    "$tool" finish-pd "$out/$program" -o "$elf"
    case $program in wasm_manager) manager=$elf ;; verifier) verifier=$elf ;; esac
    # The interpreter must not have lost a tail call: looked at once for each program that was built.
    if [ "$program" = app_slot ] && [ ! "${elf%.elf}.dispatch" -nt "$elf" ]; then
        rm -f "${elf%.elf}.dispatch"
        dispatch=$(wasm-manager/runtime/check-dispatch.sh "$elf" 2>&1) || { echo "$dispatch" >&2; exit 1; }
        echo "$dispatch" >"${elf%.elf}.dispatch"
    fi
done
# No parser of what strangers send beside the keys.
if [ -n "$manager" ] && [ -n "$verifier" ]; then
    wasm-manager/verifier/check-no-parser.sh "$manager" "$verifier" >/dev/null
fi
if [ "$found" != ${#variants[@]} ]; then
    echo "image: $system has not all programs of ${variants[*]}" >&2
    exit 1
fi

if [ "$COFFERDAM_KERNEL" = crates ]; then
    toolchain/cargo device build --quiet --profile device -p initialiser
    toolchain/cargo device build --quiet --profile device -p loader
    "$tool" --system "$system" --search-path "${searched[@]}" --kernel "$SEL4_KERNEL_DIR/kernel.elf" \
        --initialiser "$out/initialiser" --loader "$out/loader" --output "$image" --report "$report"
else
    # …/board/BOARD/CONFIG
    board=$(basename "$(dirname "$SEL4_KERNEL_DIR")")
    log=$images/$name.log
    if ! "$MICROKIT_SDK/bin/microkit" "$system" --search-path "${searched[@]}" --board "$board" --config "$config" \
        --output "$image" --report "$report" >"$log" 2>&1; then
        cat "$log" >&2
        echo "image: the SDK's tool refused $system; its reasons are above" >&2
        exit 1
    fi
fi
echo "image: ${image#"$TOP"/} ($(($(stat -c %s "$image") / 1024)) KiB, $config kernel)"
