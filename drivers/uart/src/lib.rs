// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What `console` needs of a UART, whichever a board has: output only.
//!
//! Output never waits: [`Uart::try_write`] refuses when the FIFO is full, and the transmit interrupt says when there is room
//! again. The baud rate is whatever firmware set.
#![no_std]
#![forbid(unsafe_code)]

/// A UART to write to.
pub trait Uart {
    /// Gets it ready for output, with all its interrupts masked. What is on its way still goes out.
    fn set_up(&mut self);

    /// Gives `byte` to the FIFO, or says no because that is full.
    fn try_write(&mut self, byte: u8) -> bool;

    /// Whether to interrupt when the FIFO has drained (below its trigger level, if it has one). It may be a change of
    /// state that interrupts: after switching this on there is an interrupt for sure only if something has been written
    /// since the last [`Uart::acknowledge`].
    fn interrupt_when_drained(&mut self, on: bool);

    /// Takes the transmit interrupt back, where it is one that stays until then.
    fn acknowledge(&mut self);
}
