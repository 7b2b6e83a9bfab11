#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# toolchain/boards.sh: images of the boards for the kernel in COFFERDAM_KERNEL, of which the suite `boards` boots those that QEMU
# has, and the QEMU for them. Without that QEMU nothing is built and the tests count as skipped.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$TOP"
if ! toolchain/board-qemu.sh; then
    echo "boards: the suite 'boards' will be skipped" >&2
    exit 0
fi
case ${COFFERDAM_KERNEL:-crates} in
crates) boards=(rpi4b rpi4b_mini_uart) ;;
sdk)
    # One is booted; of the others it is seen that their images can be built, once for those that differ in nothing but memory.
    boards=()
    for board in boards/*/board.toml; do
        board=$(basename "$(dirname "$board")") named=
        [ "$board" = "$USUAL_BOARD" ] || named=$(board_fact "$board" sdk)
        [ -n "$named" ] && [ -z "$(board_fact "$board" like)" ] || continue
        if [ -d "$MICROKIT_SDK/board/$named/$COFFERDAM_CONFIG" ]; then
            boards+=("$board")
        else
            echo "boards: this SDK has no $named ($COFFERDAM_CONFIG): BOARD=$board is left out" >&2
        fi
    done
    ;;
esac
for board in ${boards[@]+"${boards[@]}"}; do
    make --no-print-directory image BOARD="$board"
done
