// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Pointers that do not lie in the app's memory.

use super::*;
use cofferdam_host_abi::wasi::{EFAULT, EINVAL};

const IMPORTS: &str = r#"
    (import "cofferdam" "sensor_read" (func $read (param i32 i32 i32) (result i32)))
    (import "cofferdam" "sensor_info" (func $info (param i32 i32 i32) (result i32)))
    (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $fdstat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))"#;

fn answers_in(memory: &str, call: &str, expected: i32) {
    let body = format!("(if (i32.ne {call} (i32.const {expected})) (then unreachable))");
    let (_, outcome) = tick(&format!("{IMPORTS} {memory}"), &body);
    assert_eq!(outcome, Ok(Activation::Continue), "{call}");
}

fn answers(call: &str, expected: i32) {
    answers_in(r#"(memory (export "memory") 1)"#, call, expected);
}

#[test]
fn calls_of_ours_answer_bad_pointer() {
    let bad = ErrorCode::BadPointer.code();
    answers("(call $read (i32.const 0) (i32.const 65500) (i32.const 72))", bad);
    answers("(call $read (i32.const 0) (i32.const -1) (i32.const -1))", bad);
    answers("(call $info (i32.const 0) (i32.const 65535) (i32.const 8))", bad);
    answers("(call $log (i32.const 3) (i32.const 65536) (i32.const 1))", bad);
    answers("(call $log (i32.const 3) (i32.const -8) (i32.const 16))", bad);
    answers("(call $log (i32.const 3) (i32.const 0) (i32.const -1))", ErrorCode::BadLength.code());
    answers("(call $log (i32.const 0) (i32.const 0) (i32.const 1))", ErrorCode::BadArgument.code());
}

#[test]
fn wasi_calls_answer_efault() {
    answers("(call $fd_write (i32.const 1) (i32.const 65532) (i32.const 1) (i32.const 0))", EFAULT);
    answers("(call $fd_write (i32.const 1) (i32.const -8) (i32.const 2) (i32.const 0))", EFAULT);
    answers("(call $fd_write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 65533))", EFAULT);
    answers("(call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 0))", EFAULT);
    answers("(call $fdstat (i32.const 1) (i32.const 65520))", EFAULT);
    answers("(call $random (i32.const 65530) (i32.const 8))", EFAULT);
    answers("(call $random (i32.const 0) (i32.const -1))", EINVAL);
    answers("(call $clock (i32.const 0) (i64.const 0) (i32.const 65529))", EFAULT);
    answers("(call $args (i32.const 0) (i32.const -4))", EFAULT);
    // An entry of the list that names bytes outside.
    let memory = r#"(memory (export "memory") 1) (data (i32.const 0) "\ff\ff\00\00\02\00\00\00")"#;
    answers_in(memory, "(call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))", EFAULT);
}

#[test]
fn without_an_exported_memory_every_pointer_is_bad() {
    answers_in(
        "(memory 1)",
        "(call $log (i32.const 3) (i32.const 0) (i32.const 1))",
        ErrorCode::BadPointer.code(),
    );
    answers_in("", "(call $random (i32.const 0) (i32.const 1))", EFAULT);
}
