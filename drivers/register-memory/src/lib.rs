// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Plain memory in the place of a device's registers, for tests of drivers on the host.
//!
//! It keeps what is written, and does nothing by itself. Registers are 32 bits wide.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

use alloc::vec::Vec;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU32;

/// Registers that are all zero at first. The memory stays for ever, so a driver may have its address for as long as it likes.
#[derive(Clone, Copy, Debug)]
pub struct RegisterMemory(&'static [AtomicU32]);

impl RegisterMemory {
    /// As many registers as `bytes` holds.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let words: Vec<AtomicU32> = (0..bytes / size_of::<AtomicU32>()).map(|_| AtomicU32::new(0)).collect();
        Self(words.leak())
    }

    /// Where they begin: aligned to 4 bytes, readable and writable.
    #[must_use]
    pub fn base(self) -> NonNull<u8> {
        NonNull::from(self.0).cast()
    }

    /// The register `offset` bytes from there.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    #[allow(clippy::indexing_slicing)] // a test asks for a register that is not there: that is its mistake
    pub fn at(self, offset: usize) -> &'static AtomicU32 {
        &self.0[offset / size_of::<AtomicU32>()]
    }
}
