// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use std::collections::BTreeMap;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> TopicName {
    TopicName::new(text.as_bytes()).unwrap()
}

fn order(hub: &mut Hub, order: Order) {
    let message = order.encode();
    hub.obey(message.label, message.words()).unwrap();
}

fn permit(hub: &mut Hub, client: usize, place: usize, topic: &str, publishes: u32, receives: u32) {
    let permission =
        TopicPermission { name: name(topic), publishes_per_second: publishes, receives_per_second: receives };
    order(hub, Order::Permit { client, place, permission });
}

fn publish(
    hub: &mut Hub,
    client: usize,
    place: usize,
    bytes: &[u8],
    now_us: u64,
) -> Result<Published, Status> {
    let request = Request::Publish { place, payload: Payload::new(bytes).unwrap() }.encode();
    let answer = hub.serve(client, request.label, request.words(), now_us)?;
    Ok(Published::decode(answer.label, answer.words()).unwrap())
}

fn receive(hub: &mut Hub, client: usize, place: usize, now_us: u64) -> Result<Received, Status> {
    let request = Request::Receive { place }.encode();
    let answer = hub.serve(client, request.label, request.words(), now_us)?;
    Ok(Received::decode(answer.label, answer.words()).unwrap())
}

#[test]
fn the_latest_message_counts() {
    let mut hub = Hub::new();
    permit(&mut hub, 0, 0, "pose", 10, 0);
    permit(&mut hub, 1, 5, "pose", 0, 10);
    assert_eq!(receive(&mut hub, 1, 5, 0), Err(Status::NotReady));
    assert_eq!(publish(&mut hub, 0, 0, b"one", 1), Ok(Published { sequence: 1 }));
    assert_eq!(publish(&mut hub, 0, 0, b"two", 2), Ok(Published { sequence: 2 }));
    for _ in 0..2 {
        let received = receive(&mut hub, 1, 5, 3).unwrap();
        assert_eq!(
            (received.time_us, received.sequence, received.payload.bytes()),
            (2, 2, b"two".as_slice())
        );
    }
}

#[test]
fn a_slot_without_a_voice_reaches_nobody() {
    let mut hub = Hub::new();
    permit(&mut hub, 0, 0, "pose", 100, 0);
    permit(&mut hub, 1, 0, "pose", 100, 0);
    permit(&mut hub, 2, 0, "pose", 0, 100);
    publish(&mut hub, 0, 0, b"old", 1).unwrap();
    order(&mut hub, Order::Voice { client: 1, from_us: u64::MAX, until_us: u64::MAX });
    assert_eq!(publish(&mut hub, 1, 0, b"new", 2), Ok(Published { sequence: 1 }), "answered");
    assert_eq!(receive(&mut hub, 2, 0, 2).unwrap().payload.bytes(), b"old");
    // From 10 on the other one speaks, and never both.
    order(&mut hub, Order::Voice { client: 1, from_us: 10, until_us: u64::MAX });
    order(&mut hub, Order::Voice { client: 0, from_us: 0, until_us: 10 });
    for (now_us, heard) in [(9, b"old"), (10, b"new"), (11, b"new")] {
        publish(&mut hub, 0, 0, b"old", now_us).unwrap();
        publish(&mut hub, 1, 0, b"new", now_us).unwrap();
        assert_eq!(receive(&mut hub, 2, 0, now_us).unwrap().payload.bytes(), heard);
    }
    order(&mut hub, Order::Revoke { client: 1 });
    permit(&mut hub, 1, 0, "pose", 100, 0);
    publish(&mut hub, 1, 0, b"any", 5).unwrap();
    assert_eq!(receive(&mut hub, 2, 0, 12).unwrap().payload.bytes(), b"any", "a slot begins with a voice");
}

