// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From an address to registers, and order between memory and registers.
#![allow(unsafe_code)]

use core::ptr::NonNull;

use cofferdam_shared_memory::SharedRegion;

use crate::{Enet, EnetError, Registers};

impl Enet<'static> {
    /// Sets up the card whose registers are at `base`, with this memory for its rings, which it sees at `dma_paddr`.
    ///
    /// # Errors
    /// When the memory is too small or beyond the card's 32 bits, or firmware left the card without an address.
    ///
    /// # Safety
    /// - `base` is aligned to 4 bytes; an ENET's registers ([`crate::REGISTERS_BYTES`]) are mapped there as device memory for
    ///   the rest of the program, and this is the only driver value for them in the program.
    /// - `dma` is physically contiguous from `dma_paddr`, used by nothing else, and what is written there is seen by the card.
    pub unsafe fn at(base: NonNull<u8>, dma: SharedRegion, dma_paddr: u64) -> Result<Self, EnetError> {
        // SAFETY: by this function's contract; every access to a register is a volatile one.
        Self::new(unsafe { base.cast::<Registers>().as_ref() }, dma, dma_paddr)
    }
}

/// What was written to memory is there before the next access to a register.
pub(crate) fn publish() {
    #[cfg(all(target_arch = "aarch64", target_os = "none"))]
    // SAFETY: a barrier changes nothing but the order of accesses.
    unsafe {
        core::arch::asm!("dsb sy", options(nostack, preserves_flags));
    }
    #[cfg(not(all(target_arch = "aarch64", target_os = "none")))]
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
}
