// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Sensors, actuators and their permissions.

use super::*;

const IMPORTS: &str = r#"
    (import "cofferdam" "sensor_read" (func $read (param i32 i32 i32) (result i32)))
    (import "cofferdam" "sensor_info" (func $info (param i32 i32 i32) (result i32)))
    (import "cofferdam" "lease_acquire" (func $lease (param i32 i64) (result i64)))
    (import "cofferdam" "actuator_write" (func $write (param i32 f64) (result i32)))
    (import "cofferdam" "lease_release" (func $release (param i32) (result i32)))
    (import "cofferdam" "deadline_us" (func $deadline (result i64)))
    (import "cofferdam" "fuel_left" (func $fuel (result i64)))
    (memory (export "memory") 1)"#;

/// Runs a tick that leaves the i64 result of `expression` in the actuator's value … by way of a check.
fn answers(expression: &str, expected: i64) -> Fake {
    let body = format!("(if (i64.ne {expression} (i64.const {expected})) (then unreachable))");
    let (host, outcome) = tick(IMPORTS, &body);
    assert_eq!(outcome, Ok(Activation::Continue), "{expression}");
    host
}

fn answers_code(expression: &str, code: ErrorCode) -> Fake {
    answers(&format!("(i64.extend_i32_s {expression})"), code.code().into())
}

#[test]
fn a_reading_lands_in_memory() {
    answers("(i64.extend_i32_s (call $read (i32.const 0) (i32.const 8) (i32.const 72)))", 3);
    let (_, outcome) = tick(
        IMPORTS,
        "(drop (call $read (i32.const 0) (i32.const 8) (i32.const 32)))
         (if (f64.ne (f64.load (i32.const 32)) (f64.const -3)) (then unreachable))",
    );
    assert_eq!(outcome, Ok(Activation::Continue));
    answers("(i64.extend_i32_s (call $info (i32.const 1) (i32.const 8) (i32.const 8)))", 8);
}

#[test]
fn sensors_are_read_by_permission_only() {
    answers_code("(call $read (i32.const 2) (i32.const 0) (i32.const 72))", ErrorCode::NotPermitted);
    answers_code("(call $read (i32.const 64) (i32.const 0) (i32.const 72))", ErrorCode::NotPermitted);
    answers_code("(call $read (i32.const -1) (i32.const 0) (i32.const 72))", ErrorCode::UndefinedDevice);
    answers_code("(call $read (i32.const 1) (i32.const 0) (i32.const 72))", ErrorCode::NotReady);
    answers_code("(call $read (i32.const 0) (i32.const 0) (i32.const 31))", ErrorCode::BadLength);
    answers_code("(call $info (i32.const 3) (i32.const 0) (i32.const 8))", ErrorCode::NotPermitted);
}

#[test]
fn actuators_move_by_permission_and_within_the_range() {
    let host = answers_code("(call $write (i32.const 4) (f64.const 0.6))", ErrorCode::OutOfRange);
    answers_code("(call $write (i32.const 4) (f64.const nan))", ErrorCode::OutOfRange);
    answers_code("(call $write (i32.const 4) (f64.const -0.1))", ErrorCode::OutOfRange);
    answers_code("(call $write (i32.const 3) (f64.const 0.1))", ErrorCode::NotPermitted);
    answers_code("(call $write (i32.const 16) (f64.const 0.1))", ErrorCode::NotPermitted);
    assert!(host.0.borrow().writes.is_empty());
    let host = answers("(i64.extend_i32_s (call $write (i32.const 4) (f64.const 0.5)))", 0);
    assert_eq!(host.0.borrow().writes, [(4, 0.5)]);
}

#[test]
fn leases_are_taken_by_permission() {
    let host = answers("(call $lease (i32.const 4) (i64.const 500))", 500);
    assert_eq!(host.0.borrow().leases, [(4, 500)]);
    answers("(call $lease (i32.const 4) (i64.const -5))", ErrorCode::OutOfRange.code().into());
    answers("(call $lease (i32.const 0) (i64.const 5))", ErrorCode::NotPermitted.code().into());
    answers_code("(call $release (i32.const 0))", ErrorCode::NotPermitted);
}

#[test]
fn an_app_knows_its_deadline_and_its_fuel() {
    answers("(call $deadline)", 10_000);
    answers("(i64.extend_i32_u (i64.lt_u (call $fuel) (i64.const 200000)))", 1);
}
