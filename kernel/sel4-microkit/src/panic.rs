// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A panic: printed, then a fault that the parent or the monitor sees.

use core::cell::Cell;
use core::fmt::Display;
use core::panic::PanicInfo;

use crate::debug_println;

/// Where panics go besides the debug console.
type Sink = fn(&PanicInfo<'_>);

/// Where errors of handlers go besides the debug console.
type ErrorSink = fn(&dyn Display);

struct Sinks {
    panic: Cell<Option<Sink>>,
    error: Cell<Option<ErrorSink>>,
    #[cfg(target_os = "none")]
    panicking: Cell<bool>,
}

// SAFETY: a protection domain has one thread.
unsafe impl Sync for Sinks {}

static SINKS: Sinks = Sinks {
    panic: Cell::new(None),
    error: Cell::new(None),
    #[cfg(target_os = "none")]
    panicking: Cell::new(false),
};

/// Sets where a panic is told before the protection domain faults, typically its log.
pub fn set_panic_sink(sink: Sink) {
    SINKS.panic.set(Some(sink));
}

/// Sets where the event loop tells an error that a handler returned, typically the protection domain's log.
pub fn set_error_sink(sink: ErrorSink) {
    SINKS.error.set(Some(sink));
}

#[cold]
pub(crate) fn report_error(error: &dyn Display) {
    debug_println!("{}: {error}", crate::pd_name());
    if let Some(sink) = SINKS.error.get() {
        sink(error);
    }
}

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // A panic inside the sink ends here at once.
    if !SINKS.panicking.replace(true) {
        debug_println!("{}: {info}", crate::pd_name());
        if let Some(sink) = SINKS.panic.get() {
            sink(info);
        }
    }
    // SAFETY: the instruction never completes; whoever handles this protection domain's faults sees it.
    unsafe { core::arch::asm!("udf #0", options(noreturn, nomem, nostack)) }
}
