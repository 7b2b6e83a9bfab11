// SPDX-License-Identifier: Apache-2.0 OR MIT
#![allow(unsafe_code)] // Plain memory stands in for the registers.
extern crate std;

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::*;

/// Words of memory where the registers would be.
struct Memory(&'static [AtomicU32; REGISTERS_BYTES / 4]);

impl Memory {
    fn new() -> (Self, ImxUart<'static>) {
        let words =
            std::boxed::Box::leak(std::boxed::Box::new([const { AtomicU32::new(0) }; REGISTERS_BYTES / 4]));
        // SAFETY: the memory is large enough, aligned, lives for ever, and is accessed atomically or volatile
        // from this one thread.
        let uart = unsafe { ImxUart::at(NonNull::from(&*words).cast()) };
        (Self(words), uart)
    }

    fn at(&self, offset: usize) -> &AtomicU32 {
        &self.0[offset / 4]
    }
}

/// Offsets and bits as the manual has them, written out once more.
#[test]
fn set_up_programs_what_the_manual_says() {
    let (memory, mut uart) = Memory::new();
    memory.at(0x80).store(0xffff, Relaxed);
    memory.at(0x84).store(1, Relaxed); // SRST: not in reset
    memory.at(0x8c).store(0x8, Relaxed);
    uart.set_up();
    assert_eq!(memory.at(0x80).load(Relaxed), 1, "UARTEN, no interrupt");
    assert_eq!(memory.at(0x84).load(Relaxed), 1 | 1 << 2 | 1 << 5 | 1 << 14, "SRST, TXEN, WS, IRTS");
    assert_eq!(memory.at(0x8c).load(Relaxed), 0, "no interrupt");
}

#[test]
fn a_full_fifo_refuses() {
    let (memory, mut uart) = Memory::new();
    memory.at(0xb4).store(1 << 4, Relaxed);
    assert!(!uart.try_write(b'x'));
    assert_eq!(memory.at(0x40).load(Relaxed), 0);
    memory.at(0xb4).store(0, Relaxed);
    assert!(uart.try_write(b'x'));
    assert_eq!(memory.at(0x40).load(Relaxed), u32::from(b'x'));
}

#[test]
fn the_transmit_interrupt_leaves_the_rest_alone() {
    let (memory, mut uart) = Memory::new();
    memory.at(0x80).store(1, Relaxed);
    uart.interrupt_when_drained(true);
    assert_eq!(memory.at(0x80).load(Relaxed), 1 | 1 << 6, "TXMPTYEN");
    uart.acknowledge();
    uart.interrupt_when_drained(false);
    assert_eq!(memory.at(0x80).load(Relaxed), 1);
}
