// SPDX-License-Identifier: Apache-2.0 OR MIT
#![allow(unsafe_code)] // Plain memory stands in for the registers.
extern crate std;

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::*;

/// Offsets and bits as the manual has them, written out once more.
#[test]
fn a_match_is_programmed_as_the_manual_says() {
    let words =
        std::boxed::Box::leak(std::boxed::Box::new([const { AtomicU32::new(0) }; REGISTERS_BYTES / 4]));
    // SAFETY: the memory is large enough, aligned, lives for ever, and is accessed atomically or volatile from this one
    // thread.
    let mut timer = unsafe { SystemTimer::at(NonNull::from(&*words).cast()) };
    words[1].store(0xffff_fff0, Relaxed);
    assert_eq!(timer.count_us(), 0xffff_fff0);
    timer.match_at(7);
    assert_eq!(words[4].load(Relaxed), 7, "C1");
    assert_eq!(words[0].load(Relaxed), 0b10, "M1 is taken back, and no other");
    words[0].store(0, Relaxed);
    timer.silence();
    assert_eq!(words[4].load(Relaxed), 0xffff_ffef, "has passed");
    assert_eq!(words[0].load(Relaxed), 0b10);
    for other in [3, 5, 6] {
        assert_eq!(words[other].load(Relaxed), 0, "other channels are not touched");
    }
}
