// SPDX-License-Identifier: Apache-2.0 OR MIT
#![allow(unsafe_code)] // Plain memory stands in for the registers.
extern crate std;

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::*;

fn memory() -> (&'static [AtomicU32; REGISTERS_BYTES / 4], Gpt<'static>) {
    let words =
        std::boxed::Box::leak(std::boxed::Box::new([const { AtomicU32::new(0) }; REGISTERS_BYTES / 4]));
    // SAFETY: the memory is large enough, aligned, lives for ever, and is accessed atomically or volatile from this one
    // thread.
    let timer = unsafe { Gpt::at(NonNull::from(&*words).cast()) };
    (words, timer)
}

/// Offsets and bits as the manual has them, written out once more.
#[test]
fn it_is_started_as_the_manual_says() {
    let (words, mut timer) = memory();
    words[3].store(0x3f, Relaxed);
    timer.start();
    assert_eq!(
        words[0].load(Relaxed),
        1 | 1 << 1 | 5 << 6 | 1 << 9 | 1 << 10,
        "EN, ENMOD, CLKSRC, FRR, EN_24M"
    );
    assert_eq!(words[1].load(Relaxed), 23, "24 MHz / 24");
    assert_eq!(words[2].load(Relaxed), 0x3f, "all events taken back");
    assert_eq!(words[3].load(Relaxed), 0, "masked");
}

#[test]
fn a_match_is_programmed_and_taken_back() {
    let (words, mut timer) = memory();
    words[9].store(41, Relaxed);
    assert_eq!(timer.count_us(), 41);
    timer.match_at(99);
    assert_eq!([4, 2, 3].map(|word: usize| words[word].load(Relaxed)), [99, 1, 1], "OCR1, OF1, OF1IE");
    words[2].store(0, Relaxed);
    timer.silence();
    assert_eq!([2, 3].map(|word: usize| words[word].load(Relaxed)), [1, 0]);
}
