// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The serial port, polled: the initialiser and the monitor must be able to print whatever state the system
//! is in. Without one, output goes to the kernel's (debug kernel only).

use core::cell::Cell;
use core::fmt;
use core::ptr::NonNull;

use cofferdam_pl011::{Pl011, Uart as _};

struct Port(Cell<Option<Pl011<'static>>>);

// SAFETY: the root task has one thread.
unsafe impl Sync for Port {}

static PORT: Port = Port(Cell::new(None));

/// Output to the serial port.
#[derive(Clone, Copy)]
pub(crate) struct Serial;

impl Serial {
    /// Prints on the PL011 whose registers are mapped at `registers` from now on, panics included.
    ///
    /// # Safety
    /// A PL011's register page is mapped there as device memory for as long as the program runs; this function
    /// is called once.
    pub(crate) unsafe fn open(registers: NonNull<u8>) {
        // SAFETY: by this function's contract.
        let mut port = unsafe { Pl011::at(registers) };
        port.set_up();
        PORT.0.set(Some(port));
        sel4_root_task::set_panic_sink(|info| {
            // Writing never fails.
            let _ = fmt::Write::write_fmt(&mut Serial, format_args!("initialiser: {info}\n"));
        });
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut port = PORT.0.take();
        let mut put = |byte| match &mut port {
            Some(port) => while !port.try_write(byte) {},
            None => sel4::debug_put_char(byte),
        };
        for byte in text.bytes() {
            if byte == b'\n' {
                put(b'\r');
            }
            put(byte);
        }
        PORT.0.set(port);
        Ok(())
    }
}
