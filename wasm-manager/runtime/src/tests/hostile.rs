// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Modules that try to take more than they are given, at every stage of their life.

use super::*;

const FOREVER: &str = "(loop $again (br $again))";

#[test]
fn an_endless_tick_runs_out_of_fuel() {
    let (_, outcome) = tick("", FOREVER);
    let stop = outcome.unwrap_err();
    assert_eq!(stop.reason, StopReason::FuelExhausted);
    assert_eq!(stop.detail.as_str(), "in cofferdam_tick");
}

#[test]
fn an_endless_start_function_runs_out_of_fuel() {
    let (_, app) =
        load_with(&orders(Shape::Reactor), &reactor(&format!("(func $start {FOREVER}) (start $start)"), ""));
    let stop = refused(app);
    assert_eq!(stop.reason, StopReason::FuelExhausted);
    assert!(stop.detail.as_str().contains("start function"), "{stop}");
}

#[test]
fn an_endless_init_runs_out_of_fuel() {
    for name in ["cofferdam_init", "_initialize"] {
        let other = if name == "cofferdam_init" { "_initialize" } else { "cofferdam_init" };
        let text = format!(
            r#"(module (func (export "{name}") {FOREVER}) (func (export "{other}"))
                (func (export "cofferdam_tick") (param i64)))"#
        );
        let stop = refused(load_with(&orders(Shape::Reactor), &text).1);
        assert_eq!(stop.reason, StopReason::FuelExhausted);
        assert!(stop.detail.as_str().contains(name), "{stop}");
    }
}

#[test]
fn endless_recursion_exhausts_the_stack() {
    let (_, outcome) = tick("(func $down (call $down))", "(call $down)");
    assert_eq!(outcome.unwrap_err().reason, StopReason::StackExhausted);
    // Big frames: the value stack is full before the depth is reached.
    let locals = "i64 ".repeat(200);
    let (_, outcome) = tick(
        &format!(
            "(func $down (param i64) (result i64) (local {locals}) (i64.add (call $down (local.get 0)) (local.get 9)))"
        ),
        "(drop (call $down (i64.const 1)))",
    );
    assert_eq!(outcome.unwrap_err().reason, StopReason::StackExhausted);
}

#[test]
fn memory_grows_to_its_limit_and_no_further() {
    let limits = Limits { memory_pages: 3, ..Limits::DEFAULT };
    let grow = "(loop $again (drop (memory.grow (i32.const 1))) (br $again))";
    let (_, app) = load_with(
        &Orders { limits, ..orders(Shape::Reactor) },
        &reactor(r#"(memory (export "memory") 1)"#, grow),
    );
    let mut app = app.unwrap();
    let stop = app.activate(0, 10).unwrap_err();
    assert_eq!(stop.reason, StopReason::FuelExhausted);
    assert!(stop.detail.as_str().contains("memory.grow refused"), "{stop}");
    assert!(stop.detail.as_str().contains("at 3 pages"), "{stop}");
    assert_eq!(counters(&app).memory_pages, 3);
}

#[test]
fn a_refused_growth_is_minus_one() {
    let check = "(if (i32.ne (memory.grow (i32.const 1000)) (i32.const -1)) (then unreachable))";
    let (_, outcome) = tick("(memory 1)", check);
    assert_eq!(outcome, Ok(Activation::Continue));
}

#[test]
fn traps_are_named() {
    use StopReason::*;
    let table = r#"(type $void (func)) (type $number (func (result i32)))
        (table 2 funcref) (elem (i32.const 0) $noop) (func $noop) (memory 1)"#;
    for (body, reason) in [
        ("unreachable", Unreachable),
        ("(drop (i32.load (i32.const 65536)))", MemoryOutOfBounds),
        ("(i32.store (i32.const -1) (i32.const 0))", MemoryOutOfBounds),
        ("(memory.fill (i32.const 65000) (i32.const 0) (i32.const 1000))", MemoryOutOfBounds),
        ("(drop (i32.div_s (i32.const 1) (i32.wrap_i64 (local.get $now))))", DivisionByZero),
        (
            "(drop (i32.div_s (i32.const 0x80000000) (i32.sub (i32.wrap_i64 (local.get $now)) (i32.const 1))))",
            IntegerOverflow,
        ),
        (
            "(drop (i32.trunc_f64_s (f64.div (f64.const 0) (f64.convert_i64_s (local.get $now)))))",
            ConversionToInteger,
        ),
        ("(call_indirect (type $void) (i32.const 1))", IndirectCallToNull),
        ("(drop (call_indirect (type $number) (i32.const 0)))", IndirectCallType),
        ("(call_indirect (type $void) (i32.const 2))", TableOutOfBounds),
    ] {
        let (_, outcome) = tick(table, body);
        assert_eq!(outcome.unwrap_err().reason, reason, "{body}");
    }
}

#[test]
fn a_loop_of_host_calls_is_bounded() {
    let import = r#"(import "cofferdam" "now_us" (func $now_us (result i64)))"#;
    let (_, outcome) = tick(import, "(loop $again (drop (call $now_us)) (br $again))");
    let stop = outcome.unwrap_err();
    assert_eq!(stop.reason, StopReason::HostCallsExhausted);
    assert!(stop.detail.as_str().contains("256"), "{stop}");
    // With host calls to spare, fuel ends it.
    let limits = Limits { host_calls_per_activation: 4096, ..Limits::DEFAULT };
    let text = reactor(import, "(loop $again (drop (call $now_us)) (br $again))");
    let (_, app) = load_with(&Orders { limits, ..orders(Shape::Reactor) }, &text);
    let mut app = app.unwrap();
    assert_eq!(app.activate(0, 10).unwrap_err().reason, StopReason::FuelExhausted);
    let calls = counters(&app).host_calls_last;
    assert!(calls <= Limits::DEFAULT.fuel_per_activation / Limits::FUEL_PER_HOST_CALL, "{calls}");
}

#[test]
fn a_log_flood_is_cut_to_its_rate() {
    let (host, app) = load_with(
        &orders(Shape::Reactor),
        &reactor(
            r#"(import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
               (memory (export "memory") 1)"#,
            "(local $i i32) (loop $again
                (drop (call $log (i32.const 3) (i32.const 0) (i32.const 100)))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100))))",
        ),
    );
    let mut app = app.unwrap();
    for second in 0..10 {
        host.0.borrow_mut().now_us = second * 1_000_000;
        app.activate(0, 10).unwrap();
    }
    let bytes: usize = host.log().iter().map(|line| line.len() - "Info: ".len()).sum();
    assert!(bytes <= 11 * Limits::DEFAULT.log_bytes_per_second as usize, "{bytes}");
    assert!(bytes >= 8 * 1700, "{bytes}");
    let counters = counters(&app);
    assert!(counters.log_bytes_dropped > 50_000);
    assert_eq!(counters.log_lines as usize, host.log().len());
}

