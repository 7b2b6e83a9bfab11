# SPDX-License-Identifier: Apache-2.0 OR MIT
# Sourced by the scripts in this folder: picks the Rust compiler and says where the sysroots lie.
#
# Two ways lead to aarch64-unknown-none and wasm32-unknown-unknown:
#   rustup   the Rust on PATH already has both targets: it is used as it is;
#   debian   Debian's rustc-web family: its compiler and library sources have one version, from
#            which toolchain/sysroot.sh builds core and alloc once.
# COFFERDAM_RUST=debian|rustup chooses by hand.

DEVICE_TARGET=aarch64-unknown-none
APP_TARGET=wasm32-unknown-unknown
WASI_TARGET=wasm32-wasip1
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${COFFERDAM_BUILD:-$TOP/build}

has_target() { # has_target RUSTC TARGET: does this compiler have the target's core library?
    local libdir
    libdir=$("$1" --print target-libdir --target "$2" 2>/dev/null) || return 1
    compgen -G "$libdir/libcore-*.rlib" >/dev/null
}

debian_rust() { [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] && [ -n "$(debian_sources)" ]; }

debian_sources() { # the library sources that belong to /usr/bin/rustc
    local version
    version=$(/usr/bin/rustc --version 2>/dev/null | cut -d' ' -f2) || return 0
    if [ -d "/usr/src/rustc-$version/library/core" ]; then echo "/usr/src/rustc-$version"; fi
}

choose_rust() { # sets RUST_KIND, RUSTC, RUSTDOC, CARGO
    local rustc=${RUSTC:-rustc} kind=${COFFERDAM_RUST:-}
    if [ -z "$kind" ]; then
        if has_target "$rustc" $DEVICE_TARGET && has_target "$rustc" $APP_TARGET; then
            kind=rustup
        else
            kind=debian
        fi
    fi
    RUST_KIND=$kind
    case $kind in
    rustup) RUSTC=$rustc RUSTDOC=${RUSTDOC:-rustdoc} CARGO=${CARGO:-cargo} ;;
    debian) RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc CARGO=/usr/bin/cargo ;;
    *)
        echo "COFFERDAM_RUST is '$kind'; it takes 'debian' or 'rustup'" >&2
        return 1
        ;;
    esac
}

# Bitcode goes in because protection domains and apps are linked with link-time optimisation.
SYSROOT_FLAGS="-Cforce-unwind-tables=no -Cembed-bitcode=yes"

sysroot_dir() { # keyed by compiler and flags, so that a new one never meets old libraries
    local key
    key=$({ "$RUSTC" -vV; echo "$SYSROOT_FLAGS"; } | sha256sum | cut -c1-16)
    echo "$BUILD/sysroot/$key"
}

programs_of() { # programs_of SYSTEM: the packages whose programs a system description names
    sed -n 's/.*<program_image path="\([a-z0-9_]*\)\.elf".*/\1/p' "$1" | sort -u
}

USUAL_BOARD=qemu-virt-aarch64

board_fact() { # board_fact BOARD NAME: a text among the first lines of a board's file; nothing if it does not say
    sed -n "/^\[/q; s/^$2 = \"\(.*\)\"\$/\1/p" "$TOP/boards/$1/board.toml"
}

# Where cargo puts the code of the device. What depends on the kernel's headers is built again when they are another kernel's, and
# the SDK has one for each board and configuration: a folder for each, so that none is built twice.
device_target_dir() {
    local target=${CARGO_TARGET_DIR:-$BUILD/target}
    case ${COFFERDAM_KERNEL:-crates} in
    sdk) echo "$target/sdk/${COFFERDAM_BOARD:-$USUAL_BOARD}-${COFFERDAM_CONFIG:-release}" ;;
    *) echo "$target" ;;
    esac
}
