// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Access to one device's registers.

use core::ptr::NonNull;

/// A device's 32-bit registers.
#[derive(Debug)]
pub struct Registers {
    base: NonNull<u32>,
}

impl Registers {
    /// # Safety
    /// `base` is the address of a device's page of registers, mapped as device memory (or the MMU is off), and nobody
    /// else uses the device as long as the value lives.
    #[must_use]
    pub const unsafe fn new(base: NonNull<u32>) -> Self {
        Self { base }
    }

    /// Reads the register at a byte offset within the page.
    #[must_use]
    pub fn read(&self, offset: u16) -> u32 {
        // SAFETY: `new`'s caller promised a page of registers; `word` keeps the access inside of it and aligned.
        unsafe { self.word(offset).read_volatile() }
    }

    /// Writes the register at a byte offset within the page.
    pub fn write(&mut self, offset: u16, value: u32) {
        // SAFETY: as in `read`; `&mut self` keeps writers apart.
        unsafe { self.word(offset).write_volatile(value) }
    }

    fn word(&self, offset: u16) -> NonNull<u32> {
        // SAFETY: the masked offset is at most 4092, within the page that `new`'s caller promised.
        unsafe { self.base.byte_add(usize::from(offset & 0xffc)) }
    }
}
