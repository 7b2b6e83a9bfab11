// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Allocates memory regions.

use cofferdam_system_spec::SystemSpec;
use cofferdam_system_spec::environment::PAGE_BYTES;
use cofferdam_system_spec::layout::{CONTIGUOUS, NO_PADDR, Region};
use sel4::{CPtr, CapRights, ObjectType, SlotPath, objects};

use crate::failure::{Context, Failure, Reason};
use crate::memory::Memory;

/// Most memory regions of a system.
const REGIONS_MAX: usize = 512;
/// Most physical addresses that programs ask for.
const PATCHES_MAX: usize = 128;

/// Physical addresses to be written at offsets of the payload.
pub(crate) type Patches = heapless::Vec<(u64, u64), PATCHES_MAX>;

/// The pages of a region, in consecutive slots.
#[derive(Clone, Copy, Default)]
pub(crate) struct RegionPages {
    /// The slot of the first page.
    pub(crate) first: CPtr,
    /// Its address, if the region has a fixed one or is contiguous.
    pub(crate) paddr: u64,
    /// The capabilities themselves are mapped somewhere; further mappings need copies.
    pub(crate) mapped: bool,
}

/// The pages of all regions, by index.
pub(crate) type Regions = heapless::Vec<RegionPages, REGIONS_MAX>;

/// A place for the pages of each region.
pub(crate) fn list_regions(spec: &SystemSpec<'_>) -> Result<Regions, Failure> {
    let mut pages = Regions::new();
    for region in spec.regions() {
        pages
            .push(RegionPages::default())
            .map_err(|_| Reason::TooMany)
            .doing("listing the region", spec.name(region.name))?;
    }
    Ok(pages)
}

/// Allocates the regions that may lie anywhere in RAM.
pub(crate) fn ram_regions(
    spec: &SystemSpec<'_>,
    memory: &mut Memory,
    pages: &mut Regions,
) -> Result<(), Failure> {
    // Large pages first, while RAM is least fragmented; then contiguous ones; then the rest.
    let order: [fn(&Region) -> bool; 3] = [
        |region| is_large(region),
        |region| !is_large(region) && region.flags & CONTIGUOUS != 0,
        |region| !is_large(region) && region.flags & CONTIGUOUS == 0,
    ];
    for belongs in order {
        for (region, place) in spec.regions().iter().zip(pages.iter_mut()) {
            if region.paddr == NO_PADDR && belongs(region) {
                let name = spec.name(region.name);
                let (object, count) = (page_object(region), region.size_bytes / region.page_bytes);
                if region.flags & CONTIGUOUS != 0 {
                    (place.first, place.paddr) =
                        memory.contiguous(object, count).doing("allocating the contiguous region", name)?;
                } else {
                    place.first = memory.objects(object, count).doing("allocating the region", name)?;
                }
            }
        }
    }
    Ok(())
}

/// Allocates the regions at fixed addresses, and the page of the monitor's serial port (0 if the platform has none):
/// by rising address, as [`Memory::at`] wants it.
pub(crate) fn fixed_regions(
    spec: &SystemSpec<'_>,
    memory: &mut Memory,
    pages: &mut Regions,
) -> Result<CPtr, Failure> {
    let uart_paddr = spec.header.uart_paddr;
    let mut uart = 0;
    let mut done_below = 0;
    loop {
        let next = spec
            .regions()
            .iter()
            .map(|region| region.paddr)
            .chain([uart_paddr])
            .filter(|paddr| *paddr != NO_PADDR && *paddr >= done_below)
            .min();
        let Some(paddr) = next else { return Ok(uart) };
        let here = spec.regions().iter().zip(pages.iter_mut()).find(|(region, _)| region.paddr == paddr);
        if let Some((region, place)) = here {
            let name = spec.name(region.name);
            let count = region.size_bytes / region.page_bytes;
            place.paddr = paddr;
            place.first = memory
                .at(paddr, page_object(region), count)
                .doing("allocating the region at its address", name)?;
            done_below = paddr + region.size_bytes;
            let offset = uart_paddr.wrapping_sub(paddr);
            if !is_large(region) && offset < region.size_bytes {
                uart = memory.slot().doing("sharing the serial port with", name)?;
                let page = SlotPath::own(place.first + offset / PAGE_BYTES);
                objects::copy(SlotPath::own(uart), page, CapRights::ALL)
                    .doing("sharing the serial port with", name)?;
            }
        } else {
            uart = memory
                .at(paddr, ObjectType::SmallPage, 1)
                .doing("allocating the serial port", "the monitor")?;
            done_below = paddr + PAGE_BYTES;
        }
    }
}

/// Finds the physical addresses that programs ask for.
pub(crate) fn collect_patches(
    spec: &SystemSpec<'_>,
    regions: &Regions,
    patches: &mut Patches,
) -> Result<(), Failure> {
    for patch in spec.paddr_patches() {
        let paddr = regions.get(patch.region as usize).map_or(0, |pages| pages.paddr);
        patches
            .push((patch.payload_offset, paddr))
            .map_err(|_| Reason::TooMany)
            .doing("noting an address", "region")?;
    }
    Ok(())
}

fn page_object(region: &Region) -> ObjectType {
    if is_large(region) { ObjectType::LargePage } else { ObjectType::SmallPage }
}

pub(crate) fn is_large(region: &Region) -> bool {
    region.page_bytes != PAGE_BYTES
}
