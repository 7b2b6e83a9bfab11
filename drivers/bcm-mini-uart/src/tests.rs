// SPDX-License-Identifier: Apache-2.0 OR MIT
#![allow(unsafe_code)] // Plain memory stands in for the registers.
use core::sync::atomic::Ordering::Relaxed;

use cofferdam_register_memory::RegisterMemory;

use super::*;

fn uart() -> (RegisterMemory, MiniUart<'static>) {
    let memory = RegisterMemory::new(REGISTERS_BYTES);
    // SAFETY: the memory is large enough, aligned, lives for ever, and is accessed atomically or volatile from this one
    // thread.
    let uart = unsafe { MiniUart::at(memory.base()) };
    (memory, uart)
}

/// Offsets and bits as the manual has them, written out once more.
#[test]
fn set_up_programs_what_the_manual_says() {
    let (memory, mut uart) = uart();
    memory.at(0x04).store(0b110, Relaxed);
    memory.at(0x44).store(0b11, Relaxed);
    uart.set_up();
    assert_eq!(memory.at(0x04).load(Relaxed), 0b111, "on, and its neighbours as they were");
    assert_eq!(memory.at(0x44).load(Relaxed), 0, "interrupts masked");
    assert_eq!(memory.at(0x4c).load(Relaxed), 3, "8 bits");
    assert_eq!(memory.at(0x60).load(Relaxed), 2, "transmitter alone");
}

#[test]
fn a_full_fifo_refuses() {
    let (memory, mut uart) = uart();
    assert!(!uart.try_write(b'x'));
    assert_eq!(memory.at(0x40).load(Relaxed), 0);
    memory.at(0x54).store(1 << 5, Relaxed);
    assert!(uart.try_write(b'x'));
    assert_eq!(memory.at(0x40).load(Relaxed), u32::from(b'x'));
}

#[test]
fn the_transmit_interrupt_leaves_the_other_alone() {
    let (memory, mut uart) = uart();
    memory.at(0x44).store(1, Relaxed);
    uart.interrupt_when_drained(true);
    assert_eq!(memory.at(0x44).load(Relaxed), 0b11);
    uart.acknowledge();
    uart.interrupt_when_drained(false);
    assert_eq!(memory.at(0x44).load(Relaxed), 1);
}
