// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The Ethernet MAC of NXP's i.MX (ENET, formerly FEC), behind the same queue of frames as a virtio card.
//!
//! Reference: i.MX 8M Plus Applications Processor Reference Manual (IMX8MPRM), chapter "Ethernet MAC (ENET)". Legacy
//! descriptors, one queue, no offloading.
//!
//! **The link is what firmware negotiated.** Nothing here talks to the PHY: speed, duplex and the kind of interface are read
//! from the registers that U-Boot left and kept. A cable that comes later, or another speed, is not noticed.
//!
//! What the card writes into memory is copied once and checked, as if it came from a hostile peer.
#![no_std]
#![deny(unsafe_code)]

mod mmio;
mod registers;
mod ring;
#[cfg(test)]
mod tests;

use core::fmt;

use cofferdam_net_protocol::FRAME_BYTES_MAX;
use cofferdam_shared_memory::{OutOfBounds, SharedRegion};
use cofferdam_virtio_net::Card;
pub use registers::Registers;
use ring::{APPEND_CHECKSUM, LAST, OWNED_BY_CARD, RECEIVE_ERRORS, Ring, State};
pub use ring::{BUFFER_BYTES, DESCRIPTORS, DMA_BYTES};
use tock_registers::interfaces::{Readable as _, Writeable as _};

use registers::{Active, Control, Events, ReceiveControl, TransmitControl, Watermark};

/// The size of its registers.
pub const REGISTERS_BYTES: usize = size_of::<Registers>();

/// What the card appends to a frame.
const CHECKSUM_BYTES: usize = 4;

/// Why the card does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnetError {
    /// The memory for its rings is too small, which is a mistake in the system description.
    Memory(OutOfBounds),
    /// That memory lies where the card cannot reach: it has 32 bits.
    Address(u64),
    /// Firmware gave the card no address.
    NoHardwareAddress,
    /// The card could not access memory.
    Bus,
}

impl fmt::Display for EnetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(error) => write!(f, "memory for the card: {error}"),
            Self::Address(paddr) => write!(f, "memory for the card at {paddr:#x} is beyond its 32 bits"),
            Self::NoHardwareAddress => f.write_str("firmware gave the card no address"),
            Self::Bus => f.write_str("the card could not access memory"),
        }
    }
}

impl core::error::Error for EnetError {}

impl From<OutOfBounds> for EnetError {
    fn from(error: OutOfBounds) -> Self {
        Self::Memory(error)
    }
}

/// A card.
pub struct Enet<'a> {
    registers: &'a Registers,
    receive: Ring,
    transmit: Ring,
    hardware_address: [u8; 6],
}

impl<'a> Enet<'a> {
    /// Sets up the card with these registers, and lets it receive.
    ///
    /// # Errors
    /// When the memory is too small or beyond the card's 32 bits, or firmware left the card without an address.
    pub fn new(registers: &'a Registers, dma: SharedRegion, dma_paddr: u64) -> Result<Self, EnetError> {
        let hardware_address = address(registers)?;
        let reach = |paddr: u64| u32::try_from(paddr).map_err(|_| EnetError::Address(dma_paddr));
        let transmit_paddr = dma_paddr.saturating_add(Ring::BYTES as u64);
        // The last byte, too.
        reach(transmit_paddr.saturating_add(Ring::BYTES as u64))?;

        // Off: it lets go of the rings. A reset would lose the link's settings.
        let gigabit = registers.control.is_set(Control::GIGABIT);
        registers.control.write(Control::GIGABIT.val(gigabit.into()) + Control::SWAP::SET);
        registers.interrupts.set(0);
        registers.events.set(u32::MAX);
        let receive = Ring::new(dma.part(0, Ring::BYTES)?, reach(dma_paddr)?, OWNED_BY_CARD)?;
        let transmit = Ring::new(dma.part(Ring::BYTES, Ring::BYTES)?, reach(transmit_paddr)?, 0)?;

        let was = registers.receive_control.extract();
        registers.receive_control.write(
            ReceiveControl::FRAME_BYTES_MAX.val((FRAME_BYTES_MAX + CHECKSUM_BYTES) as u32)
                + ReceiveControl::SLOW.val(was.read(ReceiveControl::SLOW))
                + ReceiveControl::RMII.val(was.read(ReceiveControl::RMII))
                + ReceiveControl::RGMII.val(was.read(ReceiveControl::RGMII))
                + ReceiveControl::MII::SET,
        );
        // Whole frames are there before they go: half-duplex needs nothing else, and underruns cannot happen.
        registers.transmit_watermark.write(Watermark::STORE_AND_FORWARD::SET);
        registers.transmit_control.write(TransmitControl::FULL_DUPLEX::SET);
        registers.hashes.iter().for_each(|hash| hash.set(0));
        registers.transmit_accelerator.set(0);
        registers.receive_accelerator.set(0);
        registers.receive_buffer_bytes.set(BUFFER_BYTES as u32);
        registers.receive_ring.set(receive.paddr());
        registers.transmit_ring.set(transmit.paddr());
        mmio::publish();
        registers
            .control
            .write(Control::GIGABIT.val(gigabit.into()) + Control::SWAP::SET + Control::ENABLE::SET);
        registers.receive_active.write(Active::ACTIVE::SET);
        registers
            .interrupts
            .write(Events::RECEIVE_FRAME::SET + Events::TRANSMIT_FRAME::SET + Events::BUS_ERROR::SET);
        Ok(Self { registers, receive, transmit, hardware_address })
    }