#[test]
fn only_what_is_permitted_and_no_oftener() {
    let mut hub = Hub::new();
    permit(&mut hub, 0, 0, "pose", 2, 0);
    permit(&mut hub, 1, 0, "pose", 0, 2);
    permit(&mut hub, 2, 0, "goal", 9, 9);
    assert_eq!(publish(&mut hub, 1, 0, b"", 0), Err(Status::NotPermitted));
    assert_eq!(receive(&mut hub, 0, 0, 0), Err(Status::NotPermitted));
    assert_eq!(publish(&mut hub, 0, 1, b"", 0), Err(Status::NotPermitted));
    assert_eq!(publish(&mut hub, 3, 0, b"", 0), Err(Status::NotPermitted));
    assert_eq!(publish(&mut hub, CLIENTS, 0, b"", 0), Err(Status::NotAClient));
    assert_eq!(receive(&mut hub, 2, 0, 0), Err(Status::NotReady), "another name is another topic");
    for _ in 0..2 {
        assert!(publish(&mut hub, 0, 0, b"x", 5).is_ok() && receive(&mut hub, 1, 0, 5).is_ok());
    }
    assert_eq!(publish(&mut hub, 0, 0, b"y", 999_999), Err(Status::TooOften));
    assert_eq!(receive(&mut hub, 1, 0, 999_999), Err(Status::TooOften));
    assert_eq!(receive(&mut hub, 1, 0, 1_000_000).unwrap().payload.bytes(), b"x");
}

#[test]
fn a_topic_that_nobody_has_is_forgotten() {
    let mut hub = Hub::new();
    permit(&mut hub, 0, 0, "pose", 9, 0);
    permit(&mut hub, 1, 0, "pose", 0, 9);
    publish(&mut hub, 0, 0, b"x", 1).unwrap();
    order(&mut hub, Order::Revoke { client: 0 });
    assert_eq!(publish(&mut hub, 0, 0, b"y", 2), Err(Status::NotPermitted));
    assert_eq!(receive(&mut hub, 1, 0, 2).unwrap().payload.bytes(), b"x", "its receiver knows how old it is");
    order(&mut hub, Order::Revoke { client: 1 });
    permit(&mut hub, 1, 0, "pose", 0, 9);
    assert_eq!(receive(&mut hub, 1, 0, 3), Err(Status::NotReady));
    // Another name in the same place is another topic, too.
    permit(&mut hub, 0, 0, "pose", 9, 0);
    publish(&mut hub, 0, 0, b"x", 4).unwrap();
    permit(&mut hub, 1, 0, "goal", 0, 9);
    assert_eq!(receive(&mut hub, 1, 0, 5), Err(Status::NotReady));
}

