#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# make setup: installs what is missing (apt on Debian and Ubuntu; elsewhere it prints what to install)
# and builds the sysroots. Does nothing when all is there. `toolchain/setup.sh wasi` does the same for what
# only programs for WASI need, `toolchain/setup.sh fuzz` for what only `make fuzz` needs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
choose_rust
more=${1:-}
lists=("$here/packages-debian.txt" ${more:+"$here/packages-$more.txt"})

present() { # present PROBE
    case $1 in
    rust) [ "$RUST_KIND" = rustup ] || debian_rust ;;
    python3:*) /usr/bin/python3 -c "import ${1#python3:}" 2>/dev/null ;;
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

missing=()
while read -r package probe _why; do
    case $package in '' | '#'*) continue ;; esac
    if [ "$probe" = rust ] && [ "$RUST_KIND" = debian ] && command -v dpkg-query >/dev/null; then
        # Several packages share one probe, so ask for each by name.
        [ "$(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    elif ! present "$probe"; then
        missing+=("$package")
    fi
done < <(cat "${lists[@]}")

if [ ${#missing[@]} -gt 0 ]; then
    if ! command -v apt-get >/dev/null; then
        {
            echo "setup: this machine has no apt-get; please install what these Debian packages hold:"
            printf '  %s\n' "${missing[@]}"
            echo "For Rust, either Debian's rustc-web family, or rustup with both targets:"
            echo "  rustup target add $DEVICE_TARGET $APP_TARGET && rustup component add clippy rustfmt"
        } >&2
        exit 1
    fi
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "setup: not root and no sudo; as root, run: apt-get install --no-install-recommends ${missing[*]}" >&2
            exit 1
        }
        as_root=(sudo)
    fi
    echo "setup: installing ${missing[*]}"
    mkdir -p "$BUILD"
    log=$BUILD/setup.log
    if ! { "${as_root[@]}" apt-get update &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "setup: apt-get failed; its last lines are above, all of them in $log." >&2
        echo "setup: the rustc-web packages come from Debian 12's bookworm-security; without it, use rustup:" >&2
        echo "  rustup target add $DEVICE_TARGET $APP_TARGET" >&2
        exit 1
    fi
fi
case $more in wasi) "$here/sysroot.sh" wasi ;; *) "$here/sysroot.sh" ;; esac
