// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What `system.xml` maps into this protection domain.
#![allow(unsafe_code)]

use cofferdam_shared_memory::SharedRegion;
use cofferdam_store_protocol::BLOB_BYTES_MAX;
#[cfg(not(feature = "absent"))]
use cofferdam_virtio_hal::{DmaError, DmaRegion, TransportPage};
#[cfg(not(feature = "absent"))]
use sel4_microkit::setvar;
use sel4_microkit::{heap, memory_region};

/// Makes the region store_heap the heap. Called once.
pub fn initialise_heap() {
    let region = memory_region!(heap: heap_size);
    // SAFETY: system.xml maps store_heap into this protection domain alone, nothing else here names it, and
    // `init` calls this once.
    unsafe { heap::init_heap(region) }
}

/// Makes the region blk_dma this program's DMA memory.
#[cfg(not(feature = "absent"))]
pub fn initialise_dma() -> Result<(), DmaError> {
    let region = memory_region!(dma: dma_size);
    // SAFETY: system.xml maps blk_dma into this protection domain alone, writable, and gives its physical
    // address; QEMU's devices see the caches.
    unsafe { DmaRegion::initialise(region.start, region.size, setvar!(dma_paddr)) }
}

/// The page of virtio transports.
#[cfg(not(feature = "absent"))]
pub fn transports() -> TransportPage {
    let region = memory_region!(virtio_mmio_page: virtio_mmio_page_size);
    // SAFETY: system.xml maps a page of transports, uncached and writable, into this protection domain alone.
    unsafe { TransportPage::new(region.start, region.size) }
}

/// The regions store_request, which is only read here, and store_reply.
///
/// # Panics
/// If one has no room for the longest blob.
pub fn shared() -> (SharedRegion, SharedRegion) {
    let (request, reply) = (memory_region!(request: request_size), memory_region!(reply: reply_size));
    assert!(request.size >= BLOB_BYTES_MAX && reply.size >= BLOB_BYTES_MAX, "system.xml: store regions");
    // SAFETY: system.xml maps both, whole pages of normal memory, for the life of the protection domain; each
    // is named once, and store_request is only read.
    unsafe { (SharedRegion::new(request.start, request.size), SharedRegion::new(reply.start, reply.size)) }
}
