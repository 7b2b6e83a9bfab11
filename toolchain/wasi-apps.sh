#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# Builds the apps that need more than our Rust into build/apps: apps/cruise-c from C with clang alone, and the programs for WASI:
# apps/primes from C with clang and wasi-libc, apps/dice from Rust with std. Those know nothing of Cofferdam, and the compilers get
# the flags that they would get anywhere.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$TOP"
apps=$BUILD/apps
mkdir -p "$apps"

if [ apps/primes/primes.c -nt "$apps/primes.wasm" ]; then
    clang --target=wasm32-wasi --sysroot=/usr -std=gnu11 -Wall -Wextra -Werror -Os -s apps/primes/primes.c -o "$apps/primes.wasm"
fi
# A control loop needs no library. Multiply and add stay two operations: outputs are those of apps/cruise.
if [ apps/cruise-c/cruise.c -nt "$apps/cruise-c.wasm" ] || [ apps/sdk/include/cofferdam.h -nt "$apps/cruise-c.wasm" ]; then
    clang --target=wasm32 -mcpu=mvp -std=c11 -Wall -Wextra -Werror -O2 -ffp-contract=off -ffreestanding -nostdlib -s \
        -I apps/sdk/include apps/cruise-c/cruise.c -o "$apps/cruise-c.wasm" \
        -Wl,--no-entry -Wl,-z,stack-size=16384 -Wl,--stack-first
fi
toolchain/cargo wasi build --quiet --profile app -p dice
cp -u "${CARGO_TARGET_DIR:-$BUILD/target}/$WASI_TARGET/app/dice.wasm" "$apps/dice.wasm"
