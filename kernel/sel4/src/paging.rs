// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Invocations that build address spaces (classic kernel).

use crate::invocations::{invoke, invoke_with_caps};
use crate::ipc_buffer::set_cap;
use crate::objects::WORD_BITS;
use crate::{CPtr, CapRights, Error, Untyped, constants};

/// How a page is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VmAttributes {
    /// Normal cached memory; otherwise device memory.
    pub cached: bool,
    /// Instructions may be fetched.
    pub executable: bool,
}

impl VmAttributes {
    const fn word(self) -> u64 {
        let cached = if self.cached { constants::VM_CACHEABLE | constants::VM_PARITY } else { 0 };
        cached | if self.executable { 0 } else { constants::VM_EXECUTE_NEVER }
    }
}

/// A paging structure: what kind, and its capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PagingStructure {
    /// See [`crate::ObjectType::PageTable`].
    PageTable(CPtr),
    /// See [`crate::ObjectType::PageDirectory`].
    PageDirectory(CPtr),
    /// See [`crate::ObjectType::PageUpperDirectory`].
    PageUpperDirectory(CPtr),
}

impl PagingStructure {
    /// Puts the structure where `vaddr` needs it.
    pub fn map(self, vspace: CPtr, vaddr: u64) -> Result<(), Error> {
        let (cptr, label) = match self {
            Self::PageTable(cptr) => (cptr, constants::LABEL_ARMPageTableMap),
            Self::PageDirectory(cptr) => (cptr, constants::LABEL_ARMPageDirectoryMap),
            Self::PageUpperDirectory(cptr) => (cptr, constants::LABEL_ARMPageUpperDirectoryMap),
        };
        set_cap(0, vspace);
        let attributes = VmAttributes { cached: true, executable: true };
        invoke_with_caps(cptr, label, 1, &[vaddr, attributes.word()])
    }
}

/// A capability to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page(pub CPtr);

impl Page {
    /// Maps the page; a capability can be mapped once.
    pub fn map(
        self,
        vspace: CPtr,
        vaddr: u64,
        rights: CapRights,
        attributes: VmAttributes,
    ) -> Result<(), Error> {
        set_cap(0, vspace);
        invoke_with_caps(self.0, constants::LABEL_ARMPageMap, 1, &[vaddr, rights.0, attributes.word()])
    }

    /// Takes the page out of the address space.
    pub fn unmap(self) -> Result<(), Error> {
        invoke(self.0, constants::LABEL_ARMPageUnmap, &[])
    }

    /// Makes instruction fetches see what was written, for bytes `start` to `end` of a mapped page.
    pub fn unify_instructions(self, start: u64, end: u64) -> Result<(), Error> {
        invoke(self.0, constants::LABEL_ARMPageUnify_Instruction, &[start, end])
    }

    /// Writes bytes `start` to `end` of a mapped page back to memory and drops them from the cache.
    pub fn clean_invalidate(self, start: u64, end: u64) -> Result<(), Error> {
        invoke(self.0, constants::LABEL_ARMPageCleanInvalidate_Data, &[start, end])
    }

    /// The page's physical address.
    pub fn physical_address(self) -> Result<u64, Error> {
        invoke(self.0, constants::LABEL_ARMPageGetAddress, &[])?;
        Ok(crate::get_mr(0))
    }
}

/// The capability that makes pools of address space identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsidControl(pub CPtr);

impl AsidControl {
    /// Makes a pool from untyped memory of its size, in a slot of the root task's CNode.
    pub fn make_pool(self, untyped: Untyped, slot: CPtr) -> Result<AsidPool, Error> {
        set_cap(0, untyped.0);
        set_cap(1, crate::initial_slot::CNODE);
        invoke_with_caps(self.0, constants::LABEL_ARMASIDControlMakePool, 2, &[slot, u64::from(WORD_BITS)])?;
        Ok(AsidPool(slot))
    }
}

/// A pool of address space identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsidPool(pub CPtr);

impl AsidPool {
    /// Gives an address space its identifier; nothing can be mapped in it before.
    pub fn assign(self, vspace: CPtr) -> Result<(), Error> {
        set_cap(0, vspace);
        invoke_with_caps(self.0, constants::LABEL_ARMASIDPoolAssign, 1, &[])
    }
}
