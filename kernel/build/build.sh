#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# Builds seL4 and collects its headers:  kernel/build/build.sh [release|debug]
#   build/kernel/CONFIG/kernel.elf       the kernel, linked into its window, loaded physically
#   build/kernel/CONFIG/include/         every header that user level needs
# and for another platform than the usual one the same in build/kernel/PLATFORM/CONFIG; the headers of user level must be
# equal, so that programs are built once for all.
# The source is the folder seL4/ of the package that kernel/source pins in Cargo.lock; our platform
# (kernel/overlay/kernel-source, with the numbers of kernel/overlay/PLATFORM) is laid over a copy. Does nothing when nothing changed.
# Environment: PLATFORM (default qemu-virt-aarch64), COFFERDAM_BUILD (default build/), and
# CROSS_COMPILE (default aarch64-linux-gnu-).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
config=${1:-release}
usual=qemu-virt-aarch64
platform=${PLATFORM:-$usual}
cross=${CROSS_COMPILE:-aarch64-linux-gnu-}
overlay=$top/kernel/overlay/$platform
kernels=${COFFERDAM_BUILD:-$top/build}/kernel
out=$kernels/$config
[ "$platform" = "$usual" ] || out=$kernels/$platform/$config
log=$out/build.log

fail() { echo "kernel: $*" >&2; exit 1; }

case $config in release | debug) ;; *) fail "configuration '$config' is not one of: release, debug" ;; esac
[ -f "$overlay/platform.toml" ] || fail "no platform '$platform': $overlay/platform.toml is missing"
command -v "${cross}gcc" >/dev/null || fail "${cross}gcc is missing; run: make setup"
command -v xmllint >/dev/null || fail "xmllint is missing; run: make setup"
mkdir -p "$out"
exec 9>"$out/.lock"
flock 9

# --- Is there anything to do? ------------------------------------------------------------------
stamp=$(
    {
        echo "$platform $config"
        "${cross}gcc" --version | head -n 1
        grep -A 3 '^name = "sel4-sys"$' "$top/Cargo.lock"
        find "$overlay" "$top/kernel/overlay/kernel-source" "$here" -type f | LC_ALL=C sort | xargs sha256sum
    } | sha256sum | cut -c1-64
)
if [ -f "$out/stamp" ] && [ "$(cat "$out/stamp")" = "$stamp" ] && [ -f "$out/kernel.elf" ]; then exit 0; fi
rm -f "$out/stamp"
echo "kernel: building seL4 for $platform ($config)" >&2
exec 3>&2
trap 'status=$?; if [ $status -ne 0 ]; then
    tail -n 25 "$log" >&3; echo "kernel: build failed; the whole log: $log" >&3; fi' EXIT
: >"$log"

# --- A python that has the modules of the kernel's generators ----------------------------------
python=
for candidate in /usr/bin/python3 python3 python; do
    if "$candidate" -c 'import six, ply, tempita' 2>/dev/null; then python=$(command -v "$candidate"); break; fi
done
[ -n "$python" ] || fail "no python3 with the modules six, ply and tempita; run: make setup"
mkdir -p "$out/bin"
ln -sf "$python" "$out/bin/python" # the generators are started by `/usr/bin/env python`
# The kernel's Makefile puts its own PATH between quotation marks, which spoils the first and the
# last entry: hence /usr/bin once more at the end.
export PATH="$out/bin:$PATH:/usr/bin" PYTHONDONTWRITEBYTECODE=1
unset MAKEFLAGS MAKELEVEL MFLAGS

# --- The source, and our platform over it ------------------------------------------------------
# Where cargo unpacked the package. If it has not yet, it is asked to: from a workspace with nothing
# else in it, since for ours it would fetch what other platforms need as well. Cargo.lock, and with it
# the checksum, is ours.
version=$(sed -n '/^name = "sel4-sys"$/{n;s/^version = "\(.*\)"$/\1/p}' "$top/Cargo.lock")
source=$(compgen -G "${CARGO_HOME:-$HOME/.cargo}/registry/src/*/sel4-sys-$version" | head -n 1 || true)
if [ ! -f "$source/.cargo-ok" ]; then
    mkdir -p "$out/package"
    cp "$top/Cargo.lock" "$out/package/"
    touch "$out/package/lib.rs"
    cat >"$out/package/Cargo.toml" <<END
