// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Checks that need no events.

use alloc::alloc::{Layout, alloc_zeroed};
use alloc::vec;
use alloc::vec::Vec;

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::{
    Channel, ChannelSet, MESSAGE_WORDS_MAX, MessageInfo, counter_frequency, get_mr, heap, now_us,
    poll_notification, set_mr,
};

use crate::Report;

/// Where QEMU virt has RAM, in the larger of the two machines.
const RAM: core::ops::Range<u64> = 0x4000_0000..0xc000_0000;

pub(crate) fn calls(report: &mut Report, server: Channel) {
    let all = || 0..=MESSAGE_WORDS_MAX;
    let carries = |count: usize| {
        (0..count).for_each(|index| set_mr(index, index as u64 * 3 + 1));
        let expected: u64 = (0..count as u64).map(|index| index * 3 + 1).sum();
        let answer = server.pp_call(MessageInfo::new(1, count));
        answer == MessageInfo::new(1, 2) && get_mr(0) == count as u64 && get_mr(1) == expected
    };
    report.check("calls carry 0 to 120 words", all().count() == 121 && all().all(carries));
    let brings_back = |count: usize| {
        set_mr(0, count as u64);
        let answer = server.pp_call(MessageInfo::new(3, 1));
        answer == MessageInfo::new(3, count) && (0..count).all(|index| get_mr(index) == index as u64 + 7)
    };
    report.check("replies carry 0 to 120 words", all().all(brings_back));
    report.check("words come back changed", all().all(|count| inverts(server, 2, count)));
    let right = all().all(|count| inverts(server, 4, count) && poll_notification() == Some(only(server)));
    report.check("a signal deferred in a call arrives with the reply", right);
    report.check("nothing else has arrived", poll_notification().is_none());
    let answer = server.pp_call(MessageInfo::new(99, 1));
    report.check("a handler's error is answered", answer.label() == 0xfffff && answer.count() == 0);
}

/// Calls with `count` words; each must come back with all its bits changed.
fn inverts(server: Channel, label: u64, count: usize) -> bool {
    (0..count).for_each(|index| set_mr(index, index as u64));
    let answer = server.pp_call(MessageInfo::new(label, count));
    answer == MessageInfo::new(label, count) && (0..count).all(|index| get_mr(index) == !(index as u64))
}

fn only(channel: Channel) -> ChannelSet {
    ChannelSet::from_bits(1 << channel.id())
}

pub(crate) fn heap(report: &mut Report) {
    let before = heap::statistics();
    report.check("the heap is empty at first", before.used_bytes == 0 && before.size_bytes > 1 << 20);
    for _ in 0..1000 {
        let mut blocks: Vec<Vec<u8>> = (1..50).map(|size| vec![0xaa; size * 100]).collect();
        blocks.retain(|block| block.len() % 200 == 0);
        // Otherwise the compiler leaves the allocation out.
        drop(core::hint::black_box(vec![0_u8; 600_000]));
    }
    let after = heap::statistics();
    report.check("the heap does not leak", after.used_bytes == 0 && after.peak_bytes >= 600_000);
    let mut large: Vec<u8> = Vec::new();
    report.check("too large an allocation is refused", large.try_reserve_exact(1 << 30).is_err());
    let zeroed = Layout::array::<u8>(300_000).ok().map(|layout| {
        drop(core::hint::black_box(vec![0xff_u8; 300_000]));
        // SAFETY: the layout is not empty; the block is readable as long as it lives, which is for ever.
        unsafe { core::slice::from_raw_parts(alloc_zeroed(layout), layout.size()) }
    });
    report.check("alloc_zeroed gives zeros", zeroed.is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0)));
}

pub(crate) fn physical_address(report: &mut Report, dma: &SharedRegion, paddr: u64) {
    report
        .check("a region's physical address is in RAM", RAM.contains(&paddr) && paddr.is_multiple_of(0x1000));
    let zero = (0..dma.size_bytes()).step_by(8).all(|offset| dma.load_u64_acquire(offset) == Ok(0));
    report.check("memory regions begin as zeros", zero);
}

pub(crate) fn time(report: &mut Report) {
    let (start, mut last, mut steps) = (now_us(), 0, 0);
    while last < start + 2000 {
        let now = now_us();
        if now < last {
            report.check("time goes forward", false);
        }
        steps += u32::from(now > last);
        last = now;
    }
    report.check("time goes forward", steps > 1 && counter_frequency() > 1_000_000);
}
