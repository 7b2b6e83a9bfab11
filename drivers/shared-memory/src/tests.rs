// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

mod exhaustive;
mod sequence_lock;

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

const RECORD: usize = 64;
const COUNT: usize = 3;

fn regions(count: usize) -> (SharedRegion, SharedRegion) {
    (SharedRegion::leaked(4096 + count * RECORD), SharedRegion::leaked(64))
}

fn ends_at(counter: u64) -> (Producer, Consumer) {
    let (data, taken) = regions(COUNT);
    let consumer = Consumer::starting_at(data, taken, RECORD, counter).unwrap();
    (Producer::starting_at(data, taken, RECORD, counter).unwrap(), consumer)
}

#[test]
fn layout_is_as_documented() {
    let (data, taken) = regions(COUNT);
    let mut producer = Producer::new(data, taken, RECORD).unwrap();
    producer.push(&[b"ab", b"c"]).unwrap();
    let mut bytes = [0; 16];
    data.copy_out(0, &mut bytes).unwrap();
    assert_eq!(bytes, *b"CFRQ\x01\0\0\0\x40\0\0\0\x03\0\0\0");
    assert_eq!(data.load_u64_relaxed(64), Ok(1));
    data.copy_out(4096, &mut bytes[..11]).unwrap();
    assert_eq!(bytes[..11], *b"\x03\0\0\0\0\0\0\0abc");
    let mut consumer = Consumer::new(data, taken, RECORD).unwrap();
    assert_eq!(consumer.pop(&mut [0; RECORD]), Ok(Some(3)));
    assert_eq!(taken.load_u64_relaxed(0), Ok(1));
}

#[test]
fn a_queue_without_producer_is_empty() {
    let (data, taken) = regions(COUNT);
    let mut consumer = Consumer::new(data, taken, RECORD).unwrap();
    assert_eq!(consumer.pop(&mut [0; RECORD]), Ok(None));
    let mut producer = Producer::new(data, taken, RECORD).unwrap();
    producer.push(&[b"now"]).unwrap();
    let mut buffer = [0; RECORD];
    assert_eq!(consumer.pop(&mut buffer), Ok(Some(3)));
    assert_eq!(&buffer[..3], b"now");
}

#[test]
fn refuses_what_does_not_fit() {
    let (mut producer, mut consumer) = ends_at(0);
    assert_eq!(producer.push(&[&[0; RECORD - 7]]), Err(PushError::TooLong { length_bytes: RECORD - 7 }));
    for _ in 0..COUNT {
        producer.push(&[&[7; RECORD - 8]]).unwrap();
    }
    assert_eq!(producer.push(&[]), Err(PushError::Full));
    assert_eq!(consumer.pop(&mut [0; 4]), Err(PopError::BufferTooSmall { length_bytes: RECORD - 8 }));
    assert_eq!(consumer.waiting(), Ok(COUNT));
    assert_eq!(consumer.pop(&mut [0; RECORD]), Ok(Some(RECORD - 8)));
    assert_eq!(producer.free(), Ok(1));
    let (data, taken) = regions(0);
    assert!(Producer::new(data, taken, RECORD).is_err());
    assert!(Geometry::new(8192, 12).is_err());
    assert!(Geometry::new(8192, 8).is_err());
    assert_eq!(Geometry::new(0x20000, 2048).unwrap().count(), 62);
}

#[test]
fn hostile_producer_gives_errors() {
    let (data, taken) = regions(COUNT);
    let mut consumer = Consumer::new(data, taken, RECORD).unwrap();
    data.store_u32_relaxed(0, 5).unwrap();
    assert!(matches!(consumer.waiting(), Err(PeerMisbehaviour::Header { offset_bytes: 0, found: 5 })));
    let mut producer = Producer::new(data, taken, RECORD).unwrap();
    data.store_u64_relaxed(64, COUNT as u64 + 1).unwrap();
    assert!(matches!(consumer.waiting(), Err(PeerMisbehaviour::Counter { .. })));
    data.store_u64_relaxed(64, u64::MAX).unwrap();
    assert!(matches!(consumer.pop(&mut [0; RECORD]), Err(PopError::Peer(_))));
    data.store_u64_relaxed(64, 0).unwrap();
    producer.push(&[b"x"]).unwrap();
    data.store_u32_relaxed(4096, u32::MAX).unwrap();
    producer.push(&[b"y"]).unwrap();
    let wrong = PeerMisbehaviour::RecordLength { found: u32::MAX };
    assert_eq!(consumer.pop(&mut [0; RECORD]), Err(PopError::Peer(wrong)));
    assert_eq!(consumer.pop(&mut [0; RECORD]), Ok(Some(1)), "one bad record does not block the queue");
}

