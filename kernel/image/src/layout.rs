// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Where things lie in a protection domain's address space, and which pages a region has. Microkit's rules.

use std::ops::Range;

use cofferdam_system_spec::environment::{LARGE_PAGE_BYTES, PAGE_BYTES};

use crate::platform::Platform;
use crate::sdf::System;
use crate::sdf::model::{Domain, MemoryRegion};

/// The upper end of an address space: stack, guard pages, IPC buffer.
#[derive(Clone, Copy, Debug)]
pub struct DomainLayout {
    /// The last page of user memory.
    pub ipc_buffer_vaddr: u64,
    /// End of the stack, one guard page below the IPC buffer.
    pub initial_sp: u64,
    /// Bytes of the stack.
    pub stack_bytes: u64,
}

impl DomainLayout {
    /// The layout that the initialiser makes.
    pub fn new(platform: &Platform, domain: &Domain) -> Self {
        let ipc_buffer_vaddr = platform.user_end - PAGE_BYTES;
        let initial_sp = ipc_buffer_vaddr - PAGE_BYTES;
        Self { ipc_buffer_vaddr, initial_sp, stack_bytes: domain.stack_size.value.min(initial_sp / 2) }
    }

    /// The IPC buffer's page.
    pub fn ipc_buffer(&self) -> Range<u64> {
        self.ipc_buffer_vaddr..self.ipc_buffer_vaddr + PAGE_BYTES
    }

    /// The page between stack and IPC buffer.
    pub fn guard_above(&self) -> Range<u64> {
        self.initial_sp..self.ipc_buffer_vaddr
    }

    /// The stack.
    pub fn stack(&self) -> Range<u64> {
        self.initial_sp - self.stack_bytes..self.initial_sp
    }

    /// The page that a stack overflow hits.
    pub fn guard_below(&self) -> Range<u64> {
        self.stack().start - PAGE_BYTES..self.stack().start
    }
}

impl System {
    /// The page size of a region: as written, else the largest that its size, its physical address and every address
    /// that it is mapped at allow.
    pub fn page_bytes(&self, region: &MemoryRegion) -> u64 {
        if let Some(page) = &region.page_size {
            return page.value;
        }
        let large = |value: u64| value.is_multiple_of(LARGE_PAGE_BYTES);
        let may_be_large = large(region.size.value)
            && region.phys_addr.as_ref().is_none_or(|paddr| large(paddr.value))
            && self.maps_of(&region.name.value).all(|(_, map)| large(map.vaddr.value));
        if may_be_large { LARGE_PAGE_BYTES } else { PAGE_BYTES }
    }
}