#[test]
fn there_is_room_for_every_place() {
    let mut hub = Hub::new();
    for round in 0..3 {
        for client in 0..CLIENTS {
            for place in 0..TOPICS_MAX {
                permit(&mut hub, client, place, &std::format!("t{round}-{client}-{place}"), 1, 1);
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Permit { client: usize, place: usize, topic: u8, publishes: u32, receives: u32 },
    Revoke { client: usize },
    Publish { client: usize, place: usize, bytes: Vec<u8> },
    Receive { client: usize, place: usize },
    Any { client: usize, label: u64, words: Vec<u64> },
}

fn step() -> impl Strategy<Value = Step> {
    let places = || (0..CLIENTS, 0..3usize);
    prop_oneof![
        2 => (places(), 0..3u8, 0..3u32, 0..3u32).prop_map(|((client, place), topic, publishes, receives)| {
            Step::Permit { client, place, topic, publishes, receives }
        }),
        1 => (0..CLIENTS).prop_map(|client| Step::Revoke { client }),
        4 => (places(), proptest::collection::vec(any::<u8>(), 0..20))
            .prop_map(|((client, place), bytes)| Step::Publish { client, place, bytes }),
        4 => places().prop_map(|(client, place)| Step::Receive { client, place }),
        2 => (0..CLIENTS + 2, 0u64..40, proptest::collection::vec(prop_oneof![0u64..6, any::<u64>()], 0..22))
            .prop_map(|(client, label, words)| Step::Any { client, label, words }),
    ]
}

proptest! {
    /// Against a model that knows names only: what is received was published, under permissions on both sides, and as often
    /// as those allow.
    #[test]
    fn rules_hold_against_random_clients(steps in proptest::collection::vec((step(), 0u64..400_000), 1..120)) {
        let mut hub = Hub::new();
        let mut permitted = BTreeMap::<(usize, usize), (u8, u32, u32)>::new();
        let mut latest = BTreeMap::<u8, (u64, u64, Vec<u8>)>::new();
        let mut counted = BTreeMap::<(usize, usize, bool), (u64, u32)>::new();
        let mut now_us = 0;
        for (step, wait_us) in steps {
            now_us += wait_us;
            let second = now_us / 1_000_000;
            match step {
                Step::Permit { client, place, topic, publishes, receives } => {
                    let permission = TopicPermission {
                        name: name(&std::format!("t{topic}")),
                        publishes_per_second: publishes,
                        receives_per_second: receives,
                    };
                    let message = Order::Permit { client, place, permission }.encode();
                    let done = hub.obey(message.label, message.words());
                    prop_assert_eq!(done.is_ok(), publishes + receives > 0);
                    if done.is_ok() {
                        permitted.remove(&(client, place));
                        latest.retain(|name, _| permitted.values().any(|(topic, ..)| topic == name));
                        permitted.insert((client, place), (topic, publishes, receives));
                        counted.retain(|(c, p, _), _| (*c, *p) != (client, place));
                    }
                }
                Step::Revoke { client } => {
                    order(&mut hub, Order::Revoke { client });
                    permitted.retain(|(c, _), _| *c != client);
                    latest.retain(|name, _| permitted.values().any(|(topic, ..)| topic == name));
                }
                Step::Publish { client, place, bytes } => {
                    let (topic, limit) =
                        permitted.get(&(client, place)).map_or((0, 0), |(topic, limit, _)| (*topic, *limit));
                    let count = counted.entry((client, place, true)).or_default();
                    if count.0 != second || limit == 0 {
                        *count = (second, 0);
                    }
                    let outcome = publish(&mut hub, client, place, &bytes, now_us);
                    prop_assert_eq!(outcome.is_ok(), count.1 < limit);
                    if let Ok(published) = outcome {
                        count.1 += 1;
                        let sequence = latest.get(&topic).map_or(0, |(sequence, ..)| *sequence) + 1;
                        prop_assert_eq!(published.sequence, sequence);
                        latest.insert(topic, (sequence, now_us, bytes));
                    }
                }
                Step::Receive { client, place } => {
                    let (topic, limit) =
                        permitted.get(&(client, place)).map_or((0, 0), |(topic, _, limit)| (*topic, *limit));
                    let count = counted.entry((client, place, false)).or_default();
                    if count.0 != second || limit == 0 {
                        *count = (second, 0);
                    }
                    let may = count.1 < limit;
                    let outcome = receive(&mut hub, client, place, now_us);
                    count.1 += u32::from(may);
                    let expected = latest.get(&topic).filter(|_| may);
                    prop_assert_eq!(outcome.is_ok(), expected.is_some());
                    if let (Ok(received), Some((sequence, time_us, bytes))) = (outcome, expected) {
                        prop_assert_eq!((received.sequence, received.time_us), (*sequence, *time_us));
                        prop_assert_eq!(received.payload.bytes(), bytes.as_slice());
                    }
                }
                Step::Any { client, label, words } => {
                    // From a slot, orders are unknown requests. What is a request is covered above.
                    if Request::decode(label, &words).is_err() {
                        prop_assert!(hub.serve(client, label, &words, now_us).is_err());
                    }
                }
            }
        }
    }
}
