// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Panics. Its panic sink prints on the serial port; then the monitor sees the undefined instruction.
#![no_std]
#![no_main]

use core::fmt::Write;

use sel4_microkit::{Handler, NullHandler, memory_region, pd_name, protection_domain, set_panic_sink};
use system_tests_support::Serial;

#[protection_domain]
fn init() -> impl Handler {
    set_panic_sink(|info| {
        // Writing never fails.
        let _ = writeln!(Serial::new(memory_region!(uart: uart_size)), "{}: {info}", pd_name());
    });
    let numbers = core::hint::black_box([1, 2, 3]);
    let index = core::hint::black_box(3);
    if numbers[index] == 4 {
        return NullHandler;
    }
    NullHandler
}
