// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What `system.xml` maps into this protection domain.
#![allow(unsafe_code)]

use cofferdam_virtio_hal::{DmaError, DmaRegion, TransportPage};
use sel4_microkit::{memory_region, setvar};

/// Makes the region rng_dma this program's DMA memory.
pub fn initialise_dma() -> Result<(), DmaError> {
    let region = memory_region!(dma: dma_size);
    // SAFETY: system.xml maps rng_dma into this protection domain alone, writable, and gives its physical
    // address; QEMU's devices see the caches.
    unsafe { DmaRegion::initialise(region.start, region.size, setvar!(dma_paddr)) }
}

/// The page of virtio transports.
pub fn transports() -> TransportPage {
    let region = memory_region!(virtio_mmio_page: virtio_mmio_page_size);
    // SAFETY: system.xml maps a page of transports, uncached and writable, into this protection domain alone.
    unsafe { TransportPage::new(region.start, region.size) }
}
