// SPDX-License-Identifier: Apache-2.0 OR MIT
//! WASI: what a program finds, and every function with arguments that nobody would give.

use core::ops::Range;

use super::*;
use cofferdam_host_abi::wasi::{EBADF, EFAULT, ENOSYS};
use cofferdam_host_abi::{Function, ValueType, WASI, WASI_MODULE};
use proptest::prelude::*;

/// A program that calls `function` with `arguments` and exits with what it answers.
fn caller(function: &Function, arguments: &[i64], data: &[u8]) -> String {
    let types = |types: &[ValueType]| -> String {
        types.iter().map(|ty| if *ty == ValueType::I64 { " i64" } else { " i32" }).collect()
    };
    let (params, results) = (types(function.signature.params), types(function.signature.results));
    let pushes: String =
        function.signature.params.iter().zip(arguments).fold(String::new(), |text, (ty, value)| match ty {
            ValueType::I64 => format!("{text} (i64.const {value})"),
            _ => format!("{text} (i32.const {})", *value as i32),
        });
    let call = format!("(call $f {pushes})");
    let body = if results.is_empty() { call } else { format!("(call $exit {call})") };
    let data: String = data.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(
        r#"(module
            (import "{WASI_MODULE}" "{}" (func $f (param{params}) (result{results})))
            (import "{WASI_MODULE}" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1 1)
            (data (i32.const 0) "{data}")
            (func (export "_start") {body}))"#,
        function.name
    )
}

fn program() -> Orders {
    let mut orders = orders(Shape::Command);
    orders.name = cofferdam_slot_protocol::AppName::new("tool");
    orders.arguments.push(&["one"]).unwrap();
    orders.arguments.push(&["two words"]).unwrap();
    orders.environment.push(&["MODE", "=", "fast"]).unwrap();
    orders
}

/// Runs to the end; gives the exit code, the memory before and after, and the log.
fn run(text: &str) -> (i32, Vec<u8>, Vec<u8>, Vec<String>) {
    let (host, app) = load_with(&program(), text);
    let mut app = app.unwrap();
    let before = app.memory();
    for slice in 0..4 {
        // A sleep of any length is over in the next slice.
        host.0.borrow_mut().now_us = if slice == 0 { 5 } else { u64::MAX };
        match app.activate(slice, slice + 1).unwrap() {
            Activation::Continue => {}
            Activation::Exited(code) => return (code, before, app.memory(), host.log()),
        }
    }
    panic!("it has not ended: {text}");
}

fn call(name: &str, arguments: &[i64], data: &[u8]) -> (i32, Vec<u8>, Vec<String>) {
    let function = WASI.iter().find(|function| function.name == name).unwrap();
    let (code, _, memory, log) = run(&caller(function, arguments, data));
    (code, memory, log)
}

fn word(memory: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*memory[at..].first_chunk().unwrap())
}

#[test]
fn arguments_begin_with_the_name() {
    let (code, memory, _) = call("args_sizes_get", &[8, 16], &[]);
    assert_eq!((code, word(&memory, 8), word(&memory, 16)), (0, 3, 19));
    let (code, memory, _) = call("args_get", &[8, 100], &[]);
    assert_eq!(code, 0);
    assert_eq!([word(&memory, 8), word(&memory, 12), word(&memory, 16)], [100, 105, 109]);
    assert_eq!(&memory[100..120], b"tool\0one\0two words\0\0");
}

#[test]
fn the_environment_is_the_manifests() {
    let (code, memory, _) = call("environ_sizes_get", &[8, 16], &[]);
    assert_eq!((code, word(&memory, 8), word(&memory, 16)), (0, 1, 10));
    let (code, memory, _) = call("environ_get", &[8, 100], &[]);
    assert_eq!((code, word(&memory, 8)), (0, 100));
    assert_eq!(&memory[100..111], b"MODE=fast\0\0");
}

#[test]
fn texts_are_handed_out_whole_or_not_at_all() {
    for (list, buffer) in [(65_528, 100), (8, 65_518), (-4, 100), (8, -1)] {
        let (code, memory, _) = call("args_get", &[list, buffer], &[]);
        assert_eq!(code, EFAULT, "{list} {buffer}");
        assert!(memory.iter().all(|byte| *byte == 0), "{list} {buffer}");
    }
    assert_eq!(call("args_get", &[65_524, 65_504], &[]).0, 0, "up to the last byte");
}

#[test]
fn a_line_without_end_is_wrapped_between_characters() {
    // 199 bytes and a character of two; then the rest of 300, without a newline.
    let mut data = Vec::from([16, 0, 0, 0, 44, 1, 0, 0]);
    data.extend([0; 8]);
    data.extend([b'x'; 199]);
    data.extend("\u{e4}".as_bytes());
    data.extend([b'y'; 99]);
    let (code, memory, log) = call("fd_write", &[1, 0, 1, 8], &data);
    assert_eq!((code, word(&memory, 8)), (0, 300));
    assert_eq!(log, [format!("Info: {}", "x".repeat(199)), format!("Info: \u{e4}{}", "y".repeat(99))]);
}

