#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
# toolchain/sdk.sh BOARD CONFIG: prints the folder of the Microkit SDK that holds the kernel of this board and
# configuration, or says what is wrong with the SDK and how to get one that fits.
# Environment: MICROKIT_SDK, the unpacked SDK.
set -euo pipefail
# The environment of a protection domain (slots, badges, symbols) is that of this release series; another one
# may differ in any of them without an error at build time.
series=2.3
board=$1 config=$2
sdk=${MICROKIT_SDK:-}

fail() {
    {
        echo "sdk: $*"
        echo "sdk: KERNEL=sdk needs the seL4 Microkit SDK $series. To get it, download microkit-sdk-$series.0-linux-x86-64.tar.gz"
        echo "sdk: (or the one for your machine) from https://github.com/seL4/microkit/releases and unpack it; then name it:"
        echo "sdk:   make … KERNEL=sdk MICROKIT_SDK=/path/to/microkit-sdk-$series.0"
    } >&2
    exit 1
}

[ -n "$sdk" ] || fail "MICROKIT_SDK is not set"
[ -d "$sdk" ] || fail "MICROKIT_SDK=$sdk is no folder"
[ -f "$sdk/VERSION" ] && [ -d "$sdk/board" ] ||
    fail "MICROKIT_SDK=$sdk is no unpacked SDK: it has no file VERSION or no folder board"
version=$(head -n 1 "$sdk/VERSION" | tr -d '[:space:]')
case $version in
$series | "$series".* | "$series"-*) ;;
*) fail "MICROKIT_SDK=$sdk has version '$version'" ;;
esac
[ -d "$sdk/board/$board" ] ||
    fail "the SDK at $sdk has no board $board; it has: $(ls "$sdk/board" | tr '\n' ' ')"
[ -f "$sdk/board/$board/$config/include/sel4/sel4.h" ] ||
    fail "the SDK at $sdk has no configuration $config of $board; it has: $(ls "$sdk/board/$board" | tr '\n' ' ')"
[ -x "$sdk/bin/microkit" ] || fail "$sdk/bin/microkit is missing or cannot be executed"
# Another machine's tool is there and executable, yet does not run.
"$sdk/bin/microkit" --help >/dev/null 2>&1 ||
    fail "$sdk/bin/microkit does not run on this machine ($(uname -sm)); take the SDK that was built for it"
echo "$sdk/board/$board/$config"
