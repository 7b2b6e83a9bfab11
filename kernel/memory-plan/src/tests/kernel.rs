// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A kernel that does with untyped memory what seL4 does, and refuses what seL4 refuses.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::{Kernel, Piece};

/// What an object is to this test: untyped memory or not, and 2^n bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    Untyped(u8),
    /// The only kind that device memory may become, besides untyped memory.
    Page(u8),
    Other(u8),
}

/// What lies in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    pub object: Object,
    pub paddr: u64,
    pub is_device: bool,
    /// Of untyped memory: bytes that have become something.
    pub used_bytes: u64,
}

impl Capability {
    pub fn bytes(&self) -> Range<u64> {
        self.paddr..self.paddr + (1 << bits(self.object))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    NoUntyped,
    FanOut,
    TooSmall,
    DeviceMemory,
    SlotTaken,
    NoSlot,
    NoRoom,
}

pub struct Model {
    pub slots: BTreeMap<u64, Capability>,
    pub empty: Range<u64>,
}

/// seL4's smallest untyped memory.
const MIN_UNTYPED_BITS: u8 = 4;

pub const fn bits(object: Object) -> u8 {
    match object {
        Object::Untyped(bits) | Object::Page(bits) | Object::Other(bits) => bits,
    }
}

impl Model {
    pub fn new(pieces: &[Piece], empty: Range<u64>) -> Self {
        let slots = pieces.iter().map(|piece| {
            let object = Object::Untyped(piece.size_bits);
            (piece.slot, Capability { object, paddr: piece.paddr, is_device: piece.is_device, used_bytes: 0 })
        });
        Self { slots: slots.collect(), empty }
    }

    /// RAM in untyped memory that has not become anything.
    pub fn free_bytes(&self) -> u64 {
        let untyped =
            self.slots.values().filter(|cap| matches!(cap.object, Object::Untyped(_)) && !cap.is_device);
        untyped.map(|cap| (1 << bits(cap.object)) - cap.used_bytes).sum()
    }

    /// Whether some RAM has room for `count` of these, one after the other.
    pub fn has_room(&self, object: Object, count: u64) -> bool {
        self.slots.values().any(|cap| {
            matches!(cap.object, Object::Untyped(_))
                && !cap.is_device
                && cap.used_bytes.next_multiple_of(1 << bits(object)) + (count << bits(object))
                    <= 1 << bits(cap.object)
        })
    }

    /// Everything that is no untyped memory: bytes and slot.
    pub fn objects(&self) -> impl Iterator<Item = (u64, &Capability)> {
        self.slots
            .iter()
            .filter(|(_, cap)| !matches!(cap.object, Object::Untyped(_)))
            .map(|(slot, cap)| (*slot, cap))
    }
}

impl Kernel for &mut Model {
    type Object = Object;
    type Error = Complaint;
    const FAN_OUT_MAX: u64 = 256;

    fn size_bits(object: Object) -> u8 {
        bits(object)
    }

    fn untyped(size_bits: u8) -> Object {
        Object::Untyped(size_bits)
    }

    fn retype(&mut self, untyped: u64, object: Object, slot: u64, count: u64) -> Result<(), Complaint> {
        let source = self.slots.get(&untyped).cloned().ok_or(Complaint::NoUntyped)?;
        let Object::Untyped(size_bits) = source.object else { return Err(Complaint::NoUntyped) };
        if count == 0 || count > Self::FAN_OUT_MAX {
            return Err(Complaint::FanOut);
        }
        if matches!(object, Object::Untyped(bits) if bits < MIN_UNTYPED_BITS) {
            return Err(Complaint::TooSmall);
        }
        if source.is_device && matches!(object, Object::Other(_)) {
            return Err(Complaint::DeviceMemory);
        }
        let start = source.used_bytes.next_multiple_of(1 << bits(object));
        let end = start + (count << bits(object));
        if end > 1 << size_bits {
            return Err(Complaint::NoRoom);
        }
        for index in 0..count {
            if !self.empty.contains(&(slot + index)) {
                return Err(Complaint::NoSlot);
            }
            let paddr = source.paddr + start + (index << bits(object));
            let made = Capability { object, paddr, is_device: source.is_device, used_bytes: 0 };
            if self.slots.insert(slot + index, made).is_some() {
                return Err(Complaint::SlotTaken);
            }
        }
        self.slots.get_mut(&untyped).ok_or(Complaint::NoUntyped)?.used_bytes = end;
        Ok(())
    }
}
