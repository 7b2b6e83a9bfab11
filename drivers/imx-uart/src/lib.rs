// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The UART of NXP's i.MX: output only.
//!
//! Reference: i.MX 8M Plus Applications Processor Reference Manual (IMX8MPRM), chapter "Universal Asynchronous
//! Receiver/Transmitter". Baud rate, pins and clock are what firmware set.
//!
//! Its transmit interrupt is a state, not a change: it asks as long as the FIFO is empty and the interrupt is allowed.
#![no_std]
#![deny(unsafe_code)]

mod mmio;
mod registers;
#[cfg(test)]
mod tests;

pub use registers::Registers;

use cofferdam_uart::Uart;
use registers::{Control1, Control2, Test};
use tock_registers::interfaces::{ReadWriteable as _, Readable as _, Writeable as _};

/// The size of its registers.
pub const REGISTERS_BYTES: usize = size_of::<Registers>();

/// An i.MX UART.
pub struct ImxUart<'a> {
    registers: &'a Registers,
}

impl<'a> ImxUart<'a> {
    /// The UART with these registers.
    pub const fn new(registers: &'a Registers) -> Self {
        Self { registers }
    }
}

impl Uart for ImxUart<'_> {
    /// It is not reset, which would lose the baud rate and what is on its way.
    fn set_up(&mut self) {
        let registers = self.registers;
        // Interrupts are allowed in three registers; the third, UCR3, has none that firmware would allow.
        registers.control_1.write(Control1::UART_ENABLE::SET);
        registers.control_4.set(0);
        // Nobody answers RTS on a console's three wires.
        registers.control_2.modify(
            Control2::IGNORE_RTS::SET + Control2::WORD_SIZE::EightBits + Control2::TRANSMITTER_ENABLE::SET,
        );
    }

    fn try_write(&mut self, byte: u8) -> bool {
        if self.registers.test.is_set(Test::TRANSMIT_FIFO_FULL) {
            return false;
        }
        self.registers.data.set(u32::from(byte));
        true
    }

    fn interrupt_when_drained(&mut self, on: bool) {
        self.registers.control_1.modify(if on {
            Control1::TRANSMITTER_EMPTY_INTERRUPT::SET
        } else {
            Control1::TRANSMITTER_EMPTY_INTERRUPT::CLEAR
        });
    }

    /// Nothing: it goes when the FIFO fills, or is masked.
    fn acknowledge(&mut self) {}
}
