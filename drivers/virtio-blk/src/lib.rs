// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A virtio block device: sectors are read, written and flushed, one request at a time.
//!
//! `virtio-drivers` has such a driver too, but it waits for the device for ever. Here the caller's clock
//! bounds each wait. Device and driver share pages of the DMA region that the driver owns for ever, so that a
//! device which answers late cannot write anywhere else; but after a missed deadline nobody knows what is on
//! the disk, and the driver refuses all further work until it is made anew.
#![no_std]
#![deny(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod dma;

pub use dma::{DiskError, SECTOR_BYTES, TRANSFER_BYTES_MAX, VirtioDisk};

#[cfg(test)]
mod tests;
