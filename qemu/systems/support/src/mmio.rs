// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The serial port.
#![allow(unsafe_code)]

use core::fmt;

use cofferdam_pl011::{Pl011, Uart as _};
use sel4_microkit::MemoryRegion;

/// A polled serial port.
pub struct Serial(Pl011<'static>);

impl Serial {
    /// The PL011 in `region`, which `system.xml` maps as device memory. Take it once in a program.
    pub fn new(region: MemoryRegion) -> Self {
        // SAFETY: the systems under qemu/systems map a PL011's page there, uncached, and their programs call
        // this once.
        Self(unsafe { Pl011::at(region.start) })
    }

    /// Lets the next character raise the transmit interrupt.
    pub fn interrupt_on(&mut self) {
        self.0.acknowledge();
        self.0.interrupt_when_drained(true);
    }

    /// Lets no character raise an interrupt.
    pub fn interrupt_off(&mut self) {
        self.0.interrupt_when_drained(false);
        self.0.acknowledge();
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                while !self.0.try_write(b'\r') {}
            }
            while !self.0.try_write(byte) {}
        }
        Ok(())
    }
}
