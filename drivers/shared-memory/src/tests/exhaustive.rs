// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The arithmetic of counters, for every small queue, around zero and around the wrap, against numbers without bounds.

use super::*;

/// Where the counters lie, as the documentation of `queue` says.
const PUBLISHED_AT: usize = 64;
const TAKEN_AT: usize = 0;
const RECORD_BYTES: usize = 16;
/// Larger than any distance that a queue of [`COUNT_MAX`] records allows.
const FAR: u64 = 12;
const COUNT_MAX: usize = 5;

/// Counters around the places where arithmetic goes wrong.
fn counters() -> impl Iterator<Item = u64> {
    let around = |middle: u64| (0..=2 * FAR).map(move |at| middle.wrapping_sub(FAR).wrapping_add(at));
    around(0).chain(around(1 << 32)).chain(around(1 << 63))
}

/// How far `to` is ahead of `from`, counted as the queue's documentation does: both wrap.
fn ahead(from: u64, to: u64) -> u128 {
    (u128::from(to) + (1 << 64) - u128::from(from)) % (1 << 64)
}

#[test]
fn every_pair_of_counters() {
    let (mut honest, mut lies) = (0, 0);
    for count in 1..=COUNT_MAX {
        let data = SharedRegion::leaked(4096 + count * RECORD_BYTES);
        let taken = SharedRegion::leaked(64);
        for own in counters() {
            for found in counters() {
                let mut consumer = Consumer::starting_at(data, taken, RECORD_BYTES, own).unwrap();
                Producer::starting_at(data, taken, RECORD_BYTES, own).unwrap();
                data.store_u64_relaxed(PUBLISHED_AT, found).unwrap();
                let waiting = ahead(own, found);
                match consumer.waiting() {
                    Ok(seen) => {
                        assert!(waiting <= count as u128 && seen as u128 == waiting, "{own} {found}");
                        honest += 1;
                    }
                    Err(error) => {
                        assert!(waiting > count as u128, "{own} {found}");
                        assert_eq!(error, PeerMisbehaviour::Counter { found, own });
                        lies += 1;
                    }
                }
                // And what was believed can be taken, no more.
                let mut buffer = [0; RECORD_BYTES];
                let popped =
                    (0..=count).take_while(|_| matches!(consumer.pop(&mut buffer), Ok(Some(_)))).count();
                assert_eq!(popped as u128, if waiting <= count as u128 { waiting } else { 0 });
            }
        }
    }
    assert!(honest > 1000 && lies > 1000);
}

#[test]
fn every_pair_of_counters_for_a_producer() {
    for count in 1..=COUNT_MAX {
        let data = SharedRegion::leaked(4096 + count * RECORD_BYTES);
        let taken = SharedRegion::leaked(64);
        for start in counters() {
            for pushed in 0..=count {
                // The consumer was seen at `first`, then it says `second`.
                for first in 0..=pushed as u64 {
                    for second in counters() {
                        taken.store_u64_relaxed(TAKEN_AT, start).unwrap();
                        let mut producer = Producer::starting_at(data, taken, RECORD_BYTES, start).unwrap();
                        for _ in 0..pushed {
                            producer.push(&[b"x"]).unwrap();
                        }
                        let first = start.wrapping_add(first);
                        taken.store_u64_relaxed(TAKEN_AT, first).unwrap();
                        let published = start.wrapping_add(pushed as u64);
                        assert_eq!(producer.free(), Ok(count - ahead(first, published) as usize));
                        taken.store_u64_relaxed(TAKEN_AT, second).unwrap();
                        let possible = ahead(first, second) <= ahead(first, published);
                        match producer.free() {
                            Ok(free) => {
                                assert!(possible, "{first} {second} {published}");
                                assert_eq!(free as u128, count as u128 - ahead(second, published));
                            }
                            Err(error) => {
                                assert!(!possible, "{first} {second} {published}");
                                let expected = PeerMisbehaviour::Counter { found: second, own: published };
                                assert_eq!(error, expected);
                            }
                        }
                    }
                }
            }
        }
    }
}
