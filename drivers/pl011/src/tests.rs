// SPDX-License-Identifier: Apache-2.0 OR MIT
#![allow(unsafe_code)] // Plain memory stands in for the registers.
use core::sync::atomic::Ordering::Relaxed;

use cofferdam_register_memory::RegisterMemory;

use super::*;

fn uart() -> (RegisterMemory, Pl011<'static>) {
    let memory = RegisterMemory::new(REGISTERS_BYTES);
    // SAFETY: the memory is large enough, aligned, lives for ever, and is accessed atomically or volatile from this one
    // thread.
    let uart = unsafe { Pl011::at(memory.base()) };
    (memory, uart)
}

/// Offsets and bits as DDI 0183 has them, written out once more.
#[test]
fn set_up_programs_what_the_manual_says() {
    let (memory, mut uart) = uart();
    memory.at(0x038).store(0x7ff, Relaxed);
    uart.set_up();
    assert_eq!(memory.at(0x02c).load(Relaxed), 0x70, "8 bits, FIFO");
    assert_eq!(memory.at(0x030).load(Relaxed), 0x101, "UARTEN, TXE");
    assert_eq!(memory.at(0x038).load(Relaxed), 0, "interrupts masked");
}

#[test]
fn a_full_fifo_refuses() {
    let (memory, mut uart) = uart();
    memory.at(0x018).store(1 << 5, Relaxed);
    assert!(!uart.try_write(b'x'));
    assert_eq!(memory.at(0x000).load(Relaxed), 0);
    memory.at(0x018).store(0, Relaxed);
    assert!(uart.try_write(b'x'));
    assert_eq!(memory.at(0x000).load(Relaxed), u32::from(b'x'));
}

#[test]
fn the_transmit_interrupt_leaves_others_alone() {
    let (memory, mut uart) = uart();
    memory.at(0x038).store(1 << 4, Relaxed);
    uart.interrupt_when_drained(true);
    assert_eq!(memory.at(0x038).load(Relaxed), 1 << 4 | 1 << 5);
    uart.interrupt_when_drained(false);
    assert_eq!(memory.at(0x038).load(Relaxed), 1 << 4);
    uart.acknowledge();
    assert_eq!(memory.at(0x044).load(Relaxed), 1 << 5);
}
