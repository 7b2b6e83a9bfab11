// SPDX-License-Identifier: Apache-2.0 OR MIT
use proptest::prelude::*;

use super::kernel::{Complaint, Model, Object};
use crate::{Memory, Piece, Refusal};

const FIRST_SLOT: u64 = 1000;
const PAGE_BITS: u8 = 12;

#[derive(Clone, Debug)]
enum Request {
    Objects(Object, u64),
    Contiguous(Object, u64),
}

fn an_object() -> impl Strategy<Value = Object> {
    prop_oneof![
        3 => Just(Object::Page(PAGE_BITS)),
        1 => Just(Object::Page(21)),
        4 => (4..14u8).prop_map(Object::Other),
    ]
}

fn a_request() -> impl Strategy<Value = Request> {
    let count = || prop_oneof![4 => 1..4u64, 2 => 4..300u64, 1 => 300..1200u64];
    prop_oneof![
        3 => (an_object(), count()).prop_map(|(object, count)| Request::Objects(object, count)),
        1 => (an_object(), count()).prop_map(|(object, count)| Request::Contiguous(object, count)),
    ]
}

/// Pieces as a kernel gives them: apart from each other, aligned to their size, RAM and devices.
fn some_pieces() -> impl Strategy<Value = Vec<Piece>> {
    prop::collection::vec((12..24u8, any::<bool>()), 1..12).prop_map(|sizes| {
        let mut next = 0x4000_0000_u64;
        sizes
            .into_iter()
            .zip(10..)
            .map(|((size_bits, is_device), slot)| {
                let paddr = next.next_multiple_of(1 << size_bits);
                next = paddr + (1 << size_bits);
                Piece { slot, paddr, size_bits, is_device }
            })
            .collect()
    })
}

proptest! {
    /// The kernel never has to refuse: this side knows what is left as well as it does. Objects are apart, aligned
    /// and in the slots that were promised, and nothing is refused for which there is room.
    #[test]
    fn the_kernel_never_has_to_refuse(
        pieces in some_pieces(), requests in prop::collection::vec(a_request(), 1..40), slots in 100..4000u64,
    ) {
        let mut model = Model::new(&pieces, FIRST_SLOT..FIRST_SLOT + slots);
        let mut memory = Memory::new(&mut model, pieces.iter().copied(), FIRST_SLOT..FIRST_SLOT + slots);
        for request in requests {
            let left = slots - memory.used_slots();
            let (object, count, outcome) = match request {
                Request::Objects(object, count) => (object, count, memory.objects(object, count)),
                Request::Contiguous(object, count) => {
                    let had_room = memory.kernel().has_room(object, count);
                    let outcome = memory.contiguous(object, count);
                    if let Ok((first, paddr)) = outcome {
                        for index in 0..count {
                            let made = &memory.kernel().slots[&(first + index)];
                            prop_assert_eq!(made.paddr, paddr + (index << super::kernel::bits(object)));
                        }
                    } else {
                        prop_assert!(left < count || !had_room, "{object:?} × {count} would fit");
                    }
                    (object, count, outcome.map(|(first, _)| first))
                }
            };
            match outcome {
                Ok(first) => {
                    for index in 0..count {
                        let made = memory.kernel().slots[&(first + index)].clone();
                        prop_assert_eq!(made.object, object);
                        prop_assert!(!made.is_device, "objects come from RAM");
                        prop_assert!(made.paddr.is_multiple_of(1 << super::kernel::bits(object)));
                    }
                }
                Err(Refusal::NoSlots(wanted, had)) => {
                    prop_assert_eq!((wanted, had), (count, left));
                    prop_assert!(left < count);
                    // Nothing was made or taken.
                    prop_assert_eq!(memory.used_slots(), slots - left);
                }
                Err(Refusal::NoMemory) => {
                    prop_assert!(!memory.kernel().has_room(object, count));
                    break;
                }
                Err(other) => return Err(TestCaseError::fail(format!("{other:?}"))),
            }
            let free = memory.kernel().free_bytes();
            prop_assert_eq!(memory.free_bytes(), free);
        }
        check_apart(&model)?;
    }

    /// Objects at fixed addresses lie there, in RAM and in devices, and what lies before them is not lost.
    #[test]
    fn fixed_addresses_are_met_and_gaps_stay_usable(
        size_bits in 16..28u8, is_device: bool, mut places in prop::collection::btree_set(0..4096u64, 1..12),
        count in 1..3u64,
    ) {
        let pages = 1_u64 << (size_bits - PAGE_BITS);
        let piece = Piece { slot: 10, paddr: 1 << 30, size_bits, is_device };
        let empty = FIRST_SLOT..FIRST_SLOT + 100_000;
        let mut model = Model::new(&[piece], empty.clone());
        let mut memory = Memory::new(&mut model, [piece].into_iter(), empty);
        let page = Object::Page(PAGE_BITS);
        let mut end = 0;
        places.insert(pages.saturating_sub(1));
        for place in places {
            let paddr = piece.paddr + (place << PAGE_BITS);
            let outcome = memory.at(paddr, page, count);
            if place + count > pages || place < end {
                prop_assert_eq!(outcome, Err(Refusal::NotAt(paddr)));
                continue;
            }
            let first = outcome.expect("the piece has that memory");
            for index in 0..count {
                prop_assert_eq!(memory.kernel().slots[&(first + index)].paddr, paddr + (index << PAGE_BITS));
            }
            end = place + count;
        }
        let free = memory.kernel().free_bytes();
        prop_assert_eq!(memory.free_bytes(), free);
        // Every page of RAM that was not asked for can still be had.
        if !is_device {
            let left = free >> PAGE_BITS;
            prop_assert!(memory.objects(page, left).is_ok());
            prop_assert_eq!(memory.free_bytes(), 0);
            prop_assert_eq!(memory.object(page), Err(Refusal::NoMemory));
        }
        check_apart(&model)?;
    }
}

