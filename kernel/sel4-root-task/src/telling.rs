// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Where a panic is told.

use core::cell::Cell;
use core::fmt::{Display, Write};

/// Told of a panic: its place and message.
pub type Sink = fn(&dyn Display);

/// Tells the first panic; one that comes of the telling is not told again.
pub(crate) struct Telling {
    sink: Cell<Option<Sink>>,
    begun: Cell<bool>,
}

// SAFETY: the root task has one thread.
unsafe impl Sync for Telling {}

pub(crate) static TELLING: Telling = Telling::new();

impl Telling {
    const fn new() -> Self {
        Self { sink: Cell::new(None), begun: Cell::new(false) }
    }

    #[cfg_attr(not(any(target_os = "none", test)), expect(dead_code, reason = "the panic handler's"))]
    pub(crate) fn tell(&self, what: &dyn Display) {
        if !self.begun.replace(true) {
            // The writer never fails.
            let _ = writeln!(sel4::DebugWriter, "root task: {what}");
            if let Some(sink) = self.sink.get() {
                sink(what);
            }
        }
    }
}

/// Sets where a panic is told.
pub fn set_panic_sink(sink: Sink) {
    TELLING.sink.set(Some(sink));
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::cell::RefCell;
    use std::string::{String, ToString};
    use std::thread_local;
    use std::vec::Vec;

    thread_local! {
        static TOLD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
        static ITSELF: Telling = const { Telling::new() };
    }

    fn remember(what: &dyn Display) {
        TOLD.with_borrow_mut(|told| told.push(what.to_string()));
    }

    fn panic_again(what: &dyn Display) {
        remember(what);
        ITSELF.with(|telling| telling.tell(&"within"));
    }

    #[test]
    fn a_panic_is_told_once() {
        let telling = Telling::new();
        telling.sink.set(Some(remember));
        telling.tell(&"first");
        telling.tell(&"second");
        assert_eq!(TOLD.take(), ["first"]);
    }

    #[test]
    fn a_sink_that_panics_is_not_called_again() {
        ITSELF.with(|telling| {
            telling.sink.set(Some(panic_again));
            telling.tell(&"outer");
        });
        assert_eq!(TOLD.take(), ["outer"]);
    }

    #[test]
    fn without_a_sink_nothing_happens() {
        Telling::new().tell(&"unheard");
        assert!(TOLD.take().is_empty());
    }
}
