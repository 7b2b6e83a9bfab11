// SPDX-License-Identifier: Apache-2.0 OR MIT
use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

use cofferdam_net_protocol::{FRAME_BYTES_MAX, Link, RECORD_BYTES, Record, ask_record, frame_head, parse};
use cofferdam_shared_memory::{Consumer, Producer, SharedRegion};

use super::*;

const LINK: Link = Link { hardware_address: [2, 0, 0, 0, 0, 1], payload_bytes_max: 1500 };
/// Records in each queue of these tests.
const RECORDS: usize = 4;

/// A card without hardware.
#[derive(Default)]
struct FakeCard {
    arrived: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
    send_buffers: usize,
    /// Frames that "arrive" when the pump has drained and settles.
    late: Vec<Vec<u8>>,
    broken: bool,
}

impl Card for FakeCard {
    type Error = &'static str;

    fn receive(&mut self, with: impl FnOnce(&[u8])) -> Result<bool, Self::Error> {
        if self.broken {
            return Err("broken");
        }
        let frame = self.arrived.pop_front();
        if let Some(frame) = &frame {
            with(frame);
        }
        Ok(frame.is_some())
    }

    fn can_send(&mut self) -> Result<bool, Self::Error> {
        Ok(self.send_buffers > 0)
    }

    fn send(&mut self, frame: &[u8]) -> Result<bool, Self::Error> {
        self.send_buffers -= 1;
        self.sent.push(frame.to_vec());
        Ok(true)
    }

    fn settle(&mut self) {
        self.arrived.extend(self.late.drain(..));
    }
}

struct Bench {
    pump: Pump<FakeCard>,
    received: Consumer,
    transmit: Producer,
    regions: [SharedRegion; 4],
}

fn bench(card: FakeCard) -> Bench {
    let size = 4096 + RECORDS * RECORD_BYTES;
    let regions = [size, 8, size, 8].map(SharedRegion::leaked);
    let [receive, receive_taken, send, send_taken] = regions;
    let to_gateway = Producer::new(receive, receive_taken, RECORD_BYTES).unwrap();
    let from_gateway = Consumer::new(send, send_taken, RECORD_BYTES).unwrap();
    Bench {
        pump: Pump::new(card, to_gateway, from_gateway, &LINK),
        received: Consumer::new(receive, receive_taken, RECORD_BYTES).unwrap(),
        transmit: Producer::new(send, send_taken, RECORD_BYTES).unwrap(),
        regions,
    }
}

impl Bench {
    fn next(&mut self) -> Option<Vec<u8>> {
        let mut record = [0; RECORD_BYTES];
        let length = self.received.pop(&mut record).unwrap()?;
        match parse(&record[..length]).unwrap() {
            Record::Frame(frame) => Some(frame.to_vec()),
            Record::Link(link) => {
                assert_eq!(link, LINK);
                None
            }
            Record::Ask => panic!("net_driver asks nobody"),
        }
    }
}

fn frame(number: u8) -> Vec<u8> {
    vec![number; 60]
}

#[test]
fn moves_frames_both_ways_and_says_when_to_notify() {
    let arrived = VecDeque::from([frame(1), frame(2)]);
    let mut bench = bench(FakeCard { arrived, send_buffers: 8, ..FakeCard::default() });
    bench.transmit.push(&[&frame_head(), &frame(3)]).unwrap();
    assert_eq!(bench.pump.run(), Ok(Work { notify_gateway: true, more: false }));
    assert_eq!(bench.pump.run(), Ok(Work::default()));
    assert_eq!(bench.next(), None, "first comes the link");
    assert_eq!(bench.next(), Some(frame(1)));
    assert_eq!(bench.next(), Some(frame(2)));
    assert_eq!(bench.pump.card().sent, [frame(3)]);
    let counters = bench.pump.counters();
    assert_eq!((counters.received, counters.sent, counters.held_back), (2, 1, 0));
}

#[test]
fn a_gateway_that_begins_anew_is_told_the_link_again() {
    let arrived = VecDeque::from([frame(1), frame(2), frame(3)]);
    let mut bench = bench(FakeCard { arrived, send_buffers: 8, ..FakeCard::default() });
    bench.pump.run().unwrap();
    // The queue is full of what was there before; the answer waits for room.
    bench.transmit.push(&[&ask_record()]).unwrap();
    bench.pump.run().unwrap();
    let [receive, receive_taken, ..] = bench.regions;
    bench.received = Consumer::new(receive, receive_taken, RECORD_BYTES).unwrap();
    for expected in [None, Some(frame(1)), Some(frame(2)), Some(frame(3))] {
        assert_eq!(bench.next(), expected);
    }
    assert!(bench.received.is_empty().unwrap());
    assert!(bench.pump.run().unwrap().notify_gateway);
    assert_eq!((bench.next(), bench.received.is_empty()), (None, Ok(true)), "the link");
    assert_eq!(bench.pump.run(), Ok(Work::default()), "told once");
    assert_eq!((bench.pump.counters().sent, bench.pump.counters().sent_bad), (0, 0));
}

