// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The general purpose timer of NXP's i.MX: one output compare channel, counting microseconds.
//!
//! Reference: i.MX 8M Plus Applications Processor Reference Manual (IMX8MPRM), chapter "General Purpose Timer (GPT)". It runs
//! from the crystal of 24 MHz, which no power mode and no clock setting changes.
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
    /// The registers that one channel needs.
    #[allow(non_snake_case)]
    pub Registers {
        /// GPT_CR.
        (0x00 => control: ReadWrite<u32, Control::Register>),
        /// GPT_PR: divides by its value + 1.
        (0x04 => prescaler: ReadWrite<u32, Prescaler::Register>),
        /// GPT_SR: a bit is cleared by writing 1.
        (0x08 => status: ReadWrite<u32, Events::Register>),
        /// GPT_IR.
        (0x0c => interrupts: ReadWrite<u32, Events::Register>),
        /// GPT_OCR1.
        (0x10 => compare_1: ReadWrite<u32>),
        (0x14 => _to_count),
        /// GPT_CNT.
        (0x24 => count: ReadOnly<u32>),
        (0x28 => @END),
    }
}

register_bitfields! [u32,
    Control [
        SOFTWARE_RESET OFFSET(15) NUMBITS(1) [],
        CRYSTAL_ENABLE OFFSET(10) NUMBITS(1) [],
        FREE_RUN OFFSET(9) NUMBITS(1) [],
        CLOCK_SOURCE OFFSET(6) NUMBITS(3) [ Crystal = 5 ],
        ENABLE_MODE OFFSET(1) NUMBITS(1) [ FromZero = 1 ],
        ENABLE OFFSET(0) NUMBITS(1) [],
    ],
    Prescaler [
        PRESCALER OFFSET(0) NUMBITS(12) [],
    ],
    Events [
        ALL OFFSET(0) NUMBITS(6) [],
        OUTPUT_COMPARE_1 OFFSET(0) NUMBITS(1) [],
    ],
];

/// The size of its registers.
pub const REGISTERS_BYTES: usize = size_of::<Registers>();

/// The crystal of 24 MHz, divided to microseconds.
const TICKS_PER_US: u32 = 24;
/// How often the reset is looked at; it takes some cycles of the crystal.
const RESET_LOOKS_MAX: u32 = 1000;

/// A GPT.
pub struct Gpt<'a> {
    registers: &'a Registers,
}

impl<'a> Gpt<'a> {
    /// The timer with these registers, as it is.
    pub const fn new(registers: &'a Registers) -> Self {
        Self { registers }
    }

    /// Starts it from zero; it interrupts when that is asked for. Follows the reference manual's «Operating the GPT»: off,
    /// masked, reset, clock, on.
    pub fn start(&mut self) {
        let registers = self.registers;
        registers.control.set(0);
        registers.interrupts.set(0);
        registers.control.write(Control::SOFTWARE_RESET::SET);
        for _ in 0..RESET_LOOKS_MAX {
            if !registers.control.is_set(Control::SOFTWARE_RESET) {
                break;
            }
            core::hint::spin_loop();
        }
        let clock = Control::CLOCK_SOURCE::Crystal + Control::CRYSTAL_ENABLE::SET + Control::FREE_RUN::SET;
        registers.control.write(clock);
        registers.prescaler.write(Prescaler::PRESCALER.val(TICKS_PER_US - 1));
        registers.status.write(Events::ALL.val(0x3f));
        registers.control.write(clock + Control::ENABLE_MODE::FromZero);
        registers.control.write(clock + Control::ENABLE_MODE::FromZero + Control::ENABLE::SET);
    }
}

impl MatchTimer for Gpt<'_> {
    fn count_us(&self) -> u32 {
        self.registers.count.get()
    }

    fn match_at(&mut self, count_us: u32) {
        // In this order: a match of the new value is not lost.
        self.registers.compare_1.set(count_us);
        self.registers.status.write(Events::OUTPUT_COMPARE_1::SET);
        self.registers.interrupts.write(Events::OUTPUT_COMPARE_1::SET);
    }

    fn silence(&mut self) {
        self.registers.interrupts.set(0);
        self.registers.status.write(Events::OUTPUT_COMPARE_1::SET);
    }
}
