#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# toolchain/flash.sh CARD DEVICE: writes a card's image to a device: shows what is there, asks, writes, reads it back. Refuses
# what is mounted or in use, partitions, and the disk that the system runs from. DEVICE may be a file that is large enough.
set -euo pipefail
card=$1 device=$2
refuse() { echo "flash: $*" >&2; exit 1; }

[ -f "$card" ] || refuse "there is no $card; make image BOARD=… makes it"
[ -n "$device" ] || refuse "name the device: make flash BOARD=… DEVICE=/dev/sdX (lsblk shows what there is)"
[ -e "$device" ] || refuse "there is no $device"
bytes=$(stat -c %s "$card")
if [ -b "$device" ]; then
    device=$(readlink -f "$device")
    kind=$(lsblk -dno TYPE "$device")
    case $kind in
    disk | loop) ;;
    *) refuse "$device is a $kind: name the whole device" ;;
    esac
    # Whatever is built on it (partitions, RAID, LVM, encryption) and in use, swap included.
    used=$(lsblk -nro NAME,MOUNTPOINTS "$device" | awk 'NF > 1 { gsub(/\\x0a/, " "); print }')
    [ -z "$used" ] || refuse "$device is in use: $used; unmount it first"
    for place in / /boot /usr; do
        source=$(findmnt -nro SOURCE --target "$place" | sed 's/\[.*//')
        while read -r parent; do
            [ "$parent" != "$device" ] || refuse "$device holds $place of this system"
        done < <([ ! -b "$source" ] || lsblk -snrpo NAME "$source")
    done
    has=$(blockdev --getsize64 "$device")
    echo "flash: this will overwrite $device, $((has / 1000000)) MB:"
    lsblk -o NAME,SIZE,TYPE,FSTYPE,LABEL,MODEL "$device"
elif [ -f "$device" ]; then
    has=$(stat -c %s "$device")
    echo "flash: this will overwrite the first $bytes bytes of the file $device, which has $has"
else
    refuse "$device is neither a device nor a file"
fi
[ "$has" -ge "$bytes" ] || refuse "$device has $has bytes; the card's image has $bytes"
printf 'flash: write %s to it? Type its name to go on: ' "${card##*/}"
read -r answer || answer=
[ "$answer" = "$2" ] || { echo; refuse "nothing was written"; }
dd if="$card" of="$device" bs=4M conv=notrunc,fsync status=none || refuse "writing failed: what is on $device is undefined now"
# What is read back comes from the device, not from what the system remembers of writing it.
if [ -b "$device" ]; then blockdev --flushbufs "$device"; fi
cmp -n "$bytes" "$card" "$device" >/dev/null || refuse "what was read back differs: $device was not written well"
echo "flash: wrote and read back $bytes bytes"