    /// The card's address.
    pub fn hardware_address(&self) -> [u8; 6] {
        self.hardware_address
    }

    /// Takes its interrupt back. What happens from here on interrupts again.
    pub fn acknowledge_interrupt(&mut self) {
        self.registers.events.write(Events::RECEIVE_FRAME::SET + Events::TRANSMIT_FRAME::SET);
    }

    fn check(&self) -> Result<(), EnetError> {
        if self.registers.events.is_set(Events::BUS_ERROR) { Err(EnetError::Bus) } else { Ok(()) }
    }
}

/// What firmware wrote; an address of a group, or none, is no card's.
fn address(registers: &Registers) -> Result<[u8; 6], EnetError> {
    let [a, b, c, d] = registers.address_low.get().to_be_bytes();
    let [e, f, ..] = registers.address_high.get().to_be_bytes();
    let address = [a, b, c, d, e, f];
    if address == [0; 6] || a & 1 == 1 { Err(EnetError::NoHardwareAddress) } else { Ok(address) }
}

impl Card for Enet<'_> {
    type Error = EnetError;

    /// Frames that the card marks as broken, or in more than one piece, are dropped here.
    fn receive(&mut self, with: impl FnOnce(&[u8])) -> Result<bool, EnetError> {
        self.check()?;
        // At most once around: a card that never stops is a flood that this call does not serve.
        for _ in 0..DESCRIPTORS {
            let state = self.receive.read()?;
            if state.flags & OWNED_BY_CARD != 0 {
                return Ok(false);
            }
            let length_bytes = usize::from(state.length_bytes).checked_sub(CHECKSUM_BYTES);
            let length_bytes = length_bytes.filter(|length| {
                state.flags & LAST != 0 && state.flags & RECEIVE_ERRORS == 0 && *length <= FRAME_BYTES_MAX
            });
            let mut frame = [0; FRAME_BYTES_MAX];
            let frame = length_bytes.and_then(|length| frame.get_mut(..length));
            let frame = match frame {
                Some(frame) => {
                    self.receive.copy_out(frame)?;
                    Some(frame)
                }
                None => None,
            };
            self.receive.write(State { length_bytes: 0, flags: OWNED_BY_CARD })?;
            self.receive.advance();
            mmio::publish();
            self.registers.receive_active.write(Active::ACTIVE::SET);
            if let Some(frame) = frame {
                with(frame);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn can_send(&mut self) -> Result<bool, EnetError> {
        self.check()?;
        Ok(self.transmit.read()?.flags & OWNED_BY_CARD == 0)
    }

    fn send(&mut self, frame: &[u8]) -> Result<bool, EnetError> {
        if !self.can_send()? {
            return Ok(false);
        }
        let length_bytes = u16::try_from(frame.len()).unwrap_or(u16::MAX);
        self.transmit.copy_in(frame.get(..FRAME_BYTES_MAX).unwrap_or(frame))?;
        let length_bytes = length_bytes.min(FRAME_BYTES_MAX as u16);
        self.transmit.write(State { length_bytes, flags: OWNED_BY_CARD | LAST | APPEND_CHECKSUM })?;
        self.transmit.advance();
        mmio::publish();
        self.registers.transmit_active.write(Active::ACTIVE::SET);
        Ok(true)
    }
}
