// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Programs: slices, exit, sleep, output.

use super::*;

const IMPORTS: &str = r#"
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)"#;

fn command(fields: &str, start: &str) -> String {
    format!(r#"(module {IMPORTS} {fields} (func (export "_start") {start}))"#)
}

fn run(text: &str, slices: usize) -> (Fake, Vec<Result<Activation, Stop>>) {
    let (host, app) = load_with(&orders(Shape::Command), text);
    let mut app = app.unwrap();
    let mut outcomes = Vec::new();
    for slice in 0..slices as u64 {
        host.0.borrow_mut().now_us = slice * 10_000;
        outcomes.push(app.activate(slice * 10_000, slice * 10_000 + 10_000));
        if outcomes.last() != Some(&Ok(Activation::Continue)) {
            break;
        }
    }
    (host, outcomes)
}

#[test]
fn output_is_logged_by_line() {
    let data = r#"(data (i32.const 0) "\10\00\00\00\07\00\00\00\17\00\00\00\04\00\00\00one\ntwo three")"#;
    let write = "(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 8)))
                 (if (i32.ne (i32.load (i32.const 8)) (i32.const 11)) (then unreachable))";
    let (host, outcomes) = run(&command(data, write), 1);
    assert_eq!(outcomes, [Ok(Activation::Exited(0))]);
    assert_eq!(host.log(), ["Info: one", "Info: two thr"]);
}

#[test]
fn exit_codes_come_through() {
    let (_, outcomes) = run(&command("", "(call $exit (i32.const 3)) unreachable"), 1);
    assert_eq!(outcomes, [Ok(Activation::Exited(3))]);
    // Also after an interruption.
    let later = "(drop (call $yield)) (loop $l (drop (call $yield)) (call $exit (i32.const 4)) (br $l))";
    let (_, outcomes) = run(&command("", later), 9);
    assert_eq!(outcomes.last(), Some(&Ok(Activation::Exited(4))));
}

#[test]
fn long_work_is_sliced() {
    let count = "(local $i i32) (loop $l (br_if $l (i32.ne (i32.const 100000)
        (local.tee $i (i32.add (local.get $i) (i32.const 1))))))";
    let (_, outcomes) = run(&command("", count), 100);
    assert!((2..40).contains(&outcomes.len()), "{}", outcomes.len());
    assert_eq!(outcomes.last(), Some(&Ok(Activation::Exited(0))));
}

#[test]
fn endless_work_continues_within_its_slices() {
    let (_, outcomes) = run(&command("", "(loop $l (br $l))"), 50);
    assert_eq!(outcomes.len(), 50);
    assert!(outcomes.iter().all(|outcome| *outcome == Ok(Activation::Continue)));
}

#[test]
fn endless_host_calls_give_up_their_slice() {
    let (_, outcomes) = run(
        &command(
            "",
            "(loop $l (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0))) (br $l))",
        ),
        20,
    );
    assert!(outcomes.iter().all(|outcome| *outcome == Ok(Activation::Continue)), "{outcomes:?}");
}

#[test]
fn what_is_not_served_answers_enosys() {
    let body = "(if (i32.ne (i32.const 52) (call $open (i32.const 3) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0))) (then unreachable))";
    assert_eq!(run(&command("", body), 1).1, [Ok(Activation::Exited(0))]);
}

#[test]
fn a_program_sleeps_without_using_fuel() {
    // One relative clock subscription of 25 ms, user data 7.
    let data = r#"(data (i32.const 0) "\07\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\40\78\7d\01\00\00\00\00")"#;
    let body =
        "(if (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 96)) (then unreachable))
        (if (i32.ne (i32.load (i32.const 96)) (i32.const 1)) (then unreachable))
        (if (i32.ne (i32.load (i32.const 100)) (i32.const 7)) (then unreachable))
        (call $exit (i32.const 9))";
    let (_, outcomes) = run(&command(data, body), 10);
    let mut expected = Vec::from([Ok(Activation::Continue); 3]);
    expected.push(Ok(Activation::Exited(9)));
    assert_eq!(outcomes, expected);
}

#[test]
fn a_reactor_must_not_sleep() {
    let import = r#"(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)"#;
    let body =
        "(if (i32.ne (i32.const 52) (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 96)))
        (then unreachable))";
    assert_eq!(tick(import, body).1, Ok(Activation::Continue));
}

#[test]
fn one_step_that_needs_more_than_a_slice_is_the_end() {
    let limits = Limits { fuel_per_activation: 1000, memory_pages: 16, ..Limits::DEFAULT };
    let fill = "(memory.fill (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65536)))";
    let text = command("", &format!("(drop (memory.grow (i32.const 1))) {fill}"));
    let (_, app) = load_with(&Orders { limits, ..orders(Shape::Command) }, &text);
    let mut app = app.unwrap();
    let mut outcome = Ok(Activation::Continue);
    for slice in 0..5 {
        if outcome == Ok(Activation::Continue) {
            outcome = app.activate(slice, slice + 1);
        }
    }
    let stop = outcome.unwrap_err();
    assert_eq!(stop.reason, StopReason::FuelExhausted);
    assert!(stop.detail.as_str().contains("can have 1000"), "{stop}");
}
