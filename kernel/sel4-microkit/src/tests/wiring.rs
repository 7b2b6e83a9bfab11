// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Channels, children, names, regions and time: what `system.xml` says, and which capability it becomes.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::vec::Vec;

use proptest::prelude::*;
use sel4::desk::{call, silence, with_kernel};

use crate::identity::name_in;
use crate::time::microseconds;
use crate::{Channel, ChannelSet, Child, MESSAGE_WORDS_MAX, MemoryRegion, MessageInfo};

/// System call and capability of everything that `program` asks of the kernel.
fn asked<R>(program: impl FnOnce() -> R) -> Vec<(i64, u64)> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let list = Rc::clone(&seen);
    with_kernel(
        move |trap| {
            list.borrow_mut().push((trap.number, trap.capability));
            silence()
        },
        program,
    );
    seen.take()
}

proptest! {
    /// Microkit's slots: 10 notifications, 74 calls, 138 interrupts, 202 children.
    #[test]
    fn identifiers_lead_to_microkits_slots(id in 0..62u64) {
        let channel = Channel::new(id);
        prop_assert_eq!(channel.id(), id);
        prop_assert_eq!(asked(|| channel.notify()), [(call::SEND, 10 + id)]);
        prop_assert_eq!(asked(|| channel.pp_call(MessageInfo::new(0, 0))), [(call::CALL, 74 + id)]);
        prop_assert_eq!(asked(|| channel.irq_ack()), [(call::CALL, 138 + id)]);
        prop_assert_eq!(asked(|| Child::new(id).stop()), [(call::CALL, 202 + id)]);
        // A child is stopped before its registers change.
        prop_assert_eq!(asked(|| Child::new(id).restart_at(1, 2)), [(call::CALL, 202 + id); 2]);
    }

    #[test]
    fn a_set_lists_its_channels_from_the_lowest(ids in prop::collection::btree_set(0..62u64, 0..62), other: u64) {
        let set = ChannelSet::from_bits(ids.iter().fold(0, |bits, id| bits | 1 << id));
        let listed: Vec<u64> = set.iter().map(Channel::id).collect();
        prop_assert_eq!(&listed, &ids.iter().copied().collect::<Vec<_>>());
        prop_assert_eq!(set.is_empty(), ids.is_empty());
        for id in 0..62 {
            prop_assert_eq!(set.contains(Channel::new(id)), ids.contains(&id));
        }
        let other = ChannelSet::from_bits(other);
        let both: BTreeSet<u64> = set.union(other).iter().map(Channel::id).collect();
        prop_assert_eq!(both, other.iter().map(Channel::id).chain(ids).collect::<BTreeSet<_>>());
    }

    /// Bits 62 and 63 of a badge are no channels.
    #[test]
    fn a_set_has_channels_only(bits: u64) {
        prop_assert!(ChannelSet::from_bits(bits).iter().all(|channel| channel.id() < 62));
    }

    #[test]
    fn a_message_has_at_most_the_words_of_the_buffer(label in 0..1u64 << 20, words: usize) {
        let message = MessageInfo::new(label, words);
        prop_assert_eq!((message.label(), message.count()), (label, words.min(MESSAGE_WORDS_MAX)));
    }

    #[test]
    fn words_go_into_a_message_and_out_of_it(
        words in prop::collection::vec(any::<u64>(), 0..=MESSAGE_WORDS_MAX), room in 0..2 * MESSAGE_WORDS_MAX,
    ) {
        let message = MessageInfo::with_words(9, &words);
        prop_assert_eq!((message.label(), message.count()), (9, words.len()));
        let mut buffer = std::vec![0xee; room];
        prop_assert_eq!(message.words(&mut buffer), &words[..words.len().min(room)]);
        prop_assert!(buffer[words.len().min(room)..].iter().all(|word| *word == 0xee));
    }

    #[test]
    fn time_is_exact_to_the_microsecond(ticks: u64, frequency in 1..=4_000_000_000u64) {
        let exact = u128::from(ticks) * 1_000_000 / u128::from(frequency);
        if let Ok(exact) = u64::try_from(exact) {
            prop_assert_eq!(microseconds(ticks, frequency), exact);
        }
    }

    #[test]
    fn time_never_runs_backwards(ticks in 0..u64::MAX / 2, later in 0..1u64 << 40, frequency in 1_000_000..=4_000_000_000u64) {
        prop_assert!(microseconds(ticks, frequency) <= microseconds(ticks + later, frequency));
    }

    #[test]
    fn a_name_ends_at_its_zero(name in "[a-z_0-9]{0,64}", rest: u8) {
        let mut bytes = [rest; 64];
        for (place, byte) in bytes.iter_mut().zip(name.bytes().chain([0])) {
            *place = byte;
        }
        prop_assert_eq!(name_in(&bytes), name.as_str());
    }

    #[test]
    fn a_broken_name_is_told_as_such(bytes in prop::array::uniform32(any::<u8>())) {
        let mut name = [0; 64];
        name[..32].copy_from_slice(&bytes);
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(32);
        prop_assert_eq!(name_in(&name), core::str::from_utf8(&bytes[..end]).unwrap_or("?"));
    }

    #[test]
    fn a_region_is_where_its_symbols_say(start in 1..1u64 << 47, size in 1..1u64 << 40) {
        let region = MemoryRegion::from_symbols("ring", start, size);
        prop_assert_eq!(region.start.addr().get() as u64, start);
        prop_assert_eq!(region.end_address() as u64, start + size);
    }
}

#[test]
#[should_panic(expected = "system.xml does not set the memory region symbol ring")]
fn a_region_without_address_is_a_broken_image() {
    MemoryRegion::from_symbols("ring", 0, 0x1000);
}

#[test]
#[should_panic(expected = "system.xml does not set the memory region symbol ring")]
fn a_region_without_size_is_a_broken_image() {
    MemoryRegion::from_symbols("ring", 0x1000, 0);
}

#[test]
#[should_panic(expected = "channel identifiers are 0 to 61")]
fn there_is_no_channel_62() {
    Channel::new(62);
}

#[test]
#[should_panic(expected = "child identifiers are 0 to 61")]
fn there_is_no_child_62() {
    Child::new(62);
}
