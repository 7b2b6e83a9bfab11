#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# toolchain/board.sh BOARD KERNEL: prints what KERNEL (crates or sdk) calls this board, or says which boards and kernels go
# together. Only looks at the first lines of boards/BOARD/board.toml; cofferdam-image reads all of it.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$TOP"
board=$1 kernel=$2
if [ ! -f "boards/$board/board.toml" ]; then
    known=$(printf '%s\n' boards/*/board.toml | sed 's|boards/\(.*\)/board.toml|\1|' | tr '\n' ' ')
    echo "BOARD='$board' is unknown; it takes one of: $known" >&2
    exit 1
fi
name=$(board_fact "$board" "$kernel")
if [ -z "$name" ]; then
    case $kernel in crates) other=sdk ;; *) other=crates ;; esac
    with=$(grep -l "^$kernel = " boards/*/board.toml | sed 's|boards/\(.*\)/board.toml|\1|' | tr '\n' ' ')
    {
        echo "BOARD=$board ($(board_fact "$board" about)) has no KERNEL=$kernel; it takes KERNEL=$other"
        echo "KERNEL=$kernel takes BOARD= one of: $with"
    } >&2
    exit 1
fi
echo "$name"
