// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Says what it finds in .data and .bss, scribbles over both, then does what the order says.
#![no_std]
#![no_main]
#![allow(unsafe_code)] // The faults that it is to make need unsafe code.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::{Handler, NullHandler, channel, memory_region, protection_domain, setvar};
use system_tests_support::orders::{self, Order, word};

/// Starts in .data: no word is zero, no two are alike.
static DATA: [AtomicU64; 700] = {
    let mut words = [const { AtomicU64::new(0) }; 700];
    let mut index = 0;
    while index < words.len() {
        words[index] = AtomicU64::new(pattern(index));
        index += 1;
    }
    words
};
/// Starts in .bss.
static BSS: [AtomicU64; 700] = [const { AtomicU64::new(0) }; 700];
/// Starts in .rodata.
static CONSTANT: u64 = 7;

const fn pattern(index: usize) -> u64 {
    (index as u64 + 1) * 0x1_0001
}

#[protection_domain]
fn init() -> impl Handler {
    let orders = system_tests_support::shared(memory_region!(orders: orders_size));
    let parent = channel!(parent);
    let local = 0_u64;
    let stack = &raw const local as u64;
    put(&orders, word::ENTRIES, get(&orders, word::ENTRIES) + 1);
    put(&orders, word::WRONG_DATA, scribble(&DATA, pattern));
    put(&orders, word::WRONG_BSS, scribble(&BSS, |_| 0));
    put(&orders, word::STACK, stack);
    parent.notify();
    let order = Order::from_word(get(&orders, word::ORDER)).unwrap_or(Order::Wait);
    if let Some(result) = obey(order, stack) {
        put(&orders, word::RESULT, result);
        parent.notify();
    }
    NullHandler
}

/// What comes of the order, unless it ends otherwise.
#[expect(clippy::panic, reason = "what it is told to do")]
fn obey(order: Order, stack: u64) -> Option<u64> {
    let (readable, writable) = (setvar!(readable), setvar!(writable));
    let (runnable, everything) = (setvar!(runnable), setvar!(everything));
    match order {
        Order::Wait => None,
        Order::Panic => panic!("told to"),
        Order::WriteUnmapped => write(orders::UNMAPPED, 1),
        Order::ReadNull => read(0),
        Order::OverflowStack => Some(recurse(0)),
        // The guard page between stack and IPC buffer.
        Order::ReadAboveStack => read((stack & !0xfff) + 0x1000),
        Order::WriteConstant => write(&raw const CONSTANT as u64, 1),
        Order::WriteOwnCode => write(init as *const () as u64, 1),
        Order::ExecuteData => execute(DATA.as_ptr() as u64),
        Order::ExecuteStack => execute(stack),
        Order::ReadReadable => read(readable),
        Order::WriteReadable => write(readable, 1),
        Order::ExecuteReadable => execute(readable),
        Order::WriteWritable => {
            // Above the function. It shows at once in the same page under another address.
            write(writable + 0x100, 0x600d);
            read(readable + 0x100)
        }
        Order::ExecuteWritable => execute(writable),
        Order::ExecuteRunnable => execute(runnable),
        Order::WriteRunnable => write(runnable, 1),
        Order::WriteAndExecute => {
            // QEMU's instruction cache sees what was written; a real one would have to be told.
            write(everything + 0x200, orders::OTHER_FUNCTION.0);
            execute(everything + 0x200)
        }
        Order::UnknownSystemCall => {
            // SAFETY: no such call exists; the fault is what the test wants.
            unsafe { asm!("svc #0", in("x7") orders::UNKNOWN_SYSTEM_CALL, clobber_abi("C")) };
            None
        }
        // An endless loop, from which only the parent can take it.
        Order::Hang => loop {
            core::hint::spin_loop();
        },
    }
}

fn read(address: u64) -> Option<u64> {
    // In assembly, as the compiler may assume things of a pointer that do not hold here.
    let value: u64;
    // SAFETY: an address that the order names: readable, or the fault is what the test wants.
    unsafe { asm!("ldr {value}, [{address}]", value = out(reg) value, address = in(reg) address) };
    Some(value)
}

fn write(address: u64, value: u64) -> Option<u64> {
    // SAFETY: an address that the order names: nobody else uses it, or the fault is what the test wants.
    unsafe { asm!("str {value}, [{address}]", value = in(reg) value, address = in(reg) address) };
    Some(value)
}

/// Calls what lies there as a function.
fn execute(address: u64) -> Option<u64> {
    let value: u64;
    // SAFETY: one of the functions of `orders`, which the parent or this program put there; or the fault is what the
    // test wants.
    unsafe { asm!("blr {address}", address = in(reg) address, lateout("x0") value, clobber_abi("C")) };
    Some(value)
}

/// How many words are not as expected; afterwards none is.
fn scribble(words: &[AtomicU64], expected: impl Fn(usize) -> u64) -> u64 {
    let wrong = words.iter().enumerate().filter(|(index, word)| {
        let found = word.swap(!0, Ordering::Relaxed);
        found != expected(*index)
    });
    wrong.count() as u64
}

fn get(orders: &SharedRegion, index: usize) -> u64 {
    orders.load_u64_acquire(index * 8).unwrap_or(0)
}

fn put(orders: &SharedRegion, index: usize, value: u64) {
    // The region is a page: the offset is inside.
    let _ = orders.store_u64_release(index * 8, value);
}

/// Uses the whole stack.
#[inline(never)]
#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    let frame = [depth; 64];
    core::hint::black_box(&frame);
    recurse(depth + 1) + core::hint::black_box(frame[0])
}
