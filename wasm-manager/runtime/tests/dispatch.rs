// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `check-dispatch.sh` tells an interpreter that makes tail calls from one that lost them. The programs here are
//! assembled as the compiler writes them; needs Debian's binutils for AArch64 (`make setup`).
#![allow(clippy::expect_used, reason = "test code")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Mangled as the compiler does it.
const PREFIX: &str = "_ZN5wasmi6engine8executor7handler4exec";
const TABLE: &str =
    "_ZN5wasmi6engine8executor7handler8dispatch7backend18op_code_to_handler8HANDLERS17h7422b6c17384ec0cE";

/// How a handler goes on to the next one.
const TAIL_CALL: &str = "br x7";
const CALL: &str = "blr x7\n ret";

/// A handler that loads its successor from the table and goes on like `dispatch`.
fn handler(name: &str, dispatch: &str) -> String {
    let symbol = format!("{PREFIX}{}{name}17h12f263640f90270aE", name.len());
    format!(
        ".global {symbol}\n.type {symbol}, %function\n{symbol}:\n adr x10, {TABLE}\n ldr x7, [x10, x8]\n \
         add w6, w9, w6\n {dispatch}\n .size {symbol}, . - {symbol}\n"
    )
}

/// An interpreter with many good handlers and these.
fn interpreter(more: &str) -> String {
    let mut source = format!(".text\n.global {TABLE}\n{TABLE}:\n .quad 0\n");
    for index in 0..150 {
        let _ = write!(source, "{}", handler(&format!("i32_add_{index}"), TAIL_CALL));
    }
    source + more
}

/// Whether the script accepts the program, and what it says.
fn check(source: &str) -> (bool, String) {
    let folder = std::env::temp_dir().join(format!(
        "dispatch-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let (assembly, program) = (folder.join("program.s"), folder.join("program.elf"));
    std::fs::write(&assembly, source).expect("writable");
    let assembled = Command::new("aarch64-linux-gnu-as")
        .args(["-march=armv8-a".as_ref(), "-o".as_ref(), program.as_os_str(), assembly.as_os_str()])
        .status()
        .expect("aarch64-linux-gnu-as is missing; run: make setup");
    assert!(assembled.success(), "{source}");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("check-dispatch.sh");
    let output = Command::new("bash").arg(script).arg(&program).output().expect("bash");
    std::fs::remove_dir_all(&folder).expect("removable");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text.into_owned())
}

#[test]
fn tail_calls_are_accepted() {
    let (accepted, text) = check(&interpreter(""));
    assert!(accepted, "{text}");
    assert!(text.contains("150 handlers, 0 of them keep a frame"), "{text}");
}

#[test]
fn a_handler_that_lost_its_tail_call_is_named() {
    let (accepted, text) = check(&interpreter(&handler("i64_mul_rrs", CALL)));
    assert!(!accepted, "{text}");
    assert!(text.contains("not a tail call in") && text.contains("11i64_mul_rrs"), "{text}");
    assert!(text.contains("fill the native stack"), "it does not say what that means: {text}");
    // The others are not blamed.
    assert_eq!(text.matches("not a tail call").count(), 1, "{text}");
}

#[test]
fn the_two_that_are_known_and_bounded_are_accepted() {
    let known = handler("memory_grow", CALL) + &handler("table_grow", CALL);
    let (accepted, text) = check(&interpreter(&known));
    assert!(accepted && text.contains("152 handlers, 2 of them keep a frame"), "{text}");
}

#[test]
fn a_handler_that_calls_another_is_named() {
    let target = format!("{PREFIX}9i32_add_717h12f263640f90270aE");
    let (accepted, text) = check(&interpreter(&handler("br_if_eqz", &format!("bl {target}\n ret"))));
    assert!(!accepted && text.contains("calls a handler") && text.contains("9br_if_eqz"), "{text}");
}

#[test]
fn a_program_without_interpreter_is_no_proof() {
    let (accepted, text) = check(".text\n.global main\nmain:\n ret\n");
    assert!(!accepted && text.contains("found no interpreter"), "{text}");
}
