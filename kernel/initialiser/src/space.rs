// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Address spaces: maps pages and makes the paging structures that they need.

use core::ptr::NonNull;

use cofferdam_memory_plan::{Level, Structures};
use sel4::{CPtr, CapRights, ObjectType, Page, PagingStructure, VmAttributes, initial_slot};

use crate::failure::Reason;
use crate::memory::Memory;
use crate::mmio::Serial;

/// Where the monitor's serial port is mapped in the initialiser: far from its image, but under the same page
/// upper directory, which the kernel has made for the image (the first 512 GiB).
const SERIAL_VADDR: u64 = 0x40_0000_0000;

/// An address space under construction.
pub(crate) struct Space {
    root: CPtr,
    structures: Structures,
}

impl Space {
    /// An address space without any paging structure below its root.
    pub(crate) fn new(root: CPtr) -> Self {
        Self { root, structures: Structures::new() }
    }

    /// Maps a page of 4 KiB, or 2 MiB if `large`.
    pub(crate) fn map(
        &mut self,
        memory: &mut Memory,
        page: Page,
        large: bool,
        vaddr: u64,
        rights: CapRights,
        attributes: VmAttributes,
    ) -> Result<(), Reason> {
        for level in Level::ALL {
            if large && level == Level::Table || !self.structures.lacks(level, vaddr)? {
                continue;
            }
            let structure = match level {
                Level::UpperDirectory => {
                    PagingStructure::PageUpperDirectory(memory.object(ObjectType::PageUpperDirectory)?)
                }
                Level::Directory => PagingStructure::PageDirectory(memory.object(ObjectType::PageDirectory)?),
                Level::Table => PagingStructure::PageTable(memory.object(ObjectType::PageTable)?),
            };
            structure.map(self.root, vaddr)?;
        }
        Ok(page.map(self.root, vaddr, rights, attributes)?)
    }
}

/// Maps the monitor's serial port into the initialiser.
pub(crate) fn map_serial(page: CPtr, memory: &mut Memory) -> Result<(), Reason> {
    let mut space = Space::new(initial_slot::VSPACE);
    // This one the kernel has made.
    space.structures.lacks(Level::UpperDirectory, SERIAL_VADDR)?;
    let rights = CapRights::READ.with(CapRights::WRITE);
    let attributes = VmAttributes { cached: false, executable: false };
    space.map(memory, Page(page), false, SERIAL_VADDR, rights, attributes)?;
    let registers = NonNull::new(SERIAL_VADDR as *mut u8).ok_or(Reason::TooMany)?;
    // SAFETY: the page at the address that the platform gives for its PL011 has just been mapped there, as
    // device memory, for good.
    unsafe { Serial::open(registers) };
    Ok(())
}
