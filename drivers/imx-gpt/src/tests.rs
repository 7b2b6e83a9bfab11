// SPDX-License-Identifier: Apache-2.0 OR MIT
#![allow(unsafe_code)] // Plain memory stands in for the registers.
use core::sync::atomic::Ordering::Relaxed;

use cofferdam_register_memory::RegisterMemory;

use super::*;

fn gpt() -> (RegisterMemory, Gpt<'static>) {
    let memory = RegisterMemory::new(REGISTERS_BYTES);
    // SAFETY: the memory is large enough, aligned, lives for ever, and is accessed atomically or volatile from this one
    // thread.
    let timer = unsafe { Gpt::at(memory.base()) };
    (memory, timer)
}

/// Offsets and bits as the manual has them, written out once more.
#[test]
fn it_is_started_as_the_manual_says() {
    let (memory, mut timer) = gpt();
    memory.at(0x0c).store(0x3f, Relaxed);
    timer.start();
    assert_eq!(
        memory.at(0x00).load(Relaxed),
        1 | 1 << 1 | 5 << 6 | 1 << 9 | 1 << 10,
        "EN, ENMOD, CLKSRC, FRR, EN_24M"
    );
    assert_eq!(memory.at(0x04).load(Relaxed), 23, "24 MHz / 24");
    assert_eq!(memory.at(0x08).load(Relaxed), 0x3f, "all events taken back");
    assert_eq!(memory.at(0x0c).load(Relaxed), 0, "masked");
}

#[test]
fn a_match_is_programmed_and_taken_back() {
    let (memory, mut timer) = gpt();
    memory.at(0x24).store(41, Relaxed);
    assert_eq!(timer.count_us(), 41);
    timer.match_at(99);
    assert_eq!(
        [0x10, 0x08, 0x0c].map(|register| memory.at(register).load(Relaxed)),
        [99, 1, 1],
        "OCR1, OF1, OF1IE"
    );
    memory.at(0x08).store(0, Relaxed);
    timer.silence();
    assert_eq!([0x08, 0x0c].map(|register| memory.at(register).load(Relaxed)), [1, 0]);
}
