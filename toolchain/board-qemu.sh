#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# toolchain/board-qemu.sh: brings a QEMU that has the boards (raspi4b, imx8mp-evk: QEMU 10) to build/debian/qemu, unpacked from
# Debian's bookworm-backports. Nothing is installed: the QEMU on PATH, with which everything else is tested, stays as it is.
# Does nothing when it is there, or when the one on PATH has the boards. Fails, and says why, where neither can be had.
set -euo pipefail
. "$(dirname "$0")/common.sh"
folder=$BUILD/debian/qemu
program=$folder/usr/bin/qemu-system-aarch64
has_boards() { "$1" -machine help 2>/dev/null | grep -q '^raspi4b '; }

if [ -e "$program" ] && has_boards "$program"; then exit 0; fi
if has_boards qemu-system-aarch64; then exit 0; fi
fail() { echo "board-qemu: $*" >&2; exit 1; }
command -v apt-get >/dev/null || fail "QEMU 10 is needed (machines raspi4b, imx8mp-evk), and this machine has no apt-get to get it with"
mkdir -p "$BUILD/debian"
exec 9>"$BUILD/debian/.lock"
flock 9
apt=$BUILD/debian/apt log=$BUILD/debian/apt.log
rm -rf "$folder" "$apt"
mkdir -p "$apt/lists/partial" "$apt/archives/partial"
signed=/usr/share/keyrings/debian-archive-keyring.gpg
for suite in bookworm bookworm-backports; do
    echo "deb [signed-by=$signed] http://deb.debian.org/debian $suite main"
done >"$apt/sources.list"
# A state of its own: neither the machine's lists nor its choice of versions change.
options=(-o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt" -o "Dir::Etc::sourcelist=$apt/sources.list"
    -o Dir::Etc::sourceparts=/dev/null -o Debug::NoLocking=1 -o APT::Sandbox::User=)
if ! { apt-get "${options[@]}" update && apt-get "${options[@]}" -y -t bookworm-backports --no-install-recommends \
    --download-only install qemu-system-arm; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    fail "QEMU 10 could not be had from bookworm-backports (all of it: $log)"
fi
# Libraries that the machine lacks come along; QEMU finds its own data beside itself.
for package in "$apt"/archives/*.deb; do dpkg-deb -x "$package" "$folder"; done
rm -rf "$apt"
has_boards "$program" || fail "$program does not run here or has no raspi4b"
echo "board-qemu: $("$program" --version | head -n 1) in ${folder#"$TOP"/}"