fn check_apart(model: &Model) -> Result<(), TestCaseError> {
    let mut places: Vec<_> = model.objects().map(|(_, capability)| capability.bytes()).collect();
    places.sort_unstable_by_key(|bytes| bytes.start);
    for pair in places.windows(2) {
        prop_assert!(pair[0].end <= pair[1].start, "objects overlap: {pair:x?}");
    }
    Ok(())
}

const RAM: Piece = Piece { slot: 10, paddr: 0x4000_0000, size_bits: 20, is_device: false };
const DEVICES: Piece = Piece { slot: 11, paddr: 0x900_0000, size_bits: 16, is_device: true };

#[test]
fn what_the_kernel_did_not_give_away_is_not_there() {
    let mut model = Model::new(&[RAM, DEVICES], 100..200);
    let mut memory = Memory::new(&mut model, [RAM, DEVICES].into_iter(), 100..200);
    let page = Object::Page(PAGE_BITS);
    for paddr in [0, DEVICES.paddr - 0x1000, DEVICES.paddr + 0x1_0000, RAM.paddr + 0x10_0000, !0xfff] {
        assert_eq!(memory.at(paddr, page, 1), Err(Refusal::NotAt(paddr)));
    }
    // An address that no page can have.
    assert!(memory.at(DEVICES.paddr + 0x800, page, 1).is_err());
    assert!(memory.at(DEVICES.paddr + 0x2000, page, 1).is_ok());
    // Behind what was given out: addresses come in rising order.
    assert!(memory.at(DEVICES.paddr + 0x1000, page, 1).is_err());
}

#[test]
fn device_memory_is_never_taken_for_ram() {
    let mut model = Model::new(&[DEVICES], 100..200);
    let mut memory = Memory::new(&mut model, [DEVICES].into_iter(), 100..200);
    assert_eq!(memory.free_bytes(), 0);
    assert_eq!(memory.object(Object::Other(4)), Err(Refusal::NoMemory));
    assert_eq!(memory.contiguous(Object::Page(PAGE_BITS), 1), Err(Refusal::NoMemory));
}

#[test]
fn without_slots_the_refusal_says_what_to_change() {
    let mut model = Model::new(&[RAM], 100..103);
    let mut memory = Memory::new(&mut model, [RAM].into_iter(), 100..103);
    assert_eq!(memory.check_slots(3), Ok(()));
    let refusal = memory.objects(Object::Other(5), 4).expect_err("three slots");
    assert_eq!(refusal, Refusal::NoSlots(4, 3));
    let text = Refusal::<&str>::NoSlots(4, 3).to_string();
    assert_eq!(text, "4 slots wanted, 3 left: raise ROOT_CNODE_SIZE_BITS in kernel/build/seL4.conf");
    assert_eq!(memory.objects(Object::Other(5), 3), Ok(100));
    assert_eq!(memory.slot(), Err(Refusal::NoSlots(1, 0)));
}

#[test]
fn the_kernels_refusal_comes_through() {
    // A slot that the kernel knows to be taken.
    let mut model = Model::new(&[RAM], 100..200);
    model.slots.insert(100, model.slots[&10].clone());
    let mut memory = Memory::new(&mut model, [RAM].into_iter(), 100..200);
    assert_eq!(memory.object(Object::Other(5)), Err(Refusal::Kernel(Complaint::SlotTaken)));
}

#[test]
fn small_pieces_are_used_first() {
    let small = Piece { slot: 12, paddr: 0x5000_0000, size_bits: 13, is_device: false };
    let mut model = Model::new(&[RAM, small], 100..200);
    let mut memory = Memory::new(&mut model, [RAM, small].into_iter(), 100..200);
    let first = memory.objects(Object::Page(PAGE_BITS), 3).expect("room");
    let paddrs: Vec<u64> = (first..first + 3).map(|slot| model.slots[&slot].paddr).collect();
    assert_eq!(paddrs, [small.paddr, small.paddr + 0x1000, RAM.paddr]);
}
