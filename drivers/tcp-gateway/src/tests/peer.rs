// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A neighbour that misbehaves loses its own records, and nothing else.

use std::vec::Vec;

use cofferdam_shared_memory::{Consumer, Producer, SharedRegion};
use proptest::prelude::*;

use crate::peer::Peer;

const RECORD_BYTES: usize = 64;
const RECORDS: usize = 64;
/// Where the first record's length lies.
const RECORDS_AT: usize = 4096;

/// The other end of a neighbour's queues, and the memory that it writes.
struct Neighbour {
    sends: Producer,
    memory: SharedRegion,
    _takes: Consumer,
}

fn neighbours() -> (Peer, Neighbour) {
    let regions = || (SharedRegion::leaked(RECORDS_AT + RECORDS * RECORD_BYTES), SharedRegion::leaked(8));
    let (memory, taken) = regions();
    let incoming = Consumer::new(memory, taken, RECORD_BYTES).unwrap();
    let sends = Producer::new(memory, taken, RECORD_BYTES).unwrap();
    let (back, back_taken) = regions();
    let takes = Consumer::new(back, back_taken, RECORD_BYTES).unwrap();
    let outgoing = Producer::new(back, back_taken, RECORD_BYTES).unwrap();
    (Peer::new("neighbour", incoming, outgoing), Neighbour { sends, memory, _takes: takes })
}

/// What a neighbour puts into its queue: number of the record, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Wanted,
    PassedOver,
    Malformed,
    WrongLength(u32),
}

fn what_is_sent() -> impl Strategy<Value = Sent> {
    prop_oneof![
        Just(Sent::Wanted),
        Just(Sent::PassedOver),
        Just(Sent::Malformed),
        (RECORD_BYTES as u32..).prop_map(Sent::WrongLength),
    ]
}

proptest! {
    /// Whatever lies between them: wanted records come in their order, and one call looks at so many and no more.
    #[test]
    fn wanted_records_come_through(sent in prop::collection::vec(what_is_sent(), 0..RECORDS), at_most in 1..10usize) {
        let (mut peer, mut neighbour) = neighbours();
        for (number, what) in sent.iter().enumerate() {
            neighbour.sends.push(&[&[number as u8]]).unwrap();
            if let Sent::WrongLength(length) = what {
                neighbour.memory.store_u32_relaxed(RECORDS_AT + number * RECORD_BYTES, *length).unwrap();
            }
        }
        let mut buffer = [0; RECORD_BYTES];
        let mut came = Vec::new();
        for _ in 0..=sent.len() {
            let mut looked_at = 0;
            came.extend(peer.next(&mut buffer, at_most, |record| {
                looked_at += 1;
                match record {
                    [number] => match sent[usize::from(*number)] {
                        Sent::Wanted => Ok(Some(usize::from(*number))),
                        Sent::PassedOver => Ok(None),
                        Sent::Malformed => Err("malformed"),
                        Sent::WrongLength(_) => panic!("a record of impossible length came through"),
                    },
                    _ => panic!("{record:?} was never sent"),
                }
            }));
            prop_assert!(looked_at <= at_most);
        }
        let wanted: Vec<usize> =
            (0..sent.len()).filter(|number| sent[*number] == Sent::Wanted).collect();
        prop_assert_eq!(came, wanted);
        let taken = sent.iter().any(|what| !matches!(what, Sent::WrongLength(_)));
        prop_assert_eq!(peer.take_moved(), taken);
        prop_assert!(!peer.take_moved());
    }
}

#[test]
fn a_full_queue_says_so_and_keeps_what_it_has() {
    let (mut peer, _neighbour) = neighbours();
    for number in 0..RECORDS {
        assert!(peer.has_room() && peer.push(&[&[number as u8]]), "record {number}");
    }
    assert!(peer.take_moved());
    assert!(!peer.has_room() && !peer.push(&[b"one too many"]));
    assert!(!peer.take_moved(), "nothing was added");
}
