#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# toolchain/pypi.sh NAME: installs what qemu/e2e/NAME/requirements.txt names into build/NAME, from PyPI: an implementation that is
# not ours, for tests. If PyPI cannot be reached, it says so in build/NAME-unreachable, and the tests that need it count as
# skipped; anything else that goes wrong is an error.
set -euo pipefail
. "$(dirname "$0")/common.sh"
name=$1
wanted=$TOP/qemu/e2e/$name/requirements.txt
place=$BUILD/$name
rm -f "$BUILD/$name-unreachable"
if [ -e "$place/requirements.txt" ] && cmp -s "$wanted" "$place/requirements.txt"; then exit 0; fi
"$TOP/toolchain/setup.sh" pypi
rm -rf "$place"
mkdir -p "$BUILD"
log=$BUILD/$name.log
if /usr/bin/python3 -m venv "$place" >"$log" 2>&1 &&
    "$place/bin/pip" install --disable-pip-version-check --no-input --retries 2 -r "$wanted" >>"$log" 2>&1; then
    cp "$wanted" "$place/requirements.txt"
    exit 0
fi
if grep -qE 'NewConnectionError|ConnectTimeoutError|ReadTimeoutError|NameResolutionError|ProxyError' "$log"; then
    echo "PyPI cannot be reached (pip's words are in $log)" | tee "$BUILD/$name-unreachable"
    exit 0
fi
tail -n 20 "$log" >&2
echo "$name: pip failed; its last lines are above, all of them in $log" >&2
exit 1