#[test]
fn hostile_consumer_gives_errors() {
    let (data, taken) = regions(COUNT);
    let mut producer = Producer::new(data, taken, RECORD).unwrap();
    taken.store_u64_relaxed(0, 1).unwrap();
    assert_eq!(
        producer.push(&[b"x"]),
        Err(PushError::Peer(PeerMisbehaviour::Counter { found: 1, own: 0 })),
        "taken what was never published"
    );
    taken.store_u64_relaxed(0, 0).unwrap();
    producer.push(&[b"x"]).unwrap();
    taken.store_u64_relaxed(0, 1).unwrap();
    assert_eq!(producer.free(), Ok(COUNT));
    taken.store_u64_relaxed(0, 0).unwrap();
    assert!(producer.free().is_err(), "the counter went back");
}

#[test]
fn two_threads_pass_everything_in_order() {
    const RECORDS: u64 = 200_000;
    let (mut producer, mut consumer) = ends_at(u64::MAX - 1000);
    let sender = std::thread::spawn(move || {
        for number in 0..RECORDS {
            let length = (number % 40) as usize;
            let filler = [number as u8; 40];
            while let Err(error) = producer.push(&[&number.to_le_bytes(), &filler[..length]]) {
                assert_eq!(error, PushError::Full);
                std::thread::yield_now();
            }
        }
    });
    let mut buffer = [0; RECORD];
    for number in 0..RECORDS {
        let length = loop {
            match consumer.pop(&mut buffer).unwrap() {
                Some(length) => break length,
                None => std::thread::yield_now(),
            }
        };
        assert_eq!(length, 8 + (number % 40) as usize);
        assert_eq!(buffer[..8], number.to_le_bytes());
        assert!(buffer[8..length].iter().all(|&byte| byte == number as u8));
    }
    sender.join().unwrap();
}

#[test]
fn a_writer_gone_wild_cannot_break_the_consumer() {
    let (data, taken) = regions(COUNT);
    let mut consumer = Consumer::new(data, taken, RECORD).unwrap();
    let mut producer = Producer::new(data, taken, RECORD).unwrap();
    let wild = std::thread::spawn(move || {
        let mut x = 1u64;
        for _ in 0..100_000 {
            x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            data.store_u64_relaxed(64, x % 6).unwrap();
            data.store_u32_relaxed(4096 + (x >> 40) as usize % COUNT * RECORD, (x >> 33) as u32 % 80)
                .unwrap();
            let _ = producer.push(&[&x.to_le_bytes()]);
        }
    });
    let mut buffer = [0; RECORD];
    while !wild.is_finished() {
        if let Ok(Some(length)) = consumer.pop(&mut buffer) {
            assert!(length <= RECORD - 8);
        }
    }
    wild.join().unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Push(Vec<u8>),
    Pop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let push = proptest::collection::vec(any::<u8>(), 0..=RECORD - 8).prop_map(Step::Push);
    proptest::collection::vec(prop_oneof![push, Just(Step::Pop)], 0..60)
}

proptest! {
    #[test]
    fn behaves_like_a_bounded_queue(steps in steps(), before_wrap in 0u64..8) {
        let (mut producer, mut consumer) = ends_at(0u64.wrapping_sub(before_wrap));
        let mut model = std::collections::VecDeque::new();
        let mut buffer = [0; RECORD];
        for step in steps {
            match step {
                Step::Push(bytes) => {
                    let (front, back) = bytes.split_at(bytes.len() / 2);
                    let result = producer.push(&[front, back]);
                    if model.len() < COUNT {
                        prop_assert_eq!(result, Ok(()));
                        model.push_back(bytes);
                    } else {
                        prop_assert_eq!(result, Err(PushError::Full));
                    }
                }
                Step::Pop => {
                    let got = consumer.pop(&mut buffer).unwrap().map(|length| buffer[..length].to_vec());
                    prop_assert_eq!(got, model.pop_front());
                }
            }
            prop_assert_eq!(consumer.waiting(), Ok(model.len()));
            prop_assert_eq!(producer.free(), Ok(COUNT - model.len()));
        }
    }

    #[test]
    fn arbitrary_memory_never_panics(
        header in proptest::collection::vec(any::<u8>(), 128),
        records in proptest::collection::vec(any::<u8>(), COUNT * RECORD),
        right_header in any::<bool>(),
        published in 0u64..6,
        counter in any::<u64>(),
    ) {
        let (data, taken) = regions(COUNT);
        let mut consumer = Consumer::new(data, taken, RECORD).unwrap();
        let mut producer = Producer::new(data, taken, RECORD).unwrap();
        if right_header {
            data.store_u64_relaxed(64, published).unwrap();
        } else {
            data.copy_in(0, &header).unwrap();
        }
        data.copy_in(4096, &records).unwrap();
        for _ in 0..8 {
            if let Ok(Some(length)) = consumer.pop(&mut [0; RECORD]) {
                prop_assert!(length <= RECORD - 8);
            }
        }
        taken.store_u64_relaxed(0, counter).unwrap();
        for _ in 0..8 {
            let _ = producer.push(&[b"x"]);
            prop_assert!(producer.free().unwrap_or(0) <= COUNT);
        }
    }

    #[test]
    fn copies_are_exact_and_bounded(
        offset in 0usize..80,
        bytes in proptest::collection::vec(1u8.., 0..80),
    ) {
        let region = SharedRegion::leaked(64);
        let fits = offset + bytes.len() <= 64;
        prop_assert_eq!(region.copy_in(offset, &bytes).is_ok(), fits);
        let mut all = [0; 64];
        region.copy_out(0, &mut all).unwrap();
        let mut back = vec![0; bytes.len()];
        prop_assert_eq!(region.copy_out(offset, &mut back).is_ok(), fits);
        if fits {
            prop_assert_eq!(&back, &bytes);
            prop_assert_eq!(&all[offset..offset + bytes.len()], &bytes[..]);
            prop_assert_eq!(all.iter().filter(|&&byte| byte != 0).count(), bytes.len());
            region.clear(offset, bytes.len()).unwrap();
            region.copy_out(0, &mut all).unwrap();
            prop_assert_eq!(all, [0; 64]);
        } else {
            prop_assert_eq!(all, [0; 64], "a refused copy writes nothing");
        }
    }
}

