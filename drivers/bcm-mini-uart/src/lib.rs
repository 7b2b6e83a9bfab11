// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The mini UART of Broadcom's BCM2835 to BCM2711 (Raspberry Pi): output only.
//!
//! Reference: "BCM2711 ARM Peripherals" (Raspberry Pi Ltd), sections 2.1 and 2.2. It shares a block of registers, and an
//! interrupt, with two SPI masters that nobody here uses. Its baud rate follows the VideoCore's clock: firmware must hold that
//! still (`enable_uart=1` does).
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
use registers::{Control, Enables, Interrupts, LineControl, LineStatus};
use tock_registers::interfaces::{ReadWriteable as _, Readable as _, Writeable as _};

/// The size of its block of registers.
pub const REGISTERS_BYTES: usize = size_of::<Registers>();

/// A mini UART.
pub struct MiniUart<'a> {
    registers: &'a Registers,
}

impl<'a> MiniUart<'a> {
    /// The UART with these registers.
    pub const fn new(registers: &'a Registers) -> Self {
        Self { registers }
    }
}

impl Uart for MiniUart<'_> {
    /// Its registers read as zero until the block has it on.
    fn set_up(&mut self) {
        let registers = self.registers;
        registers.enables.modify(Enables::MINI_UART::SET);
        registers.interrupts.set(0);
        registers.line_control.write(LineControl::DATA_SIZE::EightBits);
        registers.control.write(Control::TRANSMITTER_ENABLE::SET);
    }

    fn try_write(&mut self, byte: u8) -> bool {
        if !self.registers.line_status.is_set(LineStatus::TRANSMITTER_EMPTY) {
            return false;
        }
        self.registers.data.set(u32::from(byte));
        true
    }

    fn interrupt_when_drained(&mut self, on: bool) {
        self.registers.interrupts.modify(if on {
            Interrupts::TRANSMIT::SET
        } else {
            Interrupts::TRANSMIT::CLEAR
        });
    }

    /// Nothing: it goes when the FIFO fills, or is masked.
    fn acknowledge(&mut self) {}
}
