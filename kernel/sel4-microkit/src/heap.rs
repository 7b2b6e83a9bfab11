// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The global allocator over one memory region: two-level segregated fit, so that allocating and freeing take
//! bounded time whatever the history. For protection domains that need `alloc` (feature `heap`).
//!
//! Before [`init_heap`] every allocation fails.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use core::ptr::{self, NonNull};

use rlsf::Tlsf;

use crate::MemoryRegion;

/// First-level classes: blocks of up to 2^(5 + 27) bytes, more than any region.
type FirstLevel = u32;
/// Second-level classes: sixteen in each, so that at most a sixteenth of a block is wasted.
type SecondLevel = u16;
type Pool =
    Tlsf<'static, FirstLevel, SecondLevel, { FirstLevel::BITS as usize }, { SecondLevel::BITS as usize }>;

/// Blocks are aligned to this many bytes, and each has a header of as many.
const GRANULARITY_BYTES: usize = rlsf::GRANULARITY;

pub(crate) struct Heap {
    pool: UnsafeCell<Pool>,
    used_bytes: Cell<usize>,
    peak_bytes: Cell<usize>,
    size_bytes: Cell<usize>,
}

// SAFETY: a protection domain has one thread, so the pool is never used from two places at once; the
// allocator does not call back into code that could allocate.
unsafe impl Sync for Heap {}

#[cfg_attr(target_os = "none", global_allocator)]
static HEAP: Heap = Heap::new();

/// How full the heap is. Requested sizes; each allocation costs a header more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapStatistics {
    /// Bytes allocated now.
    pub used_bytes: usize,
    /// The most bytes that were allocated at any time since the start.
    pub peak_bytes: usize,
    /// Bytes that the region has.
    pub size_bytes: usize,
}

/// Makes `region` the heap. All of it is zeroed first: nothing of an earlier life of this protection domain
/// remains.
///
/// # Safety
/// The region is mapped writable into this protection domain alone, nothing in this program refers to it, and
/// this function has not been called since the program's entry.
pub unsafe fn init_heap(region: MemoryRegion) {
    // SAFETY: by this function's contract, which is the same.
    unsafe { HEAP.init(region) }
}

/// How full the heap is.
pub fn statistics() -> HeapStatistics {
    HEAP.statistics()
}

impl Heap {
    pub(crate) const fn new() -> Self {
        Self {
            pool: UnsafeCell::new(Pool::new()),
            used_bytes: Cell::new(0),
            peak_bytes: Cell::new(0),
            size_bytes: Cell::new(0),
        }
    }

    /// See [`init_heap`].
    ///
    /// # Safety
    /// Nothing refers to the region, for as long as this heap and its blocks are used; this is called once.
    pub(crate) unsafe fn init(&self, region: MemoryRegion) {
        // SAFETY: the contract of this function gives the whole region to it for good.
        unsafe { region.start.write_bytes(0, region.size) };
        let block = NonNull::slice_from_raw_parts(region.start, region.size);
        // SAFETY: one thread, no other reference to the pool is alive; the block is ours for good.
        let inserted = unsafe { (*self.pool.get()).insert_free_block_ptr(block) };
        self.size_bytes.set(inserted.map_or(0, |length| length.get()));
    }

    /// See [`statistics`].
    pub(crate) fn statistics(&self) -> HeapStatistics {
        HeapStatistics {
            used_bytes: self.used_bytes.get(),
            peak_bytes: self.peak_bytes.get(),
            size_bytes: self.size_bytes.get(),
        }
    }

    fn grown(&self, by: usize) {
        let used = self.used_bytes.get().saturating_add(by);
        self.used_bytes.set(used);
        self.peak_bytes.set(self.peak_bytes.get().max(used));
    }

    fn shrunk(&self, by: usize) {
        self.used_bytes.set(self.used_bytes.get().saturating_sub(by));
    }
}

// SAFETY: blocks come from the pool, which keeps them apart, large enough and aligned; the accounting around
// it never panics.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: one thread, and the pool does not call back: this is the only reference.
        match unsafe { (*self.pool.get()).allocate(layout) } {
            Some(block) => {
                self.grown(layout.size());
                block.as_ptr()
            }
            None => ptr::null_mut(),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as this function's caller promised.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // SAFETY: the block has that size. It may have been used before, so it is really zeroed.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the caller promised that the block came from here with that layout; one thread.
            unsafe { (*self.pool.get()).deallocate(block, layout.align()) };
            self.shrunk(layout.size());
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let (Some(block), Ok(new_layout)) =
            (NonNull::new(block), Layout::from_size_align(new_size, layout.align()))
        else {
            return ptr::null_mut();
        };
        // SAFETY: as in `dealloc`; the pool copies the contents if it moves the block.
        match unsafe { (*self.pool.get()).reallocate(block, new_layout) } {
            Some(moved) => {
                self.shrunk(layout.size());
                self.grown(new_size);
                moved.as_ptr()
            }
            None => ptr::null_mut(),
        }
    }
}

const _: () = assert!(GRANULARITY_BYTES >= 16);
