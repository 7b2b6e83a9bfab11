// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What `system.xml` maps into this protection domain.
#![allow(unsafe_code)]

#[cfg(feature = "imx-enet")]
use cofferdam_imx_enet::{Enet, EnetError, REGISTERS_BYTES};
use cofferdam_net_protocol::RECORD_BYTES;
use cofferdam_shared_memory::{Consumer, GeometryError, Producer, SharedRegion};
#[cfg(not(any(feature = "absent", feature = "imx-enet")))]
use cofferdam_virtio_hal::{DmaError, DmaRegion, TransportPage};
#[cfg(not(feature = "absent"))]
use sel4_microkit::setvar;
use sel4_microkit::{MemoryRegion, memory_region};

/// # Safety
/// The region is shared memory, mapped for good, and this program takes it once.
unsafe fn shared(region: MemoryRegion) -> SharedRegion {
    // SAFETY: by this function's contract; regions are page-aligned.
    unsafe { SharedRegion::new(region.start, region.size) }
}

/// The queues: frames to gateway, frames from gateway.
pub fn queues() -> Result<(Producer, Consumer), GeometryError> {
    // SAFETY: system.xml maps these four for sharing with gateway: net_receive and net_transmit_taken
    // writable, as a producer and a consumer need them. A symbol can be declared only once, so nothing else
    // has them.
    let (receive, receive_taken, transmit, transmit_taken) = unsafe {
        (
            shared(memory_region!(net_receive: net_receive_size)),
            shared(memory_region!(net_receive_taken: net_receive_taken_size)),
            shared(memory_region!(net_transmit: net_transmit_size)),
            shared(memory_region!(net_transmit_taken: net_transmit_taken_size)),
        )
    };
    Ok((
        Producer::new(receive, receive_taken, RECORD_BYTES)?,
        Consumer::new(transmit, transmit_taken, RECORD_BYTES)?,
    ))
}

/// Where this program's figures stand.
pub fn figures() -> SharedRegion {
    // SAFETY: system.xml maps this page writable here and read-only in wasm_manager.
    unsafe { shared(memory_region!(figures: figures_size)) }
}

/// Makes the region net_dma this program's DMA memory.
#[cfg(not(any(feature = "absent", feature = "imx-enet")))]
pub fn initialise_dma() -> Result<(), DmaError> {
    let region = memory_region!(dma: dma_size);
    // SAFETY: system.xml maps net_dma into this protection domain alone, writable, and gives its physical
    // address; QEMU's devices see the caches.
    unsafe { DmaRegion::initialise(region.start, region.size, setvar!(dma_paddr)) }
}

/// The page of virtio transports.
#[cfg(not(any(feature = "absent", feature = "imx-enet")))]
pub fn transports() -> TransportPage {
    let region = memory_region!(virtio_mmio_page: virtio_mmio_page_size);
    // SAFETY: system.xml maps a page of transports, uncached and writable, into this protection domain alone.
    unsafe { TransportPage::new(region.start, region.size) }
}

/// The i.MX's card, set up.
///
/// # Panics
/// If the region is too small for its registers.
#[cfg(feature = "imx-enet")]
pub fn enet() -> Result<Enet<'static>, EnetError> {
    let (registers, dma) = (memory_region!(enet: enet_size), memory_region!(dma: dma_size));
    assert!(registers.size >= REGISTERS_BYTES, "board.toml: enet is too small");
    // SAFETY: the board's description maps the card's registers, and net_dma without caches, into this protection domain
    // alone, page-aligned and for good, and gives net_dma's physical address. What is accessed in aligned words is the same
    // on memory without caches.
    unsafe { Enet::at(registers.start, shared(dma), setvar!(dma_paddr)) }
}