#[test]
fn nothing_is_written_of_a_list_with_a_bad_pointer() {
    let data = [16, 0, 0, 0, 2, 0, 0, 0, 255, 255, 0, 0, 2, 0, 0, 0, b'a', b'\n'];
    assert_eq!(call("fd_write", &[2, 0, 1, 100], &data).2, ["Warn: a"]);
    assert_eq!(call("fd_write", &[2, 0, 2, 100], &data), (EFAULT, run_memory(&data), Vec::new()));
    assert_eq!(call("fd_write", &[2, 0, 1, 65_533], &data), (EFAULT, run_memory(&data), Vec::new()));
}

fn run_memory(data: &[u8]) -> Vec<u8> {
    let mut memory = Vec::from(data);
    memory.resize(65_536, 0);
    memory
}

#[test]
fn more_entries_than_one_call_takes_are_left_for_the_next() {
    let mut data = [0u8; 1024];
    for entry in 0..100 {
        data[entry * 8] = 200;
        data[entry * 8 + 1] = 3;
        data[entry * 8 + 4] = 1;
    }
    data[968] = b'z';
    let (code, memory, log) = call("fd_write", &[1, 0, 100, 1000], &data);
    assert_eq!((code, word(&memory, 1000)), (0, Limits::HOST_CALL_ENTRIES));
    assert_eq!(log, [format!("Info: {}", "z".repeat(64))]);
}

#[test]
fn a_closed_descriptor_is_gone() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\10\00\00\00\03\00\00\00\00\00\00\00\00\00\00\00end")
        (func $say (param i32) (result i32)
            (call $write (local.get 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (func (export "_start")
            (if (call $say (i32.const 1)) (then unreachable))
            (if (call $close (i32.const 1)) (then unreachable))
            (if (i32.ne (call $say (i32.const 1)) (i32.const 8)) (then unreachable))
            (if (call $say (i32.const 2)) (then unreachable))
            (call $exit (call $close (i32.const 1)))))"#;
    let (code, _, _, log) = run(text);
    assert_eq!((code, log), (EBADF, Vec::from(["Info: end".to_string(), "Warn: end".to_string()])));
    for fd in [3, 4, -1, i64::from(i32::MAX)] {
        assert_eq!(call("fd_close", &[fd], &[]).0, EBADF);
    }
}

#[test]
fn what_the_design_does_not_name_answers_enosys() {
    const SERVED: [&str; 17] = [
        "args_get",
        "args_sizes_get",
        "environ_get",
        "environ_sizes_get",
        "clock_res_get",
        "clock_time_get",
        "fd_close",
        "fd_fdstat_get",
        "fd_prestat_get",
        "fd_prestat_dir_name",
        "fd_read",
        "fd_seek",
        "fd_write",
        "poll_oneoff",
        "proc_exit",
        "random_get",
        "sched_yield",
    ];
    let mut unserved = 0;
    for function in WASI.iter().filter(|function| !SERVED.contains(&function.name)) {
        assert_eq!(call(function.name, &[0; 9], &[]).0, ENOSYS, "{}", function.name);
        unserved += 1;
    }
    assert_eq!(unserved + SERVED.len(), WASI.len());
}

/// Where a call that succeeds may write.
fn writable(name: &str, arguments: &[i64], memory: &[u8]) -> Vec<Range<usize>> {
    let at = |argument: usize, bytes: usize| {
        let start = arguments[argument] as u32 as usize;
        start..start.saturating_add(bytes)
    };
    match name {
        "args_sizes_get" | "environ_sizes_get" => Vec::from([at(0, 4), at(1, 4)]),
        "args_get" => Vec::from([at(0, 12), at(1, 19)]),
        "environ_get" => Vec::from([at(0, 4), at(1, 10)]),
        "clock_res_get" => Vec::from([at(1, 8)]),
        "clock_time_get" => Vec::from([at(2, 8)]),
        "fd_fdstat_get" => Vec::from([at(1, 24)]),
        "fd_read" | "fd_write" => Vec::from([at(3, 4)]),
        "poll_oneoff" => Vec::from([at(1, 32), at(3, 4)]),
        "random_get" => Vec::from([at(0, (arguments[1] as u32 as usize).min(memory.len()))]),
        _ => Vec::new(),
    }
}

/// Numbers at which things happen: descriptors, small counts, the ends of memory and of the number's range.
fn argument() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0i64..5,
        4 => 0i64..200,
        2 => 65_536i64 - 40..65_536 + 4,
        1 => Just(-1i64),
        1 => -70_000i64..0,
        1 => any::<i32>().prop_map(i64::from),
        1 => any::<i64>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    /// Every function: it answers, it writes where it may and nowhere else, and nothing at all if it fails.
    #[test]
    fn no_arguments_make_a_call_misbehave(
        arguments in proptest::collection::vec(argument(), 9),
        data in proptest::collection::vec(prop_oneof![3 => Just(0u8), 2 => 0u8..4, 1 => any::<u8>()], 256),
    ) {
        for function in WASI {
            let (code, before, after, log) = run(&caller(function, &arguments, &data));
            if function.name == "proc_exit" {
                prop_assert_eq!(code, arguments[0] as i32);
            }
            let places = if code == 0 { writable(function.name, &arguments, &before) } else { Vec::new() };
            for (at, (before, after)) in before.iter().zip(&after).enumerate() {
                let allowed = places.iter().any(|place| place.contains(&at));
                prop_assert!(before == after || allowed, "{} wrote at {at}", function.name);
            }
            prop_assert!(log.is_empty() || function.name == "fd_write", "{} logs", function.name);
        }
    }
}
