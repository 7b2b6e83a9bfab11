// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How many slots of the root task's CNode a system takes. The CNode has 2^ROOT_CNODE_SIZE_BITS of them
//! (`kernel/build/seL4.conf`); each costs 32 bytes of RAM.

use cofferdam_system_spec::SystemSpec;
use cofferdam_system_spec::environment::PAGE_BYTES;
use cofferdam_system_spec::layout::NO_PADDR;
use cofferdam_system_spec::reader::DomainView;

use crate::{Level, NoRoom, Structures};

/// Slots that the kernel fills before the root task starts, besides the pages of its image: the initial
/// capabilities, the image's paging structures, and untyped memory (`MAX_NUM_BOOTINFO_UNTYPED_CAPS`).
const KERNEL_SLOTS: u64 = 16 + 16 + 167;

/// Pieces into which memory before an object at a fixed address falls: of each size at most one going up to the
/// address's alignment and one going down, from a page to the largest that a piece of untyped memory can have.
const PIECES_BEFORE_FIXED: u64 = 2 * (47 - 12);

/// Slots that the kernel takes for itself, when the root task's image has that many bytes.
pub const fn of_kernel(image_bytes: u64) -> u64 {
    KERNEL_SLOTS + image_bytes.div_ceil(PAGE_BYTES)
}

/// Slots that the initialiser takes to create the system, at most: how memory before fixed addresses falls into
/// pieces depends on the machine, all else is exact.
///
/// # Errors
/// [`NoRoom`] if an address space has more paging structures than the initialiser remembers.
pub fn of_initialiser(spec: &SystemSpec<'_>) -> Result<u64, NoRoom> {
    let mut slots = 0;
    for region in spec.regions() {
        slots += region.size_bytes / region.page_bytes;
        if region.paddr != NO_PADDR {
            slots += PIECES_BEFORE_FIXED;
        }
    }
    if spec.header.uart_paddr != NO_PADDR {
        // Its page, and the directory and the table that lead there.
        slots += PIECES_BEFORE_FIXED + 3;
    }
    // The monitor's endpoint.
    slots += 1;
    // The first mapping of a region takes its pages themselves, every further one copies.
    let maps = spec.protection_domains().flat_map(|domain| domain.maps());
    let mapped: u64 = maps.filter_map(|map| spec.region(map)).map(pages).sum();
    let firsts: u64 = spec
        .regions()
        .iter()
        .zip(0..)
        .filter(|(_, index)| {
            let mut maps = spec.protection_domains().flat_map(|domain| domain.maps());
            maps.any(|map| map.region == *index)
        })
        .map(|(region, _)| pages(region))
        .sum();
    slots += mapped - firsts;
    for domain in spec.protection_domains() {
        slots += of_domain(spec, &domain)?;
    }
    Ok(slots)
}

fn pages(region: &cofferdam_system_spec::layout::Region) -> u64 {
    region.size_bytes / region.page_bytes
}

/// Without the pages of memory regions.
fn of_domain(spec: &SystemSpec<'_>, domain: &DomainView<'_>) -> Result<u64, NoRoom> {
    let record = domain.record;
    // CNode, TCB, address space, notification.
    let objects = 4 + u64::from(domain.has_endpoint());
    // Pages of the payload are copied capabilities, those of .bss are fresh.
    let segments: u64 = domain.segments().iter().map(|segment| segment.memory_bytes / PAGE_BYTES).sum();
    let stack_and_buffer = record.stack_bytes / PAGE_BYTES + 1;
    // A handler, and a notification with the badge that it signals.
    let interrupts = 2 * domain.irqs().len() as u64;
    Ok(objects + segments + stack_and_buffer + interrupts + paging_structures(spec, domain)?)
}

/// Paging structures of a protection domain's address space, its root not among them.
///
/// # Errors
/// [`NoRoom`] if there are more than the initialiser remembers.
pub fn paging_structures(spec: &SystemSpec<'_>, domain: &DomainView<'_>) -> Result<u64, NoRoom> {
    let record = domain.record;
    let segments = domain.segments().iter().map(|segment| (segment.vaddr, segment.memory_bytes, PAGE_BYTES));
    let regions = domain
        .maps()
        .iter()
        .filter_map(|map| spec.region(map).map(|region| (map.vaddr, region.size_bytes, region.page_bytes)));
    let own = [
        (record.initial_sp - record.stack_bytes, record.stack_bytes, PAGE_BYTES),
        (record.ipc_buffer_vaddr, PAGE_BYTES, PAGE_BYTES),
    ];
    let mut structures = Structures::new();
    let mut count = 0;
    for (start, bytes, page_bytes) in segments.chain(regions).chain(own) {
        for level in Level::ALL {
            if bytes == 0 || level == Level::Table && page_bytes != PAGE_BYTES {
                continue;
            }
            let last = start.saturating_add(bytes - 1);
            for place in start >> level.covered_bits()..=last >> level.covered_bits() {
                count += u64::from(structures.lacks(level, place << level.covered_bits())?);
            }
        }
    }
    Ok(count)
}