#[test]
fn a_flood_stays_on_the_card() {
    let arrived = (0..10).map(frame).collect();
    let mut bench = bench(FakeCard { arrived, ..FakeCard::default() });
    assert_eq!(bench.pump.run(), Ok(Work { notify_gateway: true, more: false }));
    assert_eq!(bench.pump.card().arrived.len(), 10 - (RECORDS - 1));
    assert_eq!(bench.pump.run(), Ok(Work::default()), "nothing to do until gateway takes some");
    assert!(bench.pump.counters().held_back > 0);
    assert_eq!(bench.next(), None);
    for number in 0..10 {
        assert_eq!(bench.next(), Some(frame(number)));
        bench.pump.run().unwrap();
    }
}

#[test]
fn looks_again_after_draining() {
    let arrived = VecDeque::from([frame(1)]);
    let mut bench = bench(FakeCard { arrived, late: vec![frame(2)], ..FakeCard::default() });
    bench.pump.run().unwrap();
    bench.next();
    assert_eq!((bench.next(), bench.next()), (Some(frame(1)), Some(frame(2))));
}

#[test]
fn without_send_buffers_frames_wait_in_the_queue() {
    let mut bench = bench(FakeCard { send_buffers: 1, ..FakeCard::default() });
    for number in 0..3 {
        bench.transmit.push(&[&frame_head(), &frame(number)]).unwrap();
    }
    bench.pump.run().unwrap();
    assert_eq!(bench.pump.card().sent, [frame(0)]);
    bench.pump.card().send_buffers = 5;
    bench.pump.run().unwrap();
    assert_eq!(bench.pump.card().sent, [frame(0), frame(1), frame(2)]);
}

#[test]
fn bad_frames_and_records_are_dropped_and_counted() {
    let arrived = VecDeque::from([vec![], vec![1; FRAME_BYTES_MAX + 1], frame(1)]);
    let mut bench = bench(FakeCard { arrived, send_buffers: 8, ..FakeCard::default() });
    bench.transmit.push(&[b"nonsense"]).unwrap();
    bench.transmit.push(&[&cofferdam_net_protocol::link_record(&LINK)]).unwrap();
    bench.pump.run().unwrap();
    let counters = bench.pump.counters();
    assert_eq!((counters.received, counters.received_bad, counters.sent, counters.sent_bad), (1, 2, 0, 2));
}

#[test]
fn a_hostile_gateway_stops_only_itself() {
    let arrived = VecDeque::from([frame(1)]);
    let mut bench = bench(FakeCard { arrived, send_buffers: 8, ..FakeCard::default() });
    bench.transmit.push(&[&frame_head(), &frame(3)]).unwrap();
    bench.regions[1].store_u64_relaxed(0, 99).unwrap();
    bench.pump.run().unwrap();
    assert_eq!(bench.pump.card().sent, [frame(3)], "the other direction goes on");
    assert!(bench.pump.take_misbehaviour().is_some());
    assert!(bench.pump.take_misbehaviour().is_none(), "said once");
    bench.regions[1].store_u64_relaxed(0, 0).unwrap();
    bench.regions[2].store_u64_relaxed(64, 99).unwrap();
    bench.pump.run().unwrap();
    assert_eq!(bench.pump.counters().received, 1);
    assert!(bench.pump.counters().misbehaviour >= 2);
}

#[test]
fn the_budget_bounds_one_run() {
    let (size, count) = (4096 + 200 * RECORD_BYTES, 150u8);
    let regions = [size, 8, size, 8].map(SharedRegion::leaked);
    let to_gateway = Producer::new(regions[0], regions[1], RECORD_BYTES).unwrap();
    let from_gateway = Consumer::new(regions[2], regions[3], RECORD_BYTES).unwrap();
    let card = FakeCard { arrived: (0..count).map(frame).collect(), ..FakeCard::default() };
    let mut pump = Pump::new(card, to_gateway, from_gateway, &LINK);
    let mut runs = 1;
    while pump.run().unwrap().more {
        runs += 1;
    }
    assert_eq!((runs, pump.counters().received), (3, u64::from(count)));
}

#[test]
fn a_broken_card_is_reported() {
    let mut bench = bench(FakeCard { broken: true, ..FakeCard::default() });
    assert_eq!(bench.pump.run(), Err("broken"));
}
