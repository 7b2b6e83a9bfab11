// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Overflows its stack.
#![no_std]
#![no_main]

use sel4_microkit::{Handler, NullHandler, protection_domain};

#[protection_domain]
fn init() -> impl Handler {
    recurse(0);
    NullHandler
}

#[inline(never)]
#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    let frame = [depth; 64];
    core::hint::black_box(&frame);
    recurse(depth + 1) + core::hint::black_box(frame[0])
}
