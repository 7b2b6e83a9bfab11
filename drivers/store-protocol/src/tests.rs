// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Numbers that must not change, and a driver that answers what it likes.

use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

use cofferdam_shared_memory::SharedRegion;
use proptest::prelude::*;

use super::*;

/// Answers what the test says; remembers what it was asked.
#[derive(Default)]
struct Peer {
    answers: VecDeque<Answer>,
    asked: Vec<(u64, Vec<u64>)>,
}

impl Call for &mut Peer {
    fn call(&mut self, label: u64, words: &[u64]) -> Answer {
        self.asked.push((label, words.to_vec()));
        self.answers.pop_front().unwrap_or(Answer { label: 0, words: [0; 3], count: 0 })
    }
}

fn ok(words: &[u64]) -> Answer {
    let mut answer = Answer { label: 1, words: [0; 3], count: words.len() };
    answer.words[..words.len()].copy_from_slice(words);
    answer
}

#[test]
fn golden_messages() {
    let messages = [
        (Request::Open, (1, vec![])),
        (Request::ReadRecord { number: 7 }, (2, vec![7])),
        (Request::ReadBlob { number: 7 }, (3, vec![7])),
        (Request::PutRecord { number: 7, length_bytes: 5 }, (4, vec![7, 5])),
        (Request::RemoveRecord { number: 7 }, (5, vec![7])),
        (Request::PutBlob { number: 7, length_bytes: 0x11_0000 }, (6, vec![7, 0x11_0000])),
        (Request::RemoveBlob { number: u32::MAX }, (7, vec![0xffff_ffff])),
        (Request::Commit, (8, vec![])),
        (Request::Abort, (9, vec![])),
    ];
    for (request, (label, words)) in messages {
        let (encoded, all, count) = request.encode();
        assert_eq!((encoded, &all[..count]), (label, &words[..]));
        assert_eq!(Request::parse(label, &words), Ok(request));
        let more = [words, vec![1]].concat();
        assert_eq!(Request::parse(label, &more), Err(Status::BadLength));
    }
    for (value, status) in (1..).zip(Status::ALL) {
        assert_eq!((status as u64, Status::from_label(value)), (value, Some(status)));
    }
    assert_eq!((Status::from_label(0), Status::from_label(13)), (None, None));
}

#[test]
fn bad_requests_are_refused_by_name() {
    for label in [0, 10, u64::MAX] {
        assert_eq!(Request::parse(label, &[]), Err(Status::UnknownLabel));
    }
    for label in [2, 3, 5, 7] {
        for number in [0, 1 << 32, u64::MAX] {
            assert_eq!(Request::parse(label, &[number]), Err(Status::BadNumber));
        }
        assert_eq!(Request::parse(label, &[]), Err(Status::BadLength));
    }
    for (label, max) in [(4, RECORD_BYTES_MAX as u64), (6, BLOB_BYTES_MAX as u64)] {
        assert_eq!(Request::parse(label, &[0, 1]), Err(Status::BadNumber));
        for length in [0, max + 1, u64::MAX] {
            assert_eq!(Request::parse(label, &[1, length]), Err(Status::BadLength));
        }
    }
}

#[test]
fn the_client_asks_and_takes() {
    let (request, reply) = (SharedRegion::leaked(BLOB_BYTES_MAX), SharedRegion::leaked(BLOB_BYTES_MAX));
    reply.copy_in(0, b"record").unwrap();
    let mut peer = Peer::default();
    peer.answers.extend([ok(&[5, 16, 2]), ok(&[6]), ok(&[]), ok(&[6])]);
    let mut client = Client::new(&mut peer, request, reply);
    assert_eq!(client.open(), Ok(Opened { generation: 5, places: 16, found: Found::Repaired }));
    let mut bytes = [0; 10];
    assert_eq!(client.read_record(3, &mut bytes), Ok(6));
    assert_eq!(&bytes[..6], b"record");
    assert_eq!(client.put_blob(4, b"a blob"), Ok(()));
    assert_eq!(client.commit(), Ok(6));
    assert_eq!(client.put_record(1, &[0; RECORD_BYTES_MAX + 1]), Err(CallError::TooLong { bytes: 0x4001 }));
    assert_eq!(peer.asked, [(1, vec![]), (2, vec![3]), (6, vec![4, 6]), (8, vec![])]);
    let mut given = [0; 6];
    request.copy_out(0, &mut given).unwrap();
    assert_eq!(&given, b"a blob");
}

#[test]
fn regions_that_are_too_small_are_an_error() {
    let (request, reply) = (SharedRegion::leaked(8), SharedRegion::leaked(8));
    let mut peer = Peer::default();
    peer.answers.extend([ok(&[9])]);
    let mut client = Client::new(&mut peer, request, reply);
    assert_eq!(client.read_record(1, &mut [0; 20]), Err(CallError::TooLong { bytes: 9 }));
    assert_eq!(client.put_record(1, &[0; 9]), Err(CallError::TooLong { bytes: 9 }));
}

proptest! {
    /// Whatever the driver answers: no panic, no length beyond the buffer, no success that it did not report
    /// in the right form.
    #[test]
    fn a_hostile_driver_gains_nothing(
        label in prop_oneof![4 => 0u64..15, 1 => any::<u64>()],
        words in any::<[u64; 3]>(),
        small in proptest::option::of(0u64..40),
        count in prop_oneof![8 => 0usize..5, 1 => any::<usize>()],
        room in 0usize..40,
    ) {
        let mut answer = Answer { label, words, count };
        if let Some(small) = small {
            answer.words[0] = small;
        }
        let (request, reply) = (SharedRegion::leaked(64), SharedRegion::leaked(64));
        let mut peer = Peer::default();
        peer.answers.extend([answer; 6]);
        let mut client = Client::new(&mut peer, request, reply);
        let mut bytes = vec![0; room];
        let refused = Status::from_label(label).filter(|status| *status != Status::Ok && count == 0);
        for result in [client.read_record(1, &mut bytes), client.read_blob(1, &mut bytes)] {
            match result {
                Ok(length) => {
                    prop_assert!(label == 1 && count == 1);
                    prop_assert!(length >= 1 && length <= room && length as u64 == answer.words[0]);
                }
                Err(error) => prop_assert_eq!(
                    matches!(error, CallError::Refused(_)), refused.is_some()
                ),
            }
        }
        prop_assert_eq!(client.put_record(1, b"x").is_ok(), label == 1 && count == 0);
        prop_assert_eq!(client.remove_blob(1).is_ok(), label == 1 && count == 0);
        prop_assert_eq!(client.commit().is_ok(), label == 1 && count == 1);
        prop_assert_eq!(
            client.open().is_ok(), label == 1 && count == 3 && (1..=3).contains(&answer.words[2])
        );
    }

    #[test]
    fn any_message_is_parsed_or_refused(label in 0u64..12, words in proptest::collection::vec(any::<u64>(), 0..5)) {
        if let Ok(request) = Request::parse(label, &words) {
            let (again, all, count) = request.encode();
            prop_assert_eq!((again, &all[..count]), (label, &words[..]));
        }
    }
}
