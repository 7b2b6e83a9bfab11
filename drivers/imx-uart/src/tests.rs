// SPDX-License-Identifier: Apache-2.0 OR MIT
#![allow(unsafe_code)] // Plain memory stands in for the registers.
use core::sync::atomic::Ordering::Relaxed;

use cofferdam_register_memory::RegisterMemory;

use super::*;

fn uart() -> (RegisterMemory, ImxUart<'static>) {
    let memory = RegisterMemory::new(REGISTERS_BYTES);
    // SAFETY: the memory is large enough, aligned, lives for ever, and is accessed atomically or volatile from this one
    // thread.
    let uart = unsafe { ImxUart::at(memory.base()) };
    (memory, uart)
}

/// Offsets and bits as the manual has them, written out once more.
#[test]
fn set_up_programs_what_the_manual_says() {
    let (memory, mut uart) = uart();
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
    let (memory, mut uart) = uart();
    memory.at(0xb4).store(1 << 4, Relaxed);
    assert!(!uart.try_write(b'x'));
    assert_eq!(memory.at(0x40).load(Relaxed), 0);
    memory.at(0xb4).store(0, Relaxed);
    assert!(uart.try_write(b'x'));
    assert_eq!(memory.at(0x40).load(Relaxed), u32::from(b'x'));
}

#[test]
fn the_transmit_interrupt_leaves_the_rest_alone() {
    let (memory, mut uart) = uart();
    memory.at(0x80).store(1, Relaxed);
    uart.interrupt_when_drained(true);
    assert_eq!(memory.at(0x80).load(Relaxed), 1 | 1 << 6, "TXMPTYEN");
    uart.acknowledge();
    uart.interrupt_when_drained(false);
    assert_eq!(memory.at(0x80).load(Relaxed), 1);
}
