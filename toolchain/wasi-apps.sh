#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# Builds the programs for WASI into build/apps: apps/primes from C with clang and wasi-libc, apps/dice from Rust with
# std. Their sources know nothing of Cofferdam, and the compilers get the flags that they would get anywhere.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$TOP"
apps=$BUILD/apps
mkdir -p "$apps"

if [ apps/primes/primes.c -nt "$apps/primes.wasm" ]; then
    clang --target=wasm32-wasi --sysroot=/usr -std=gnu11 -Wall -Wextra -Werror -Os -s apps/primes/primes.c -o "$apps/primes.wasm"
fi
toolchain/cargo wasi build --quiet --profile app -p dice
cp -u "${CARGO_TARGET_DIR:-$BUILD/target}/$WASI_TARGET/app/dice.wasm" "$apps/dice.wasm"
