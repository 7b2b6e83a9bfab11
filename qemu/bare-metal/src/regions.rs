// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The program's memory: UART, page tables, heap.

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::UnsafeCell,
    ptr::{self, NonNull},
};

use cofferdam_boot_aarch64::{tables::Tables, uart::Uart};
use rlsf::Tlsf;

use crate::platform;

/// As much as an app slot has.
const HEAP_BYTES: usize = 8 << 20;

/// The UART of the platform.
pub fn uart() -> Uart {
    const BASE: NonNull<u32> = match NonNull::new(ptr::with_exposed_provenance_mut(platform::UART as usize)) {
        Some(base) => base,
        None => unreachable!(),
    };
    // SAFETY: the platform file says that a PL011 is there. The program runs alone; the panic handler makes a second
    // `Uart` only when the first is never used again.
    unsafe { Uart::new(BASE) }
}

/// The translation tables. To be called once.
pub fn tables() -> &'static mut Tables {
    static mut TABLES: Tables = Tables::new();
    let tables = &raw mut TABLES;
    // SAFETY: the program runs alone on one core, and `measure`, which runs once, is the only caller.
    unsafe { &mut *tables }
}

/// Constant-time allocation as in a slot (`sel4-microkit`'s heap has the same parameters).
type Pool = Tlsf<'static, u32, u16, { u32::BITS as usize }, { u16::BITS as usize }>;

struct Heap(UnsafeCell<Pool>);

// SAFETY: one core, no interrupts: the pool is never used from two places at once.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(Pool::new()));

/// Gives the heap its memory. To be called once, before the first allocation, with the MMU on.
pub fn init_heap() {
    static mut MEMORY: [u8; HEAP_BYTES] = [0; HEAP_BYTES];
    if let Some(start) = NonNull::new((&raw mut MEMORY).cast::<u8>()) {
        let block = NonNull::slice_from_raw_parts(start, HEAP_BYTES);
        // SAFETY: `measure`, which runs once, is the only caller, and the memory is named nowhere else.
        unsafe { (*HEAP.0.get()).insert_free_block_ptr(block) };
    }
}

// SAFETY: the pool hands out blocks that do not overlap, of the size and alignment asked for.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no other reference to the pool is alive (see `Sync`).
        let block = unsafe { (*self.0.get()).allocate(layout) };
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: as in `alloc`; the caller says that the block came from there with this alignment.
            unsafe { (*self.0.get()).deallocate(block, layout.align()) };
        }
    }
}
