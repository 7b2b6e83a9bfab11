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

struct State {
    sink: Cell<Option<Sink>>,
    error_sink: Cell<Option<ErrorSink>>,
    panicking: Cell<bool>,
}

// SAFETY: a protection domain has one thread.
unsafe impl Sync for State {}

static STATE: State =
    State { sink: Cell::new(None), error_sink: Cell::new(None), panicking: Cell::new(false) };

/// Sets where a panic is told before the protection domain faults, typically its log.
pub fn set_panic_sink(sink: Sink) {
    STATE.sink.set(Some(sink));
}

/// Sets where the event loop tells an error that a handler returned, typically the protection domain's log.
pub fn set_error_sink(sink: ErrorSink) {
    STATE.error_sink.set(Some(sink));
}

pub(crate) fn report_error(error: &dyn Display) {
    debug_println!("{}: {error}", crate::pd_name());
    if let Some(sink) = STATE.error_sink.get() {
        sink(error);
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // A panic inside the sink ends here at once.
    if !STATE.panicking.replace(true) {
        debug_println!("{}: {info}", crate::pd_name());
        if let Some(sink) = STATE.sink.get() {
            sink(info);
        }
    }
    // SAFETY: the instruction never completes; whoever handles this protection domain's faults sees it.
    unsafe { core::arch::asm!("udf #0", options(noreturn, nomem, nostack)) }
}
