// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Writes where nothing is mapped.
#![no_std]
#![no_main]

use sel4_microkit::{Handler, NullHandler, protection_domain};

#[protection_domain]
fn init() -> impl Handler {
    // SAFETY: none: nothing is mapped there, and the fault is what the test wants.
    unsafe { (0xdead_0000 as *mut u64).write_volatile(1) };
    NullHandler
}
