// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Topics and their permissions.

use cofferdam_device_protocol::topic::TopicName;
use cofferdam_slot_protocol::TopicGrant;

use super::*;

/// Names at 0 (`pose`, published), 8 (`goal`, received) and 16 (`both`); a message at 32.
const FIELDS: &str = r#"
    (import "cofferdam" "publish" (func $publish (param i32 i32 i32 i32) (result i32)))
    (import "cofferdam" "receive" (func $receive (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "pose")
    (data (i32.const 8) "goal")
    (data (i32.const 16) "both")
    (data (i32.const 32) "0123456789")"#;

fn topic(name: &[u8], publish: bool, receive: bool) -> Option<TopicGrant> {
    Some(TopicGrant { name: TopicName::new(name).unwrap(), publish, receive })
}

/// What one call after the other answers.
fn answers(calls: &[(&str, i32)]) -> Fake {
    let mut orders = orders(Shape::Reactor);
    orders.topics[0] = topic(b"pose", true, false);
    orders.topics[3] = topic(b"goal", false, true);
    orders.topics[7] = topic(b"both", true, true);
    let body: String = calls
        .iter()
        .map(|(call, expected)| format!("(if (i32.ne {call} (i32.const {expected})) (then unreachable))"))
        .collect();
    let (host, app) = load_with(&orders, &reactor(FIELDS, &body));
    host.0.borrow_mut().now_us = 0x1_0000_0007;
    assert_eq!(app.unwrap().activate(0, 10), Ok(Activation::Continue), "{calls:?}");
    host
}

fn publish(name: i32, length: i32, data: i32, bytes: i32) -> String {
    format!("(call $publish (i32.const {name}) (i32.const {length}) (i32.const {data}) (i32.const {bytes}))")
}

fn receive(name: i32, length: i32, buffer: i32, capacity: i32) -> String {
    publish(name, length, buffer, capacity).replace("$publish", "$receive")
}

#[test]
fn a_message_goes_out_and_comes_in() {
    let time = "(i32.ne (i32.load (i32.const 64)) (i32.const 7))";
    let high = "(i32.ne (i32.load (i32.const 68)) (i32.const 1))";
    let sequence = "(i64.ne (i64.load (i32.const 72)) (i64.const 2))";
    let first = "(i32.ne (i32.load8_u (i32.const 80)) (i32.const 50))"; // '2'
    let host = answers(&[
        (&publish(0, 4, 32, 10), 0),
        (&publish(16, 4, 34, 3), 0),
        (&receive(16, 4, 64, 19), 3),
        (time, 0),
        (high, 0),
        (sequence, 0),
        (first, 0),
        (&publish(0, 4, 0, 0), 0),
        (&receive(8, 4, 64, 16), 0),
    ]);
    let published = host.0.borrow().published.clone();
    assert_eq!(published, [(0, b"0123456789".to_vec()), (7, b"234".to_vec()), (0, Vec::new())]);
}

#[test]
fn topics_are_used_by_permission_only() {
    let none = ErrorCode::NotPermitted.code();
    let host = answers(&[
        (&publish(8, 4, 32, 1), none),
        (&receive(0, 4, 64, 100), none),
        (&publish(0, 3, 32, 1), none),
        (&publish(0, 0, 32, 1), none),
        (&publish(0, 33, 32, 1), none),
        (&receive(0, 65_536, 64, 100), none),
        (&receive(8, 4, 64, 100), ErrorCode::NotReady.code()),
    ]);
    assert!(host.0.borrow().published.is_empty());
}

#[test]
fn bad_pointers_and_lengths_publish_nothing() {
    let (pointer, length) = (ErrorCode::BadPointer.code(), ErrorCode::BadLength.code());
    let host = answers(&[
        (&publish(0, 4, 32, 129), length),
        (&publish(0, 4, 32, -1), length),
        (&publish(0, 4, 65_530, 10), pointer),
        (&publish(65_534, 4, 32, 1), pointer),
        (&publish(0, -1, 32, 1), pointer),
        (&receive(8, 4, 65_530, 10), pointer),
    ]);
    assert!(host.0.borrow().published.is_empty());
    answers(&[
        (&publish(16, 4, 32, 128), 0),
        (&receive(16, 4, 1000, 143), length),
        (&receive(16, 4, 1000, 144), 128),
    ]);
}
