// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Says things on a PL011 UART, polled (Arm DDI 0183, chapter 3). The firmware, or QEMU, has set it up.

use core::{
    fmt,
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::mmio::Registers;

const DATA: u16 = 0x00;
const FLAGS: u16 = 0x18;
const FLAGS_TRANSMIT_FULL: u32 = 1 << 5;

/// Where exceptions are reported: 0 is nowhere. Only plain loads and stores are used, since exclusive ones need the MMU.
static OF_EXCEPTIONS: AtomicUsize = AtomicUsize::new(0);

/// A UART to write to.
#[derive(Debug)]
pub struct Uart {
    registers: Registers,
}

impl Uart {
    /// Takes the UART at `base`, and reports exceptions there from now on.
    ///
    /// # Safety
    /// `base` is the physical address of a PL011 that nobody else uses; it is accessible at this address as device
    /// memory, now and after the MMU is switched on.
    #[must_use]
    pub unsafe fn new(base: NonNull<u32>) -> Self {
        OF_EXCEPTIONS.store(base.addr().get(), Ordering::Relaxed);
        // SAFETY: the caller's promise is the one that is asked for.
        Self { registers: unsafe { Registers::new(base) } }
    }

    fn put(&mut self, byte: u8) {
        while self.registers.read(FLAGS) & FLAGS_TRANSMIT_FULL != 0 {
            core::hint::spin_loop();
        }
        self.registers.write(DATA, u32::from(byte));
    }
}

impl fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.put(b'\r');
            }
            self.put(byte);
        }
        Ok(())
    }
}

/// The UART, for an exception that will not return to whoever else was using it.
#[cfg(target_os = "none")]
pub(crate) fn of_exceptions() -> Option<Uart> {
    let base = NonNull::new(core::ptr::with_exposed_provenance_mut(OF_EXCEPTIONS.load(Ordering::Relaxed)))?;
    // SAFETY: `Uart::new` stored the address, so its caller's promise holds; the interrupted user of the UART never
    // runs again.
    Some(Uart { registers: unsafe { Registers::new(base) } })
}
