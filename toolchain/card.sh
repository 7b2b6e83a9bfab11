#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# toolchain/card.sh BOARD IMAGE OUTPUT: makes what is written to an SD card: one FAT partition with the image under the name that
# the board's firmware or U-Boot looks for, config.txt if boards/BOARD has one, and what the folder FIRMWARE holds (the
# Raspberry Pi's start4.elf and fixup4.dat, U-Boot: we may not ship them).
set -euo pipefail
. "$(dirname "$0")/common.sh"
board=$1 image=$2 output=$3
size_mib=64 start_sectors=2048
command -v mformat >/dev/null || "$TOP/toolchain/setup.sh" card

like=$(board_fact "$board" like)
case $board in
rpi4b | rpi4b_mini_uart) name=kernel8.img needs=(start4.elf fixup4.dat) ;;
rpi4b_*) name=loader.img needs=(start4.elf fixup4.dat u-boot.bin) ;;
*) name=loader.img needs=() ;;
esac
rm -f "$output" "$output.part"
truncate -s "${size_mib}M" "$output.part"
# A partition table with one entry (type 0x0c: FAT32, addressed by sectors), and its signature.
sectors=$((size_mib * 2048 - start_sectors))
little() { local n=$1; printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((n & 255)) $((n >> 8 & 255)) $((n >> 16 & 255)) $((n >> 24 & 255)); }
entry="\\x00\\xfe\\xff\\xff\\x0c\\xfe\\xff\\xff$(little $start_sectors)$(little $sectors)"
# shellcheck disable=SC2059 # the format is the data
printf "$entry" | dd of="$output.part" bs=1 seek=446 conv=notrunc status=none
printf '\x55\xaa' | dd of="$output.part" bs=1 seek=510 conv=notrunc status=none
fat=$output.part@@$((start_sectors * 512))
export MTOOLS_SKIP_CHECK=1
mformat -i "$fat" -F -h 255 -s 63 -T "$sectors" -v COFFERDAM ::
mcopy -i "$fat" "$image" "::$name"
for config in "$TOP/boards/$board/config.txt" ${like:+"$TOP/boards/$like/config.txt"}; do
    [ -f "$config" ] && { mcopy -i "$fat" "$config" ::config.txt; break; }
done
missing=()
for file in ${needs[@]+"${needs[@]}"}; do
    [ -n "${FIRMWARE:-}" ] && [ -f "$FIRMWARE/$file" ] || missing+=("$file")
done
if [ -n "${FIRMWARE:-}" ]; then
    for file in "$FIRMWARE"/*; do [ -f "$file" ] && mcopy -o -i "$fat" "$file" ::; done
fi
mv "$output.part" "$output"
echo "card: ${output#"$TOP"/} with $(mdir -b -i "${output}@@$((start_sectors * 512))" :: | tr '\n' ' ')"
if [ ${#missing[@]} -gt 0 ]; then
    echo "card: the board does not start without ${missing[*]}, which are not ours to ship: put them into a folder and name it," >&2
    echo "card: FIRMWARE=folder (docs/boards says where they come from)" >&2
fi
