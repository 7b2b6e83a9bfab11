// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What gateway carries is what was said, however it cuts it up, and whatever else it puts into its queue.

use alloc::vec::Vec;

use cofferdam_gateway_protocol::{DATA_BYTES_MAX, FromManager, RECORD_BYTES, ToManager};
use cofferdam_management_protocol::Command;
use cofferdam_shared_memory::{Consumer, Producer, SharedRegion};
use proptest::prelude::*;

use super::world::{Host, manager};
use crate::Gateway;

const CONNECTION: u32 = 5;
const RECORDS_AT: usize = 4096;

/// gateway's ends of the queues.
struct Peer {
    out: Producer,
    back: Consumer,
    memory: SharedRegion,
    pushed: usize,
    records: usize,
}

fn queues(records: usize) -> (Gateway, Peer) {
    let regions = || (SharedRegion::leaked(RECORDS_AT + records * RECORD_BYTES), SharedRegion::leaked(8));
    let ((memory, taken), (back, back_taken)) = (regions(), regions());
    let to_manager = Consumer::new(memory, taken, RECORD_BYTES).unwrap();
    let out = Producer::new(memory, taken, RECORD_BYTES).unwrap();
    let from_manager = Producer::new(back, back_taken, RECORD_BYTES).unwrap();
    let back = Consumer::new(back, back_taken, RECORD_BYTES).unwrap();
    (Gateway::new(to_manager, from_manager), Peer { out, back, memory, pushed: 0, records })
}

impl Peer {
    fn push(&mut self, parts: &[&[u8]]) {
        self.out.push(parts).unwrap();
        self.pushed += 1;
    }

    fn say(&mut self, message: &ToManager<'_>) {
        self.push(&[&message.head(), message.body()]);
    }

    /// A record of impossible length.
    fn push_broken(&mut self) {
        let place = RECORDS_AT + self.pushed % self.records * RECORD_BYTES;
        self.push(&[b"broken"]);
        self.memory.store_u32_relaxed(place, u32::MAX).unwrap();
    }

    /// Bytes that came back on the connection, and whether it was closed.
    fn take(&mut self, at_most: usize, bytes: &mut Vec<u8>) -> bool {
        let mut record = [0; RECORD_BYTES];
        for _ in 0..at_most {
            let Some(length) = self.back.pop(&mut record).unwrap() else { break };
            match FromManager::parse(&record[..length]).unwrap() {
                FromManager::Data { connection, bytes: part } => {
                    assert_eq!(connection, CONNECTION);
                    bytes.extend_from_slice(part);
                }
                FromManager::Begin => panic!("said once, at the beginning"),
                FromManager::Close { connection } => {
                    assert_eq!(connection, CONNECTION);
                    return true;
                }
            }
        }
        false
    }
}

/// Frames that a host could send in one connection: commands, and at the end perhaps what is none.
fn conversation(lists: usize, garbage: &[u8]) -> Vec<u8> {
    let mut other = manager();
    let mut host = Host::connect(&mut other, CONNECTION, 1);
    let mut bytes = Vec::new();
    for _ in 0..lists {
        bytes.extend(host.signed(&Command::List));
        host.sequence += 1;
    }
    bytes.extend_from_slice(garbage);
    bytes
}

/// What a manager answers when it is handed the bytes at once.
fn direct(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut manager = manager();
    manager.opened(CONNECTION);
    manager.data(CONNECTION, bytes);
    let output = manager.output();
    let answer = output.waiting().to_vec();
    output.sent(answer.len());
    (answer, output.take_close())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn bytes_arrive_whatever_gateway_does(
        lists in 0..4usize,
        garbage in prop::collection::vec(any::<u8>(), 0..40),
        cuts in prop::collection::vec((1..=DATA_BYTES_MAX.min(90), 0..6u8, 1..4usize), 1..40),
        records in 2..9usize,
    ) {
        let bytes = conversation(lists, &garbage);
        let expected = direct(&bytes);
        let mut manager = manager();
        let (mut gateway, mut peer) = queues(records);
        peer.say(&ToManager::Opened { connection: CONNECTION, peer: [10, 0, 2, 2], port: 4000 });
        let (mut rest, mut answer, mut closed) = (bytes.as_slice(), Vec::new(), false);
        let mut cuts = cuts.into_iter().cycle();
        let mut idle = 0;
        while idle < 4 {
            let (length, trouble, takes) = cuts.next().unwrap();
            // One place is kept free for what disturbs.
            if peer.out.free().unwrap() > 1 && !rest.is_empty() {
                let (part, later) = rest.split_at(length.min(rest.len()));
                peer.say(&ToManager::Data { connection: CONNECTION, bytes: part });
                rest = later;
            }
            if peer.out.free().unwrap() > 0 {
                match trouble {
                    0 => peer.push_broken(),
                    1 => peer.push(&[b"no record of the contract"]),
                    2 => peer.say(&ToManager::Data { connection: CONNECTION + 1, bytes: b"another's" }),
                    3 => peer.say(&ToManager::Closed { connection: CONNECTION + 1 }),
                    _ => {}
                }
            }
            gateway.carry(&mut manager);
            let before = answer.len();
            closed |= peer.take(takes, &mut answer);
            let quiet = rest.is_empty() && answer.len() == before && peer.out.free().unwrap() == records;
            idle = if quiet || closed { idle + 1 } else { 0 };
        }
        prop_assert_eq!((answer, closed), expected);
    }
}

#[test]
fn gateway_is_notified_when_there_is_something_for_it() {
    let mut manager = manager();
    let (mut gateway, mut peer) = queues(4);
    assert!(!gateway.carry(&mut manager), "nothing happened");
    peer.say(&ToManager::Opened { connection: CONNECTION, peer: [10, 0, 2, 2], port: 4000 });
    assert!(gateway.carry(&mut manager));
    assert!(!gateway.carry(&mut manager));
}

/// While a host does not read, nothing more of it is heard: no answer piles up. Once it reads, it gets all of them.
#[test]
fn who_does_not_read_is_not_heard() {
    let mut manager = manager();
    let (mut gateway, mut peer) = queues(2);
    let bytes = conversation(8, &[]);
    peer.say(&ToManager::Opened { connection: CONNECTION, peer: [10, 0, 2, 2], port: 4000 });
    let mut parts = bytes.chunks(DATA_BYTES_MAX.min(200));
    let mut next = parts.next();
    let mut say = |peer: &mut Peer| {
        if let Some(part) = next.take_if(|_| peer.out.free().unwrap() > 0) {
            peer.say(&ToManager::Data { connection: CONNECTION, bytes: part });
            next = parts.next();
        }
        next.is_some()
    };
    for _ in 0..50 {
        say(&mut peer);
        gateway.carry(&mut manager);
    }
    assert!(say(&mut peer), "all of it was heard though nothing was read");
    let mut answer = Vec::new();
    for _ in 0..200 {
        peer.take(1, &mut answer);
        gateway.carry(&mut manager);
        say(&mut peer);
    }
    assert_eq!((answer, false), direct(&bytes));
}
