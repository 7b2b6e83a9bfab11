#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# toolchain/boards.sh: images of the boards that the suite `boards` boots in QEMU, for the kernel in COFFERDAM_KERNEL, and the
# QEMU for them. Without that QEMU nothing is built and the tests count as skipped.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$TOP"
if ! toolchain/board-qemu.sh; then
    echo "boards: the suite 'boards' will be skipped" >&2
    exit 0
fi
case ${COFFERDAM_KERNEL:-crates} in
crates) boards=(rpi4b rpi4b_mini_uart) ;;
sdk) boards=(imx8mp_evk) ;;
esac
for board in ${boards[@]+"${boards[@]}"}; do
    make --no-print-directory image BOARD="$board"
done
