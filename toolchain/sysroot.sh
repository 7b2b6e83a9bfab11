#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# Builds core and alloc for the device and for apps, once per compiler version, from the sources
# that come with the compiler. Does nothing when they are there, or when rustup has the targets.
# `toolchain/sysroot.sh wasi` builds std for WASI programs as well.
set -euo pipefail
. "$(dirname "$0")/common.sh"
choose_rust
[ "$RUST_KIND" = debian ] || exit 0

sysroot=$(sysroot_dir)
mkdir -p "$BUILD/sysroot"
exec 9>"$BUILD/sysroot/.lock"
flock 9
targets=("$DEVICE_TARGET" "$APP_TARGET")
if [ "${1:-}" = wasi ]; then targets+=("$WASI_TARGET"); fi
for target in "${targets[@]}"; do
    crates=core,alloc
    if [ "$target" = "$WASI_TARGET" ]; then crates=std,panic_abort; fi
    libdir=$sysroot/lib/rustlib/$target/lib
    [ -e "$libdir/.complete" ] && continue
    echo "toolchain: building $crates for $target with $("$RUSTC" --version) (once; core and alloc take about 20 s, std a minute)"
    work=$(mktemp -d "$BUILD/sysroot/work.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work/src"
    printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[profile.release]\npanic = "abort"\n' >"$work/Cargo.toml"
    echo '#![no_std]' >"$work/src/lib.rs"
    log=$work/log
    # RUSTC_BOOTSTRAP stays in this call: building the standard library needs it, nothing else does.
    if ! (cd "$work" && env -u RUSTUP_TOOLCHAIN PATH="/usr/bin:$PATH" RUSTC="$RUSTC" RUSTC_BOOTSTRAP=1 \
        CARGO_TARGET_DIR="$work/target" RUSTFLAGS="$SYSROOT_FLAGS" \
        "$CARGO" build --release -Zbuild-std="$crates" --target "$target") >"$log" 2>&1; then
        cat "$log" >&2
        echo "toolchain: building the $target sysroot failed; the compiler's messages are above" >&2
        exit 1
    fi
    rm -rf "$libdir"
    mkdir -p "$libdir"
    cp "$work/target/$target/release/deps/"*.rlib "$libdir/"
    rm -f "$libdir"/libempty-*.rlib
    touch "$libdir/.complete"
    rm -rf "$work"
    trap - EXIT
done
