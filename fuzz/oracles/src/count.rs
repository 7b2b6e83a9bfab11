// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Counts inputs, and prints the counts when the program ends.

use std::sync::atomic::{AtomicU64, Ordering};

static ACCEPTED: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);

struct AtTheEnd;

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        let (accepted, refused) = (ACCEPTED.load(Ordering::Relaxed), REFUSED.load(Ordering::Relaxed));
        eprintln!("inputs: {accepted} accepted, {refused} refused");
    }
}

thread_local! {
    // libFuzzer ends the program by `exit` on this thread, which destroys what is local to it.
    static AT_THE_END: AtTheEnd = const { AtTheEnd };
}

/// One more input was tried.
pub fn tried(accepted: bool) {
    AT_THE_END.with(|_| ());
    if accepted { &ACCEPTED } else { &REFUSED }.fetch_add(1, Ordering::Relaxed);
}
