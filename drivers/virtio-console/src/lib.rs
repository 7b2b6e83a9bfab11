// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Bytes to and from the host, over a virtio console.
//!
//! Nothing waits: what came is taken, what is sent goes into a free buffer or is refused. The console driver of the crate
//! `virtio-drivers` waits for the device at each send, so a host that does not read would stop its protection domain; this one
//! uses that crate's queues. Buffers are pages of the DMA region that the driver owns for ever.
//!
//! Not here: more than one port, the size of a screen, and what the bytes mean.
#![no_std]
#![deny(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod dma;

pub use dma::{BUFFER_BYTES, ConsoleError, VirtioConsole};

#[cfg(test)]
mod tests;
