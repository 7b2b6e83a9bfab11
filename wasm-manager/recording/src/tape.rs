// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The memory region that a recording lies in: written by one slot, read by others who do not trust it.
//!
//! A header, the orders that the app runs by, then the entries. What is behind the published length does not count.

use alloc::vec::Vec;

use cofferdam_shared_memory::{OutOfBounds, SharedRegion};
use cofferdam_slot_protocol::{ORDERS_BYTES, Orders};

use crate::entry::Entry;

/// `Coffrec` and the version of this layout and of the entries.
const MAGIC: u64 = u64::from_le_bytes(*b"Coffrec\x01");
const MAGIC_AT: usize = 0;
const GENERATION_AT: usize = 8;
/// Bytes from [`ORDERS_AT`] on that are whole.
const LENGTH_AT: usize = 16;
const FULL_AT: usize = 24;
const ACTIVATIONS_AT: usize = 32;
const ORDERS_AT: usize = 64;
/// The smallest region that is of any use.
pub const TAPE_BYTES_MIN: usize = ORDERS_AT + ORDERS_BYTES + 1024;

/// The side that writes.
#[derive(Debug)]
pub struct Tape {
    region: SharedRegion,
    /// Behind the last entry.
    at: usize,
    /// Behind the last activation that is whole.
    kept: usize,
    activations: u64,
    release_us: u64,
    full: bool,
}

impl Tape {
    /// Begins a recording of an app that runs by `orders`; what was there before is gone.
    ///
    /// # Errors
    /// If the region is smaller than [`TAPE_BYTES_MIN`].
    pub fn begin(region: SharedRegion, orders: &Orders) -> Result<Self, OutOfBounds> {
        region.part(0, TAPE_BYTES_MIN)?;
        region.store_u64_release(MAGIC_AT, 0)?;
        for at in [LENGTH_AT, FULL_AT, ACTIVATIONS_AT] {
            region.store_u64_release(at, 0)?;
        }
        region.store_u64_relaxed(GENERATION_AT, orders.generation)?;
        region.copy_in(ORDERS_AT, &orders.to_bytes())?;
        // Pairs with the acquire load in `read_header`.
        region.store_u64_release(MAGIC_AT, MAGIC)?;
        let at = ORDERS_AT.saturating_add(ORDERS_BYTES);
        let mut tape = Self { region, at, kept: at, activations: 0, release_us: 0, full: false };
        tape.publish()?;
        Ok(tape)
    }

    /// Adds an entry. Once one does not fit, the activation that it belongs to is not kept, nor is what follows.
    pub fn put(&mut self, entry: &Entry<'_>) {
        if self.full {
            return;
        }
        let Self { region, at, full, .. } = self;
        entry.encode(self.release_us, &mut |bytes| {
            if *full || region.copy_in(*at, bytes).is_err() {
                *full = true;
            } else {
                *at = at.saturating_add(bytes.len());
            }
        });
        match entry {
            // There was no room for it: that is told at once.
            _ if self.full => {}
            Entry::Begin { release_us, .. } => {
                self.release_us = *release_us;
                return;
            }
            Entry::End { .. } => {
                self.kept = self.at;
                self.activations = self.activations.saturating_add(1);
            }
            _ => return,
        }
        // `begin` saw that the header is inside the region.
        let _ = self.publish();
    }

    fn publish(&mut self) -> Result<(), OutOfBounds> {
        self.region.store_u64_relaxed(FULL_AT, self.full.into())?;
        self.region.store_u64_relaxed(ACTIVATIONS_AT, self.activations)?;
        // Pairs with the acquire load in `read_header`: who sees the length sees the entries.
        self.region.store_u64_release(LENGTH_AT, self.kept.saturating_sub(ORDERS_AT) as u64)
    }
}

/// What a recording says about itself. It is its slot's word, but for the bounds of `length_bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Of the orders that the app ran by.
    pub generation: u64,
    /// Bytes of orders and entries; not more than the region has.
    pub length_bytes: u32,
    /// There was no room for what came then.
    pub full: bool,
    /// Activations in it; loading is one.
    pub activations: u64,
}

/// A piece of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of the recording.
    pub header: Header,
    /// The piece.
    pub bytes: Vec<u8>,
}

/// What lies in a region; `None` if it is no recording. Its writer is hostile.
pub fn read_header(region: SharedRegion) -> Option<Header> {
    // Pairs with the release store in `Tape::begin`.
    if region.load_u64_acquire(MAGIC_AT) != Ok(MAGIC) {
        return None;
    }
    // Pairs with the release store in `Tape::publish`.
    let length = region.load_u64_acquire(LENGTH_AT).ok()?;
    let room = region.size_bytes().checked_sub(ORDERS_AT)? as u64;
    Some(Header {
        generation: region.load_u64_relaxed(GENERATION_AT).ok()?,
        length_bytes: u32::try_from(length.min(room)).ok()?,
        full: region.load_u64_relaxed(FULL_AT).ok()? != 0,
        activations: region.load_u64_relaxed(ACTIVATIONS_AT).ok()?,
    })
}

/// Copies at most `bytes_max` bytes from `offset` of orders and entries on.
pub fn read_part(region: SharedRegion, offset: u32, bytes_max: usize) -> Option<Part> {
    let header = read_header(region)?;
    let count = (header.length_bytes.saturating_sub(offset) as usize).min(bytes_max);
    let mut bytes = alloc::vec![0; count];
    if count > 0 {
        region.copy_out(ORDERS_AT.saturating_add(offset as usize), &mut bytes).ok()?;
    }
    Some(Part { header, bytes })
}
