#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# toolchain/image.sh NAME SYSTEM [PROGRAM+FEATURE …]: builds every program that the system description names (the package has
# the name of the program image without .elf) and packs an image:
#   crates  with our initialiser, loader and image tool, into build/image/NAME.elf
#   sdk     with the Microkit SDK's tool, which brings its own, into build/image/sdk/NAME.img
# PROGRAM+FEATURE builds one of the programs with that feature, for this image alone: a test's variant of a system.
# COFFERDAM_BOARD names another board than QEMU virt: the system is what boards/BOARD makes of SYSTEM, and the image lies in a
# folder BOARD. If the board takes plain bytes (image = "raw"), they lie beside the ELF file, as NAME.img.
# Needs in the environment: COFFERDAM_BUILD, COFFERDAM_KERNEL, COFFERDAM_CONFIG, SEL4_KERNEL_DIR, for the SDK also
# MICROKIT_SDK (the Makefile sets all).
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$TOP"
name=$1 system=$2 variants=("${@:3}")
build=$COFFERDAM_BUILD
config=$COFFERDAM_CONFIG
tool=$build/target/debug/cofferdam-image
board=${COFFERDAM_BOARD:-$USUAL_BOARD}
of_board= platform=$USUAL_BOARD
if [ "$board" != "$USUAL_BOARD" ]; then
    of_board=/$board platform=$(board_fact "$board" crates)
    mkdir -p "$build/boards/$board"
    drivers=$("$tool" board "boards/$board" --system "$system" --output "$build/boards/$board/$name.xml")
    system=$build/boards/$board/$name.xml
    # shellcheck disable=SC2206 # names without blanks
    variants+=($drivers)
    COFFERDAM_DEVICE_ID=${COFFERDAM_DEVICE_ID:-$(board_fact "$board" device_id)}
    export COFFERDAM_DEVICE_ID
fi
programs=$(programs_of "$system")
[ -n "$programs" ] || { echo "image: $system names no program images" >&2; exit 1; }

CARGO_TARGET_DIR=$(device_target_dir)
export CARGO_TARGET_DIR
out=$CARGO_TARGET_DIR/aarch64-unknown-none/device
case $COFFERDAM_KERNEL in
crates) elves=$build/protection-domains$of_board/$config images=$build/image$of_board suffix=elf ;;
sdk) elves=$build/protection-domains$of_board/sdk-$config images=$build/image/sdk$of_board suffix=img ;;
*) echo "image: COFFERDAM_KERNEL is '$COFFERDAM_KERNEL'; it takes crates or sdk" >&2; exit 1 ;;
esac
mkdir -p "$elves" "$images"
image=$images/$name.$suffix report=$images/$name.txt

# One call for each program: built together, cargo would give each the features of all.
searched=("$elves") found=0 manager="" verifier=""
for program in $programs; do
    features="" elf=$elves/$program.elf
    for variant in ${variants[@]+"${variants[@]}"}; do
        [ "$program" = "${variant%%+*}" ] || continue
        mkdir -p "$elves/$name"
        features=$features${features:+,}${variant#*+} elf=$elves/$name/$program.elf
        searched=("$elves/$name" "$elves")
        found=$((found + 1))
    done
    toolchain/cargo pd build --quiet --profile device -p "$program" ${features:+--features "$features"}
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
    PLATFORM=$platform toolchain/cargo device build --quiet --profile device -p initialiser
    PLATFORM=$platform toolchain/cargo device build --quiet --profile device -p loader
    kernel=$SEL4_KERNEL_DIR/kernel.elf # of the usual platform; for user level all are the same
    [ "$platform" = "$USUAL_BOARD" ] || kernel=$build/kernel/$platform/$config/kernel.elf
    "$tool" --system "$system" --search-path "${searched[@]}" --kernel "$kernel" --platform "$platform" \
        --initialiser "$out/initialiser" --loader "$out/loader" --output "$image" --report "$report"
    if [ "$board" != "$USUAL_BOARD" ] && [ "$(board_fact "$board" image)" = raw ]; then
        "$tool" raw "$image" --platform "$platform" --output "${image%.elf}.img"
    fi
else
    # …/board/BOARD/CONFIG
    sdk_board=$(basename "$(dirname "$SEL4_KERNEL_DIR")")
    log=$images/$name.log
    if ! "$MICROKIT_SDK/bin/microkit" "$system" --search-path "${searched[@]}" --board "$sdk_board" --config "$config" \
        --output "$image" --report "$report" >"$log" 2>&1; then
        cat "$log" >&2
        echo "image: the SDK's tool refused $system; its reasons are above" >&2
        exit 1
    fi
fi
echo "image: ${image#"$TOP"/} ($(($(stat -c %s "$image") / 1024)) KiB, $config kernel)"
