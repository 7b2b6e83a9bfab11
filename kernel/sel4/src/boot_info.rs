// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the kernel tells the root task.

use core::ptr::NonNull;

use crate::{CPtr, constants};

/// Slots of the root task's capability space that the kernel fills.
pub mod initial_slot {
    use crate::{CPtr, constants};

    /// The root task's thread.
    pub const TCB: CPtr = constants::SLOT_InitThreadTCB;
    /// Its CNode.
    pub const CNODE: CPtr = constants::SLOT_InitThreadCNode;
    /// Its VSpace.
    pub const VSPACE: CPtr = constants::SLOT_InitThreadVSpace;
    /// Makes interrupt handlers.
    pub const IRQ_CONTROL: CPtr = constants::SLOT_IRQControl;
    /// Makes pools of address space identifiers.
    pub const ASID_CONTROL: CPtr = constants::SLOT_ASIDControl;
    /// The first such pool.
    pub const ASID_POOL: CPtr = constants::SLOT_InitThreadASIDPool;
}

/// One piece of memory that the kernel gave away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UntypedDescription {
    /// The capability.
    pub slot: CPtr,
    /// Its first byte.
    pub paddr: u64,
    /// Its size: 2^size_bits bytes, aligned to as many.
    pub size_bits: u8,
    /// Whether it is outside RAM.
    pub is_device: bool,
}

/// A range of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRange {
    /// The first.
    pub start: CPtr,
    /// The one after the last.
    pub end: CPtr,
}

/// The kernel's boot information page, read field by field: the kernel's structure is packed.
#[derive(Clone, Copy, Debug)]
pub struct BootInfo(NonNull<u8>);

impl BootInfo {
    /// The boot information at `address`.
    ///
    /// # Safety
    /// `address` is what the kernel passed to the root task in its first register, and the page is still mapped.
    pub const unsafe fn new(address: NonNull<u8>) -> Self {
        Self(address)
    }

    /// Where the root task's IPC buffer is mapped.
    pub fn ipc_buffer(&self) -> u64 {
        self.word(constants::BOOTINFO_IPC_BUFFER_OFFSET)
    }

    /// Empty slots of the root task's CNode.
    pub fn empty_slots(&self) -> SlotRange {
        self.range(constants::BOOTINFO_EMPTY_OFFSET)
    }

    /// The pages of the root task's image, by rising address.
    pub fn user_image_frames(&self) -> SlotRange {
        self.range(constants::BOOTINFO_USER_IMAGE_FRAMES_OFFSET)
    }

    /// The memory that the kernel does not use.
    pub fn untyped(&self) -> impl Iterator<Item = UntypedDescription> + '_ {
        let slots = self.range(constants::BOOTINFO_UNTYPED_OFFSET);
        (slots.start..slots.end).enumerate().map(|(index, slot)| {
            let record =
                constants::BOOTINFO_UNTYPED_LIST_OFFSET + index as u64 * constants::UNTYPED_DESC_BYTES;
            UntypedDescription {
                slot,
                paddr: self.word(record),
                size_bits: self.byte(record + constants::UNTYPED_DESC_SIZE_BITS_OFFSET),
                is_device: self.byte(record + constants::UNTYPED_DESC_IS_DEVICE_OFFSET) != 0,
            }
        })
    }

    fn range(&self, offset: u64) -> SlotRange {
        SlotRange { start: self.word(offset), end: self.word(offset + 8) }
    }

    fn word(&self, offset: u64) -> u64 {
        // SAFETY: `new`'s caller promised the kernel's page; all offsets are those of its structure, which
        // the kernel never changes afterwards.
        unsafe { self.0.add(offset as usize).cast::<u64>().read_unaligned() }
    }

    fn byte(&self, offset: u64) -> u8 {
        // SAFETY: as in `word`.
        unsafe { self.0.add(offset as usize).read() }
    }
}
