#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# Installs a COSE implementation that is not ours into build/pycose, from PyPI. If PyPI cannot be reached, it says so
# in build/pycose-unreachable, and the tests that need it count as skipped; anything else that goes wrong is an error.
set -euo pipefail
. "$(dirname "$0")/common.sh"
wanted=$TOP/qemu/e2e/pycose/requirements.txt
place=$BUILD/pycose
rm -f "$BUILD/pycose-unreachable"
if [ -e "$place/requirements.txt" ] && cmp -s "$wanted" "$place/requirements.txt"; then exit 0; fi
"$TOP/toolchain/setup.sh" pycose
rm -rf "$place"
mkdir -p "$BUILD"
log=$BUILD/pycose.log
if /usr/bin/python3 -m venv "$place" >"$log" 2>&1 &&
    "$place/bin/pip" install --disable-pip-version-check --no-input --retries 2 -r "$wanted" >>"$log" 2>&1; then
    cp "$wanted" "$place/requirements.txt"
    exit 0
fi
if grep -qE 'NewConnectionError|ConnectTimeoutError|ReadTimeoutError|NameResolutionError|ProxyError' "$log"; then
    echo "PyPI cannot be reached (pip's words are in $log)" | tee "$BUILD/pycose-unreachable"
    exit 0
fi
tail -n 20 "$log" >&2
echo "pycose: pip failed; its last lines are above, all of them in $log" >&2
exit 1
