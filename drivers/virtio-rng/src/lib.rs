// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Entropy from a virtio device.
//!
//! The device fills a page of the DMA region that it owns for ever, so that a device which answers after
//! the driver has stopped waiting cannot write anywhere else. Waiting is bounded by the caller's clock.
#![no_std]
#![deny(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod dma;

pub use dma::{EntropyError, VirtioEntropy};

#[cfg(test)]
mod tests;
