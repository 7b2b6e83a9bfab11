// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The heap against a model: blocks never overlap, keep their bytes, and all memory comes back.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use crate::MemoryRegion;
use crate::heap::Heap;

const REGION_BYTES: usize = 64 * 1024;

/// A heap and the memory that it gives out, which must not move.
struct Desk {
    heap: Heap,
    _memory: Vec<u8>,
    start: usize,
}

impl Desk {
    fn new() -> Self {
        // Dirty, as after an earlier life.
        let mut memory = vec![0xa5; REGION_BYTES];
        let start = NonNull::new(memory.as_mut_ptr()).unwrap();
        let heap = Heap::new();
        // SAFETY: the vector's bytes are never touched but through the heap, and live as long as it does.
        unsafe { heap.init(MemoryRegion { start, size: REGION_BYTES }) };
        Self { heap, _memory: memory, start: start.addr().get() }
    }
}

struct Block {
    address: *mut u8,
    layout: Layout,
    fill: u8,
}

impl Block {
    fn bytes(&self) -> &[u8] {
        // SAFETY: the heap gave the block with that size, and only this test refers to it.
        unsafe { core::slice::from_raw_parts(self.address, self.layout.size()) }
    }

    fn write(&mut self, fill: u8) {
        self.fill = fill;
        // SAFETY: as in `bytes`.
        unsafe { self.address.write_bytes(fill, self.layout.size()) }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Allocate { size: usize, align_bits: u8, zeroed: bool },
    Free(usize),
    Resize { which: usize, size: usize },
}

fn a_step() -> impl Strategy<Value = Step> {
    let size = || prop_oneof![4 => 1..200usize, 2 => 200..5_000usize, 1 => 5_000..80_000usize];
    prop_oneof![
        3 => (size(), 0..9u8, any::<bool>())
            .prop_map(|(size, align_bits, zeroed)| Step::Allocate { size, align_bits, zeroed }),
        2 => any::<usize>().prop_map(Step::Free),
        1 => (any::<usize>(), size()).prop_map(|(which, size)| Step::Resize { which, size }),
    ]
}

/// What must hold of the blocks that are in use.
fn check(desk: &Desk, blocks: &[Block]) -> Result<(), TestCaseError> {
    let mut places: Vec<_> = blocks
        .iter()
        .map(|block| (block.address.addr(), block.address.addr() + block.layout.size()))
        .collect();
    places.sort_unstable();
    for pair in places.windows(2) {
        prop_assert!(pair[0].1 <= pair[1].0, "blocks overlap: {pair:x?}");
    }
    for (block, place) in blocks.iter().zip(blocks.iter().map(|block| block.address.addr())) {
        prop_assert_eq!(place % block.layout.align(), 0);
        prop_assert!(place >= desk.start && place + block.layout.size() <= desk.start + REGION_BYTES);
        prop_assert!(block.bytes().iter().all(|byte| *byte == block.fill), "a block's bytes changed");
    }
    let used: usize = blocks.iter().map(|block| block.layout.size()).sum();
    let statistics = desk.heap.statistics();
    prop_assert_eq!(statistics.used_bytes, used);
    prop_assert!(statistics.peak_bytes >= used && statistics.peak_bytes <= statistics.size_bytes);
    Ok(())
}

proptest! {
    #[test]
    fn blocks_are_apart_and_keep_their_bytes(steps in prop::collection::vec(a_step(), 1..120)) {
        let desk = Desk::new();
        let mut blocks: Vec<Block> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            let fill = number as u8 | 1;
            match step {
                Step::Allocate { size, align_bits, zeroed } => {
                    let layout = Layout::from_size_align(size, 1 << align_bits).unwrap();
                    // SAFETY: the size is not zero.
                    let address =
                        unsafe { if zeroed { desk.heap.alloc_zeroed(layout) } else { desk.heap.alloc(layout) } };
                    if !address.is_null() {
                        let mut block = Block { address, layout, fill: 0 };
                        prop_assert!(!zeroed || block.bytes().iter().all(|byte| *byte == 0));
                        block.write(fill);
                        blocks.push(block);
                    }
                }
                Step::Free(which) if !blocks.is_empty() => {
                    let block = blocks.swap_remove(which % blocks.len());
                    // SAFETY: the block came from this heap with this layout and is not used again.
                    unsafe { desk.heap.dealloc(block.address, block.layout) };
                }
                Step::Resize { which, size } if !blocks.is_empty() => {
                    let which = which % blocks.len();
                    let block = &mut blocks[which];
                    // SAFETY: as above; if it moves, the old address is not used again.
                    let address = unsafe { desk.heap.realloc(block.address, block.layout, size) };
                    if !address.is_null() {
                        let kept = block.layout.size().min(size);
                        block.address = address;
                        block.layout = Layout::from_size_align(size, block.layout.align()).unwrap();
                        prop_assert!(block.bytes()[..kept].iter().all(|byte| *byte == block.fill));
                        block.write(fill);
                    }
                }
                Step::Free(_) | Step::Resize { .. } => {}
            }
            check(&desk, &blocks)?;
        }
        for block in blocks.drain(..) {
            // SAFETY: as above.
            unsafe { desk.heap.dealloc(block.address, block.layout) };
        }
        // Nothing leaked: one block of nearly the whole region fits again.
        prop_assert_eq!(desk.heap.statistics().used_bytes, 0);
        let whole = Layout::from_size_align(REGION_BYTES * 7 / 8, 16).unwrap();
        // SAFETY: the size is not zero.
        prop_assert!(!unsafe { desk.heap.alloc(whole) }.is_null(), "memory is lost");
    }
}

#[test]
fn a_heap_without_region_gives_nothing() {
    let heap = Heap::new();
    // SAFETY: the size is not zero.
    assert!(unsafe { heap.alloc(Layout::new::<u64>()) }.is_null());
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_else_disturbed() {
    let desk = Desk::new();
    let (small, large) = (Layout::new::<u64>(), Layout::new::<[u8; REGION_BYTES + 1]>());
    // SAFETY: sizes are not zero; the block is freed once.
    unsafe {
        let kept = desk.heap.alloc(small);
        assert!(desk.heap.alloc(large).is_null());
        assert!(desk.heap.realloc(kept, small, REGION_BYTES + 1).is_null());
        assert_eq!(desk.heap.statistics().used_bytes, small.size());
        desk.heap.dealloc(kept, small);
    }
    assert_eq!(desk.heap.statistics().used_bytes, 0);
}