/// `memory.grow` and `table.grow` keep native stack (module `fuel`): with all the fuel that there is, and
/// nothing to grow, so that only fuel ends it.
#[test]
fn growing_without_end_does_not_use_up_the_native_stack() {
    let limits = Limits { init_fuel: 30_000_000, fuel_per_activation: 30_000_000, ..Limits::DEFAULT };
    let orders = Orders { limits, ..orders(Shape::Reactor) };
    let fields = "(memory 1 1) (table 1 1 funcref)";
    for grow in ["(drop (memory.grow (i32.const 0)))", "(drop (table.grow (ref.null func) (i32.const 1)))"] {
        let endless = format!("(loop $again {grow} (br $again))");
        let stop = load_with(&orders, &reactor(fields, &endless)).1.unwrap().activate(0, 10).unwrap_err();
        assert_eq!(stop.reason, StopReason::FuelExhausted, "{stop}");
        let start = format!("{fields} (func $start {endless}) (start $start)");
        assert_eq!(refused(load_with(&orders, &reactor(&start, "")).1).reason, StopReason::FuelExhausted);
        // Without a loop: a block of code that is too long does not run at all.
        let straight = grow.repeat(20_000);
        let stop = load_with(&orders, &reactor(fields, &straight)).1.unwrap().activate(0, 10).unwrap_err();
        assert!(stop.detail.as_str().contains("one step needs"), "{stop}");
    }
}

#[test]
fn fuel_beyond_a_portion_is_all_usable() {
    let limits = Limits { fuel_per_activation: 10 * Limits::FUEL_PORTION, ..Limits::DEFAULT };
    let count = |rounds: u32| {
        let body = format!(
            "(local $i i32) (loop $l (br_if $l (i32.ne (i32.const {rounds})
                (local.tee $i (i32.add (local.get $i) (i32.const 1))))))"
        );
        let (_, app) = load_with(&Orders { limits, ..orders(Shape::Reactor) }, &reactor("", &body));
        let mut app = app.unwrap();
        let outcome = app.activate(0, 10);
        (outcome, counters(&app).fuel_last)
    };
    let (outcome, fuel) = count(100_000);
    assert_eq!(outcome, Ok(Activation::Continue));
    assert!(fuel > 2 * Limits::FUEL_PORTION && fuel < limits.fuel_per_activation, "{fuel}");
    assert_eq!(count(10_000_000).0.unwrap_err().reason, StopReason::FuelExhausted);
}
