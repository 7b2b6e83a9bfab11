#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Makes the small generated files of the kernel's build; build.sh calls it.

facts FILE            platform.toml as #define PLATFORM_NAME VALUE, and PLATFORM_DEVICES, a PLATFORM_DEVICE(first, behind) for
                      each device of user level
autoconf FILE CONFIG  seL4.conf as #define CONFIG_NAME VALUE, for release or debug
"""
import re
import sys


def assignments(path, section):
    """Name and value of the lines before the first [section] and of those in `section`."""
    current = None
    for number, line in enumerate(open(path), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if header := re.fullmatch(r"\[(\w+)\]", line):
            current = header[1]
        elif found := re.fullmatch(r'(\w+) *= *("?)(\w+)\2', line):
            if current in (None, section):
                yield found[1].upper(), found[3]
        else:
            sys.exit(f"{path}:{number}: error: not 'name = value': {line}")


def defines(prefix, path, section, guard):
    print(f"/* Generated from {path}. */\n#ifndef {guard}\n#define {guard}")
    for name, value in assignments(path, section):
        print(f"#define {prefix}{name} {value}")
    if prefix == "PLATFORM_":
        print(f"#define PLATFORM_DEVICES {devices(dict(assignments(path, section)))}")
    print("#endif")


def devices(facts):
    """The UART and what is called device_NAME (a page) or device_NAME_start and device_NAME_end."""
    found = [f"PLATFORM_DEVICE({facts['UART']}, {facts['UART']} + BIT(PAGE_BITS))"]
    for name, value in facts.items():
        if name.startswith("DEVICE_") and name.endswith("_START"):
            found.append(f"PLATFORM_DEVICE({value}, {facts[name.removesuffix('START') + 'END']})")
        elif name.startswith("DEVICE_") and not name.endswith("_END"):
            found.append(f"PLATFORM_DEVICE({value}, {value} + BIT(PAGE_BITS))")
    return " ".join(found)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["facts", path]:
            defines("PLATFORM_", path, None, "COFFERDAM_PLATFORM_FACTS_H")
        case ["autoconf", path, section]:
            defines("CONFIG_", path, section, "COFFERDAM_AUTOCONF_H")
        case _:
            sys.exit(__doc__)
