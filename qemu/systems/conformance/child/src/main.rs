// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Says what it finds in .data and .bss, changes both, then does what the order says.
//!
//! Words of the region: 0 order, 1 entries so far, 2 found in .data, 3 found in .bss, 4 an address of the stack.
#![no_std]
#![no_main]
#![allow(unsafe_code)] // The faults that it is to make need unsafe code.

use core::sync::atomic::{AtomicU64, Ordering};

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::{Handler, NullHandler, channel, memory_region, protection_domain};

/// Starts in .data.
static DATA: AtomicU64 = AtomicU64::new(41);
/// Starts in .bss.
static BSS: AtomicU64 = AtomicU64::new(0);

#[protection_domain]
#[expect(clippy::panic, reason = "what it is told to do")]
fn init() -> impl Handler {
    let orders = system_tests_support::shared(memory_region!(orders: orders_size));
    let parent = channel!(parent);
    let word = |index: usize| orders.load_u64_acquire(index * 8).unwrap_or(0);
    put(&orders, 1, word(1) + 1);
    put(&orders, 2, DATA.fetch_add(1, Ordering::Relaxed));
    put(&orders, 3, BSS.fetch_add(1, Ordering::Relaxed));
    let local = 0_u64;
    put(&orders, 4, &raw const local as u64);
    parent.notify();
    match word(0) {
        0 => {}
        1 => panic!("told to"),
        // SAFETY: none: the address is not mapped, and the fault is what the test wants.
        2 => unsafe { (0x6666_0000 as *mut u64).write_volatile(1) },
        3 => {
            recurse(0);
        }
        4 => {
            // SAFETY: none: the page is read-only, and the fault is what the test wants.
            unsafe { (&raw const CONSTANT).cast_mut().write_volatile(1) }
        }
        5 => {
            // SAFETY: none: data cannot be executed, and the fault is what the test wants.
            let function: extern "C" fn() = unsafe { core::mem::transmute(DATA.as_ptr()) };
            function();
        }
        // An endless loop, from which only the parent can take it.
        _ => loop {
            core::hint::spin_loop();
        },
    }
    NullHandler
}

static CONSTANT: u64 = 7;

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
