// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The PL011 UART: output only.
//!
//! Reference: PrimeCell UART (PL011) Technical Reference Manual, ARM DDI 0183. Address and interrupt come from
//! `system.xml`; the baud rate is whatever firmware set (QEMU ignores it).
//!
//! Output never waits: [`Uart::try_write`] refuses when the FIFO is full, and the transmit interrupt says when
//! there is room again.
#![no_std]
#![deny(unsafe_code)]

mod mmio;
mod registers;
#[cfg(test)]
mod tests;

pub use cofferdam_uart::Uart;
pub use registers::Registers;

use registers::{Control, Flags, Interrupts, LineControl};
use tock_registers::interfaces::{ReadWriteable as _, Readable as _, Writeable as _};

/// The size of its registers.
pub const REGISTERS_BYTES: usize = size_of::<Registers>();

/// How often [`Uart::set_up`] looks whether the last character is out; at 115,200 baud one takes 87 µs.
const DRAIN_LOOKS_MAX: u32 = 1_000_000;

/// A PL011.
pub struct Pl011<'a> {
    registers: &'a Registers,
}

impl<'a> Pl011<'a> {
    /// The UART with these registers.
    pub const fn new(registers: &'a Registers) -> Self {
        Self { registers }
    }
}

impl Uart for Pl011<'_> {
    /// Sets it up for output: eight bits, no parity, FIFO on, all interrupts masked. Follows DDI 0183 section
    /// 3.3.8: switch off, let the character that is on its way go out, flush, set, switch on.
    fn set_up(&mut self) {
        let registers = self.registers;
        for _ in 0..DRAIN_LOOKS_MAX {
            if !registers.flags.is_set(Flags::BUSY) {
                break;
            }
            core::hint::spin_loop();
        }
        registers.control.set(0);
        registers.interrupt_mask.set(0);
        registers.line_control.write(LineControl::FIFO_ENABLE::CLEAR);
        registers.line_control.write(LineControl::FIFO_ENABLE::SET + LineControl::WORD_LENGTH::EightBits);
        registers.control.write(Control::UART_ENABLE::SET + Control::TRANSMIT_ENABLE::SET);
    }

    fn try_write(&mut self, byte: u8) -> bool {
        if self.registers.flags.is_set(Flags::TRANSMIT_FIFO_FULL) {
            return false;
        }
        self.registers.data.set(u32::from(byte));
        true
    }

    /// Whether to interrupt when the FIFO has drained below its trigger level. That is a change of state: after
    /// switching this on, there is an interrupt only if something has been written since the last
    /// [`Uart::acknowledge`].
    fn interrupt_when_drained(&mut self, on: bool) {
        self.registers.interrupt_mask.modify(if on {
            Interrupts::TRANSMIT::SET
        } else {
            Interrupts::TRANSMIT::CLEAR
        });
    }

    fn acknowledge(&mut self) {
        self.registers.interrupt_clear.write(Interrupts::TRANSMIT::SET);
    }
}
