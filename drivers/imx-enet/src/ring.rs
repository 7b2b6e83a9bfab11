// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Descriptors and buffers in the memory that the card reads and writes.
//!
//! A legacy descriptor has 8 bytes: length, flags, the buffer's address (reference manual, «Legacy buffer descriptors»).
//! Whoever owns one may write it: the card while [`OWNED_BY_CARD`] is set.

use cofferdam_shared_memory::{OutOfBounds, SharedRegion};

/// Descriptors of one ring.
pub const DESCRIPTORS: usize = 64;
/// Bytes of a buffer: more than a frame, and a multiple of the 16 that the card wants.
pub const BUFFER_BYTES: usize = 2048;
/// Bytes that two rings and their buffers take.
pub const DMA_BYTES: usize = 2 * (RING_BYTES + DESCRIPTORS * BUFFER_BYTES);

const DESCRIPTOR_BYTES: usize = 8;
/// A page, so that buffers begin on one.
const RING_BYTES: usize = 4096;
const _: () = assert!(DESCRIPTORS * DESCRIPTOR_BYTES <= RING_BYTES);

/// E of a receive descriptor, R of a transmit descriptor.
pub const OWNED_BY_CARD: u16 = 1 << 15;
/// W: the ring ends here.
const WRAP: u16 = 1 << 13;
/// L: the frame ends here.
pub const LAST: u16 = 1 << 11;
/// TC: the card appends the checksum.
pub const APPEND_CHECKSUM: u16 = 1 << 10;
/// LG, NO, CR, OV, TR: the frame is too long, has half a byte too many, a wrong checksum, was overrun, was truncated.
pub const RECEIVE_ERRORS: u16 = 1 << 5 | 1 << 4 | 1 << 2 | 1 << 1 | 1;

/// A descriptor's first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Bytes in the buffer.
    pub length_bytes: u16,
    /// Flags.
    pub flags: u16,
}

/// One ring with its buffers, and whose turn it is.
#[derive(Debug)]
pub struct Ring {
    memory: SharedRegion,
    paddr: u32,
    next: usize,
}

impl Ring {
    /// A ring in `memory`, which the card sees at `paddr`: every descriptor with these flags and no bytes.
    pub fn new(memory: SharedRegion, paddr: u32, flags: u16) -> Result<Self, OutOfBounds> {
        let mut ring = Self { memory, paddr, next: 0 };
        for number in 0..DESCRIPTORS {
            let buffer = ring.paddr.wrapping_add(u32::try_from(buffer_at(number)).unwrap_or(u32::MAX));
            ring.memory.store_u32_relaxed(number * DESCRIPTOR_BYTES + 4, buffer)?;
            ring.next = number;
            ring.write(State { length_bytes: 0, flags })?;
        }
        ring.next = 0;
        Ok(ring)
    }

    /// Bytes of a ring with its buffers.
    pub const BYTES: usize = RING_BYTES + DESCRIPTORS * BUFFER_BYTES;

    /// Where the card finds it.
    pub fn paddr(&self) -> u32 {
        self.paddr
    }

    /// The descriptor whose turn it is.
    pub fn read(&self) -> Result<State, OutOfBounds> {
        let word = self.memory.load_u32_acquire(self.next * DESCRIPTOR_BYTES)?;
        let [a, b, c, d] = word.to_le_bytes();
        Ok(State { length_bytes: u16::from_le_bytes([a, b]), flags: u16::from_le_bytes([c, d]) })
    }

    /// Writes it, behind everything that was written or read before.
    pub fn write(&mut self, state: State) -> Result<(), OutOfBounds> {
        let wrap = if self.next + 1 == DESCRIPTORS { WRAP } else { 0 };
        let ([a, b], [c, d]) = (state.length_bytes.to_le_bytes(), (state.flags | wrap).to_le_bytes());
        self.memory.store_u32_release(self.next * DESCRIPTOR_BYTES, u32::from_le_bytes([a, b, c, d]))
    }

    /// On to the next one.
    pub fn advance(&mut self) {
        self.next = (self.next + 1) % DESCRIPTORS;
    }

    /// Its buffer's first bytes.
    pub fn copy_out(&self, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        self.memory.copy_out(buffer_at(self.next), bytes)
    }

    /// Fills its buffer.
    pub fn copy_in(&self, bytes: &[u8]) -> Result<(), OutOfBounds> {
        self.memory.copy_in(buffer_at(self.next), bytes)
    }
}

fn buffer_at(number: usize) -> usize {
    RING_BYTES + number * BUFFER_BYTES
}
