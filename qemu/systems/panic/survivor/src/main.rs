// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Runs when the others have faulted, and says so.
#![no_std]
#![no_main]

use core::fmt::Write;

use sel4_microkit::{Handler, NullHandler, memory_region, protection_domain};
use system_tests_support::Serial;

#[protection_domain]
fn init() -> impl Handler {
    // Writing never fails.
    let _ = writeln!(Serial::new(memory_region!(uart: uart_size)), "panic: the others run on");
    NullHandler
}