#[test]
fn words_are_checked() {
    let region = SharedRegion::leaked(16);
    assert!(region.store_u64_release(8, 7).is_ok());
    assert_eq!(region.load_u64_acquire(8), Ok(7));
    assert!(region.load_u64_relaxed(9).is_err());
    assert!(region.load_u64_relaxed(4).is_err());
    assert!(region.load_u64_relaxed(16).is_err());
    assert!(region.load_u64_relaxed(usize::MAX - 7).is_err());
    assert!(region.load_u32_relaxed(12).is_ok());
    assert!(region.load_u32_relaxed(13).is_err());
    let part = region.part(8, 8).unwrap();
    assert_eq!(part.load_u64_relaxed(0), Ok(7));
    assert!(part.load_u64_relaxed(8).is_err());
    assert!(region.part(4, 4).is_err());
    assert!(region.part(8, 9).is_err());
}

proptest! {
    /// Whichever end begins anew, however often: what was not taken is taken, in order, and nothing twice.
    #[test]
    fn an_end_that_begins_anew_goes_on(steps in proptest::collection::vec(0u8..4, 0..80)) {
        let (data, taken) = (SharedRegion::leaked(4096 + 3 * RECORD), SharedRegion::leaked(8));
        let mut producer = Producer::new(data, taken, RECORD).unwrap();
        let mut consumer = Consumer::new(data, taken, RECORD).unwrap();
        let mut model = std::collections::VecDeque::new();
        let mut next = 0u32;
        let mut buffer = [0; RECORD];
        for step in steps {
            match step {
                0 => {
                    let pushed = producer.push(&[&next.to_le_bytes()]);
                    prop_assert_eq!(pushed.is_ok(), model.len() < 3);
                    if pushed.is_ok() {
                        model.push_back(next);
                        next += 1;
                    }
                    prop_assert_eq!(producer.published(), u64::from(next));
                }
                1 => {
                    let length = consumer.pop(&mut buffer).unwrap();
                    let found = length.map(|length| u32::from_le_bytes(buffer[..length].try_into().unwrap()));
                    prop_assert_eq!(found, model.pop_front());
                }
                2 => producer = Producer::new(data, taken, RECORD).unwrap(),
                _ => consumer = Consumer::new(data, taken, RECORD).unwrap(),
            }
            prop_assert_eq!(producer.free().unwrap(), 3 - model.len());
        }
    }

    /// A producer that begins anew beside a hostile consumer counts no more room than there is.
    #[test]
    fn a_hostile_counter_at_a_new_beginning(records in 0u64..10, hostile in any::<u64>()) {
        let (data, taken) = (SharedRegion::leaked(4096 + 3 * RECORD), SharedRegion::leaked(8));
        let mut producer = Producer::new(data, taken, RECORD).unwrap();
        for number in 0..records {
            producer.push(&[b"x"]).unwrap();
            taken.store_u64_release(0, number + 1).unwrap();
        }
        taken.store_u64_release(0, hostile).unwrap();
        let mut producer = Producer::new(data, taken, RECORD).unwrap();
        match producer.free() {
            Ok(free) => prop_assert!(free <= 3 && hostile <= records),
            Err(_) => prop_assert!(hostile > records || records - hostile > 3),
        }
    }
}
