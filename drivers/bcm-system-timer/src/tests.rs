// SPDX-License-Identifier: Apache-2.0 OR MIT
#![allow(unsafe_code)] // Plain memory stands in for the registers.
use core::sync::atomic::Ordering::Relaxed;

use cofferdam_register_memory::RegisterMemory;

use super::*;

/// Offsets and bits as the manual has them, written out once more.
#[test]
fn a_match_is_programmed_as_the_manual_says() {
    let memory = RegisterMemory::new(REGISTERS_BYTES);
    // SAFETY: the memory is large enough, aligned, lives for ever, and is accessed atomically or volatile from this one
    // thread.
    let mut timer = unsafe { SystemTimer::at(memory.base()) };
    memory.at(0x04).store(0xffff_fff0, Relaxed);
    assert_eq!(timer.count_us(), 0xffff_fff0);
    timer.match_at(7);
    assert_eq!(memory.at(0x10).load(Relaxed), 7, "C1");
    assert_eq!(memory.at(0x00).load(Relaxed), 0b10, "M1 is taken back, and no other");
    memory.at(0x00).store(0, Relaxed);
    timer.silence();
    assert_eq!(memory.at(0x10).load(Relaxed), 0xffff_ffef, "has passed");
    assert_eq!(memory.at(0x00).load(Relaxed), 0b10);
    for other in [0x0c, 0x14, 0x18] {
        assert_eq!(memory.at(other).load(Relaxed), 0, "other channels are not touched");
    }
}
