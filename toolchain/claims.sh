#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# make lint: every test that a document names as `CRATE: NAME`, `e2e: SUITE/NAME` or `fuzz: NAME` exists.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$TOP"
documents=(docs/security-claims.md docs/threat-model.md)
e2e=$("$BUILD/target/debug/cofferdam-e2e" --list)
checked=0 missing=0
while read -r crate name; do
    checked=$((checked + 1))
    case $crate in
    e2e) grep -qxF "  $name" <<<"$e2e" && continue ;;
    fuzz) [ -e "fuzz/fuzz_targets/$name.rs" ] && continue ;;
    *)
        # Git knows where the crate is: its folder holds the test.
        folder=$(git grep -l "^name = \"$crate\"$" -- '*Cargo.toml' | head -n 1 || true)
        [ -n "$folder" ] && git grep -qE "fn $name\(|hammered!\(.*\<$name\>" -- "$(dirname "$folder")/*.rs" && continue
        ;;
    esac
    echo "claims: no such test: $crate: $name" >&2
    missing=$((missing + 1))
done < <(grep -ohE '`[a-z0-9-]+: [a-z0-9_/-]+`' "${documents[@]}" | tr -d '\`:' | sort -u)
# A document without claims would mean that they are written in another form.
[ "$checked" -ge 40 ] || { echo "claims: only $checked tests are named in ${documents[*]}" >&2; exit 1; }
[ "$missing" = 0 ] || exit 1
echo "claims: $checked tests named in docs/ exist"
