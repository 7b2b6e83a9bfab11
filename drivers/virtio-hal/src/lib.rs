// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What every virtio driver of this system shares: memory for DMA out of one region ([`dma`]) and finding
//! a device's transport in a page of registers ([`mmio`]). The virtio protocol itself is the crate
//! `virtio-drivers`.
//!
//! One DMA region for each protection domain: there is no IOMMU, so the device could write anywhere that
//! its driver tells it to, and the driver knows no other physical address than this region's. Memory is
//! mapped cached; a board whose devices do not see the caches needs it mapped uncached.
#![no_std]
#![deny(unsafe_code)]

#[cfg(any(test, feature = "testing"))]
extern crate std;

pub mod dma;
pub mod mmio;
mod pages;

pub use dma::{DmaError, DmaPages, DmaRegion};
pub use mmio::{NotFound, TransportPage};
pub use virtio_drivers::PAGE_SIZE as PAGE_BYTES;
