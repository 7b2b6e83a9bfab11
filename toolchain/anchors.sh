#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# anchors.sh FOLDER: looks at the trust anchors that an image is about to be built with (keys/README.md), and says what its
# maker cannot want. Without the anchor of the development key nothing that the make targets sign would be let in: that fails.
set -euo pipefail
folder=${1:?usage: anchors.sh FOLDER}
status=0 anchors=0
shopt -s nullglob
for anchor in "$folder"/*.toml; do
    [ "${anchor##*/}" = list.toml ] || anchors=$((anchors + 1))
done
for key in "$folder"/*.key; do
    anchor=${key%.key}.toml
    [ ! -f "$anchor" ] || continue
    if [ "${key##*/}" = development.key ]; then
        echo "keys: $key has no $anchor: no device would trust what it signs. Bring the anchor back," >&2
        echo "keys: or remove $key and both are made anew" >&2
        status=1
    else
        echo "keys: warning: $key has no $anchor: this image does not trust it" >&2
    fi
done
if [ "$anchors" = 0 ] && [ "$status" = 0 ]; then
    echo "keys: warning: no trust anchor in $folder: this image trusts nobody, and nothing can be installed on it" >&2
fi
exit "$status"
