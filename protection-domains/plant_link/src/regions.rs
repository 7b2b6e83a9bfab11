// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What `system.xml` maps into this protection domain.
#![allow(unsafe_code)]

use cofferdam_shared_memory::SharedRegion;
#[cfg(not(feature = "absent"))]
use cofferdam_virtio_hal::{DmaError, DmaRegion, TransportPage};
use sel4_microkit::memory_region;

/// What `actuator_guard` publishes; read-only here.
pub fn outputs() -> SharedRegion {
    let region = memory_region!(outputs: outputs_size);
    // SAFETY: `system.xml` maps this region, whole pages of normal memory, for the life of the protection
    // domain; only this value refers to it, and nothing here stores to it.
    unsafe { SharedRegion::new(region.start, region.size) }
}

/// What `sensor_hub` is shown of a simulator's sensors.
pub fn plant() -> SharedRegion {
    let region = memory_region!(plant: plant_size);
    // SAFETY: `system.xml` maps this region, whole pages of normal memory, for the life of the protection
    // domain, writable here alone; only this value refers to it.
    unsafe { SharedRegion::new(region.start, region.size) }
}

/// Makes the region plant_dma this program's DMA memory.
#[cfg(not(feature = "absent"))]
pub fn initialise_dma() -> Result<(), DmaError> {
    let region = memory_region!(dma: dma_size);
    // SAFETY: system.xml maps plant_dma into this protection domain alone, writable, and gives its physical
    // address; QEMU's devices see the caches.
    unsafe { DmaRegion::initialise(region.start, region.size, sel4_microkit::setvar!(dma_paddr)) }
}

/// The page of virtio transports.
#[cfg(not(feature = "absent"))]
pub fn transports() -> TransportPage {
    let region = memory_region!(virtio_mmio_page: virtio_mmio_page_size);
    // SAFETY: system.xml maps a page of transports, uncached and writable, into this protection domain alone.
    unsafe { TransportPage::new(region.start, region.size) }
}
