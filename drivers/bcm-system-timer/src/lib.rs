// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The system timer of Broadcom's BCM2835 to BCM2711 (Raspberry Pi): channel 1 of it.
//!
//! Reference: "BCM2711 ARM Peripherals" (Raspberry Pi Ltd), chapter 10. It counts microseconds and cannot be stopped. Channels
//! 0 and 2 belong to the VideoCore; channel 3 is left to whoever else wants one. Channel n interrupts as n of the VideoCore's
//! list.
#![no_std]
#![deny(unsafe_code)]

mod mmio;
#[cfg(test)]
mod tests;

use cofferdam_generic_timer::MatchTimer;
use tock_registers::interfaces::{Readable as _, Writeable as _};
use tock_registers::registers::{ReadOnly, ReadWrite};
use tock_registers::{register_bitfields, register_structs};

register_structs! {
    /// The registers that one channel needs (table 163).
    #[allow(non_snake_case)]
    pub Registers {
        /// CS: a bit is cleared by writing 1, and writing 0 leaves it.
        (0x00 => control_status: ReadWrite<u32, ControlStatus::Register>),
        /// CLO.
        (0x04 => count_low: ReadOnly<u32>),
        (0x08 => _to_compare_1),
        /// C1.
        (0x10 => compare_1: ReadWrite<u32>),
        (0x14 => _to_end),
        (0x20 => @END),
    }
}

register_bitfields! [u32,
    ControlStatus [
        MATCH_1 OFFSET(1) NUMBITS(1) [],
    ],
];

/// The size of its registers.
pub const REGISTERS_BYTES: usize = size_of::<Registers>();

/// Channel 1 of a system timer.
pub struct SystemTimer<'a> {
    registers: &'a Registers,
}

impl<'a> SystemTimer<'a> {
    /// The timer with these registers.
    pub const fn new(registers: &'a Registers) -> Self {
        Self { registers }
    }
}

impl MatchTimer for SystemTimer<'_> {
    fn count_us(&self) -> u32 {
        self.registers.count_low.get()
    }

    fn match_at(&mut self, count_us: u32) {
        // In this order: a match of the new value is not lost.
        self.registers.compare_1.set(count_us);
        self.registers.control_status.write(ControlStatus::MATCH_1::SET);
    }

    /// It cannot be masked. A register that has just passed matches again in more than an hour; whoever hears it then
    /// has nothing to do.
    fn silence(&mut self) {
        self.registers.compare_1.set(self.count_us().wrapping_sub(1));
        self.registers.control_status.write(ControlStatus::MATCH_1::SET);
    }
}
