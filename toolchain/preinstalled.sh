#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# toolchain/preinstalled.sh LIST KEY APP…: packs example apps, signs them with KEY, and writes the list of packages that an
# image is to bring (wasm-manager/policy, module preinstalled). An APP that ends in .cdam is a package already. What has not
# changed is left as it is, so that no image is built anew for it.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$TOP"
list=$1 key=$2
shift 2
[ $# -gt 0 ] || { echo "preinstalled: name at least one app" >&2; exit 1; }
mkdir -p "$(dirname "$list")"
new() { # new FILE: takes FILE.new in its place if that differs
    if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}
echo "# Made by toolchain/preinstalled.sh; signed with ${key#"$TOP"/}." >"$list.new"
for app in "$@"; do
    case $app in *.cdam) realpath "$app" >>"$list.new" && continue ;; esac
    package=$(dirname "$list")/$app.cdam
    "$BUILD/cofferdam" pack "apps/$app" --module "$BUILD/apps/$app.wasm" --key "$key" --output "$package.new" >/dev/null
    new "$package"
    echo "$app.cdam" >>"$list.new"
done
new "$list"
