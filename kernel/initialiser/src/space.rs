// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Address spaces: maps pages and makes the paging structures that they need.

use core::ptr::NonNull;

use sel4::{CPtr, CapRights, ObjectType, Page, PagingStructure, VmAttributes, initial_slot};

use crate::failure::Reason;
use crate::memory::Memory;
use crate::mmio::Serial;

/// Most paging structures of one level in one address space.
const STRUCTURES_MAX: usize = 128;

/// Address bits that one entry of each level covers.
const PAGE_TABLE_BITS: u32 = 21;
const PAGE_DIRECTORY_BITS: u32 = 30;
const PAGE_UPPER_DIRECTORY_BITS: u32 = 39;

/// Where the monitor's serial port is mapped in the initialiser: far from its image, but under the same page
/// upper directory, which the kernel has made for the image (the first 512 GiB).
const SERIAL_VADDR: u64 = 0x40_0000_0000;

/// Addresses (shifted) whose structure of one level exists.
type Known = heapless::Vec<u64, STRUCTURES_MAX>;

/// An address space under construction.
pub(crate) struct Space {
    root: CPtr,
    upper_directories: Known,
    directories: Known,
    tables: Known,
}

impl Space {
    /// An address space without any paging structure below its root.
    pub(crate) fn new(root: CPtr) -> Self {
        Self { root, upper_directories: Known::new(), directories: Known::new(), tables: Known::new() }
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
        let root = self.root;
        require(&mut self.upper_directories, vaddr >> PAGE_UPPER_DIRECTORY_BITS, || {
            let cptr = memory.object(ObjectType::PageUpperDirectory)?;
            Ok(PagingStructure::PageUpperDirectory(cptr).map(root, vaddr)?)
        })?;
        require(&mut self.directories, vaddr >> PAGE_DIRECTORY_BITS, || {
            let cptr = memory.object(ObjectType::PageDirectory)?;
            Ok(PagingStructure::PageDirectory(cptr).map(root, vaddr)?)
        })?;
        if !large {
            require(&mut self.tables, vaddr >> PAGE_TABLE_BITS, || {
                let cptr = memory.object(ObjectType::PageTable)?;
                Ok(PagingStructure::PageTable(cptr).map(root, vaddr)?)
            })?;
        }
        Ok(page.map(root, vaddr, rights, attributes)?)
    }
}

/// Makes the structure unless it is there. Pages come by rising address mostly: the last one is the likely one.
fn require(known: &mut Known, place: u64, make: impl FnOnce() -> Result<(), Reason>) -> Result<(), Reason> {
    if known.iter().rev().any(|other| *other == place) {
        return Ok(());
    }
    make()?;
    known.push(place).map_err(|_| Reason::TooMany)
}

/// Maps the monitor's serial port into the initialiser.
pub(crate) fn map_serial(page: CPtr, memory: &mut Memory) -> Result<(), Reason> {
    let mut space = Space::new(initial_slot::VSPACE);
    space.upper_directories.push(SERIAL_VADDR >> PAGE_UPPER_DIRECTORY_BITS).map_err(|_| Reason::TooMany)?;
    let rights = CapRights::READ.with(CapRights::WRITE);
    let attributes = VmAttributes { cached: false, executable: false };
    space.map(memory, Page(page), false, SERIAL_VADDR, rights, attributes)?;
    let registers = NonNull::new(SERIAL_VADDR as *mut u8).ok_or(Reason::TooMany)?;
    // SAFETY: the page at the address that the platform gives for its PL011 has just been mapped there, as
    // device memory, for good.
    unsafe { Serial::open(registers) };
    Ok(())
}