[package]
name = "kernel-source"
edition = "2024"
[lib]
path = "lib.rs"
[target.'cfg(any())'.dependencies]
sel4-sys = "=$version"
[workspace]
END
    source=$("$top/toolchain/cargo" host metadata --manifest-path "$out/package/Cargo.toml" --format-version 1 2>>"$log" |
        python -c 'import json, os, sys
print(*[os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"] == "sel4-sys"])')
fi
[ -d "$source/seL4" ] || fail "the package sel4-sys holds no seL4 source: '$source/seL4'"
rm -rf "$out/src" "$out/objects" "$out/include" "$out/generated"
cp -r "$source/seL4" "$out/src"
cp -r "$top/kernel/overlay/kernel-source/." "$out/src/"
find "$out/src" -depth -type d -name PLATFORM -execdir mv PLATFORM "$platform" \;
python "$here/generate-headers.py" facts "$overlay/platform.toml" \
    >"$out/src/include/plat/$platform/plat/platform_facts.h"
mkdir -p "$out/generated/include/generated" "$out/objects" "$out/include"
autoconf=$out/generated/include/generated/autoconf.h
python "$here/generate-headers.py" autoconf "$here/seL4.conf" "$config" >"$autoconf"

# --- The kernel --------------------------------------------------------------------------------
# NK_CFLAGS=1: flags come from the environment (the Makefile adds to them, which it could not if they
# were arguments). The check for circular includes does not understand
# this compiler's output. -mno-outline-atomics: there is no libgcc to call.
debug=()
if [ "$config" = debug ]; then debug=(DEBUG=1); fi # capability dumps, kernel entry reasons, symbols
warnings="all strict-prototypes nested-externs undef pointer-arith no-nonnull"
CFLAGS="-march=armv8-a -mtune=cortex-a53 -mgeneral-regs-only -mno-outline-atomics -I$(dirname "$autoconf")" \
DEFINES="HAVE_AUTOCONF ARCH_ARM AARCH64 __KERNEL_64__ ARMV8_A ARM_CORTEX_A57" \
CPPFLAGS="-I$(dirname "$autoconf")" ASFLAGS="-Wa,-march=armv8-a" \
    make -C "$out/objects" -f "$out/src/Makefile" -j"$(nproc)" kernel.elf \
    SOURCE_ROOT="$out/src" srctree="$out/generated" \
    ARCH=arm SEL4_ARCH=aarch64 PLAT="$platform" PLAT_LIST="$platform" CPU=cortex-a57 ARMV=armv8-a \
    TYPE_SUFFIX=64 __ARM_64__=y TOOLPREFIX="$cross" HAVE_AUTOCONF=1 NK_CFLAGS=1 FASTPATH=1 \
    CIRCULAR_INCLUDES=true WARNINGS="$warnings" ${debug[@]+"${debug[@]}"} >>"$log" 2>&1

# --- The headers of user level -----------------------------------------------------------------
lib=$out/src/libsel4
include=$out/include
cp -r "$lib/include/sel4" "$lib/arch_include/arm/sel4" "$lib/sel4_arch_include/aarch64/sel4" \
    "$lib/sel4_plat_include/$platform/sel4" "$include/"
find "$include" -name '*.bf' -delete
cp "$autoconf" "$include/autoconf.h"
mkdir -p "$include/interfaces"
{
    generate() { PYTHONPATH="$out/src/tools" python "$lib/tools/$1" "${@:2}"; }
    generate invocation_header_gen.py --libsel4 --xml "$lib/include/interfaces/sel4.xml" \
        --dest "$include/sel4/invocation.h"
    generate invocation_header_gen.py --libsel4 --sel4_arch \
        --xml "$lib/sel4_arch_include/aarch64/interfaces/sel4arch.xml" \
        --dest "$include/sel4/sel4_arch/invocation.h"
    generate invocation_header_gen.py --libsel4 --arch --xml "$lib/arch_include/arm/interfaces/sel4arch.xml" \
        --dest "$include/sel4/arch/invocation.h"
    generate syscall_header_gen.py --xml "$lib/include/api/syscall.xml" --libsel4_header "$include/sel4/syscall.h"
    types() { # types SOURCE HEADER: bit fields of messages and capability data
        "${cross}cpp" -nostdinc -DHAVE_AUTOCONF -I"$include" -I"$lib/include" -I"$lib/arch_include/arm" -P "$1" \
            >"$out/objects/types.pbf"
        (cd "$out/objects" && generate bitfield_gen.py --environment libsel4 types.pbf "$2")
    }
    types "$lib/include/sel4/types_64.bf" "$include/sel4/types_gen.h"
    types "$lib/include/sel4/shared_types_64.bf" "$include/sel4/shared_types_gen.h"
    types "$lib/sel4_arch_include/aarch64/sel4/sel4_arch/types.bf" "$include/sel4/sel4_arch/types_gen.h"
    printf 'CONFIG_WORD_SIZE=64\n' >"$out/objects/words.config"
    generate syscall_stub_gen.py -a aarch64 -c "$out/objects/words.config" -o "$include/interfaces/sel4_client.h" \
        "$lib/sel4_arch_include/aarch64/interfaces/sel4arch.xml" \
        "$lib/arch_include/arm/interfaces/sel4arch.xml" "$lib/include/interfaces/sel4.xml"
} >>"$log" 2>&1

# Guards are named after the folder.
if [ "$platform" != "$usual" ] &&
    ! diff -r -I '^#\(ifndef\|define\) _.*_GEN_H$' "$kernels/$config/include" "$include" >>"$log" 2>&1; then
    fail "the headers of user level differ from those of $usual ($config): programs could not be the same"
fi
cp "$out/objects/kernel.elf" "$out/kernel.elf"
echo "$stamp" >"$out/stamp"
