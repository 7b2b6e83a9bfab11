// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From an address to registers.
#![allow(unsafe_code)]

use core::ptr::NonNull;

use crate::{Gpt, Registers};

impl Gpt<'static> {
    /// The timer whose registers are at `base`.
    ///
    /// # Safety
    /// `base` is aligned to 4 bytes; a GPT's registers ([`crate::REGISTERS_BYTES`]) are mapped there as device memory for
    /// the rest of the program, and nobody else uses what this driver uses of them.
    pub unsafe fn at(base: NonNull<u8>) -> Self {
        // SAFETY: by this function's contract; every access to a register is a volatile one.
        Self::new(unsafe { base.cast::<Registers>().as_ref() })
    }
}
