// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;
use alloc::string::ToString;
use alloc::vec::Vec;
use alloc::{format, vec};

use cofferdam_package::manifest::*;
use cofferdam_package::testing;
use proptest::prelude::*;

use super::*;
use cofferdam_host_abi::Shape;

fn manifest(shape: manifest::Shape) -> Manifest {
    let limits = Limits::DEFAULT;
    Manifest {
        app: App {
            shape,
            fuel_per_activation: limits.fuel_per_activation,
            init_fuel: limits.init_fuel,
            memory_pages: 2,
            value_stack_bytes: limits.value_stack_bytes,
            call_depth: limits.call_depth,
            host_calls_per_activation: limits.host_calls_per_activation,
            log_bytes_per_second: limits.log_bytes_per_second,
            random_seed: 1,
            ..testing::app()
        },
        ..testing::manifest("a", 1)
    }
}

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

const REACTOR: &str = r#"(func (export "cofferdam_init")) (func (export "cofferdam_tick") (param i64))"#;

fn reactor_with(fields: &str) -> Result<Admitted, AdmissionError> {
    let module = wasm(&format!("(module {fields} {REACTOR})"));
    admit(&manifest(manifest::Shape::Reactor), &module, &SlotClass::SHARED)
}

fn refusal(fields: &str) -> std::string::String {
    reactor_with(fields).unwrap_err().to_string()
}

#[test]
fn a_reactor_and_a_command_are_admitted() {
    let admitted = reactor_with(r#"(memory (export "memory") 2) (func $f) (start $f)"#).unwrap();
    assert_eq!(admitted.shape, Shape::Reactor);
    assert_eq!(admitted.limits.memory_pages, 2);
    assert_eq!(admitted.utilisation_permille, 200);
    let command = wasm(
        r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1) (func (export "_start")))"#,
    );
    assert!(admit(&manifest(manifest::Shape::Command), &command, &SlotClass::SHARED).is_ok());
    let reactor = admit(&manifest(manifest::Shape::Reactor), &command, &SlotClass::SHARED);
    assert_eq!(reactor.unwrap_err().to_string(), "cofferdam_init: missing");
}

#[test]
fn imports_are_checked_by_name_signature_and_permission() {
    let memory = r#"(memory (export "memory") 1)"#;
    assert_eq!(refusal(r#"(import "env" "x" (func))"#), "env.x: the host has no such function");
    assert_eq!(
        refusal(r#"(import "cofferdam" "now_us" (func (result i32)))"#),
        "cofferdam.now_us: wrong signature"
    );
    assert_eq!(
        refusal(r#"(import "cofferdam" "memory" (memory 1))"#),
        "cofferdam.memory: only functions can be imported"
    );
    let sensor = r#"(import "cofferdam" "sensor_read" (func (param i32 i32 i32) (result i32)))"#;
    assert_eq!(refusal(&format!("{sensor} {memory}")), "cofferdam.sensor_read: the manifest names no sensor");
    let lease = r#"(import "cofferdam" "lease_acquire" (func (param i32 i64) (result i64)))"#;
    assert_eq!(refusal(lease), "cofferdam.lease_acquire: the manifest names no actuator");
    let publish = r#"(import "cofferdam" "publish" (func (param i32 i32 i32 i32) (result i32)))"#;
    let receive = publish.replace("publish", "receive");
    for (import, name) in [(publish, "publish"), (receive.as_str(), "receive")] {
        let why = format!("cofferdam.{name}: the manifest names no topic to {name}");
        assert_eq!(refusal(&format!("{import} {memory}")), why);
    }
    let hostile = "(import \"a\\1b[2J\" \"b\\n\" (func))";
    assert_eq!(refusal(hostile), "a[2J.b: the host has no such function");

    let mut manifest = manifest(manifest::Shape::Reactor);
    manifest.permissions.sensors.push("imu".into());
    manifest.permissions.publish = Some(Vec::from(["pose".into()]));
    let publishes = wasm(&format!("(module {publish} {memory} {REACTOR})"));
    assert!(admit(&manifest, &publishes, &SlotClass::SHARED).is_ok());
    let receives = wasm(&format!("(module {receive} {memory} {REACTOR})"));
    assert!(admit(&manifest, &receives, &SlotClass::SHARED).is_err(), "publishing is not receiving");
    let module = |memory: &str| wasm(&format!("(module {sensor} {memory} {REACTOR})"));
    assert!(admit(&manifest, &module(memory), &SlotClass::SHARED).is_ok());
    let without = admit(&manifest, &module(""), &SlotClass::SHARED).unwrap_err();
    assert_eq!(
        without,
        AdmissionError::Export {
            name: "memory",
            why: "missing, but host functions are imported that use it"
        }
    );
}

#[test]
fn exports_need_the_right_kind_and_signature() {
    let refusal = |text: &str| {
        let error = admit(&manifest(manifest::Shape::Reactor), &wasm(text), &SlotClass::SHARED);
        error.unwrap_err().to_string()
    };
    let init = r#"(func (export "cofferdam_init"))"#;
    assert_eq!(refusal(&format!("(module {init})")), "cofferdam_tick: missing");
    assert_eq!(
        refusal(&format!(r#"(module {init} (func (export "cofferdam_tick") (param i32)))"#)),
        "cofferdam_tick: wrong signature"
    );
    assert_eq!(
        refusal(&format!(r#"(module {init} (global (export "cofferdam_tick") i32 (i32.const 1)))"#)),
        "cofferdam_tick: not a function"
    );
    assert_eq!(refusal(&format!(r#"(module {REACTOR} (func (export "memory")))"#)), "memory: not a memory");
}

#[test]
fn counts_and_memory_are_bounded() {
    assert_eq!(refusal(r#"(memory 3)"#), "it begins with 3 pages, the manifest allows 2");
    assert!(reactor_with("(memory 1 100)").is_ok(), "the maximum is the runtime's to enforce");
    assert_eq!(refusal("(memory 1) (memory 1)"), "2 memories, at most 1");
    let max = Limits::MAXIMUM;
    let many = |item: &str, count: u32| item.repeat(count as usize);
    assert_eq!(
        refusal(&many("(func)", max.functions)),
        format!("{} functions, at most {}", max.functions + 2, max.functions)
    );
    assert!(refusal(&many("(global i32 (i32.const 0))", max.globals + 1)).contains("globals"));
    assert!(refusal(&many("(table 1 funcref)", max.tables + 1)).contains("tables"));
    assert!(refusal(&format!("(table {} funcref)", max.table_elements + 1)).contains("table elements"));
    let data = many(r#"(data (i32.const 0) "")"#, max.segments + 1);
    assert!(refusal(&format!("(memory 1) {data}")).contains("data segments"));
}

#[test]
fn figures_are_held_against_the_slot() {
    let module = wasm(&format!("(module {REACTOR})"));
    let refusal = |change: fn(&mut App)| {
        let mut manifest = manifest(manifest::Shape::Reactor);
        change(&mut manifest.app);
        admit(&manifest, &module, &SlotClass::SHARED).unwrap_err().to_string()
    };
    assert_eq!(refusal(|app| app.memory_pages = 41), "memory_pages is 41, at most 40 allowed");
    assert!(refusal(|app| app.fuel_per_activation = u64::MAX).contains("fuel_per_activation"));
    assert!(refusal(|app| app.period_us = 499).contains("period of 499 us"));
    assert_eq!(
        refusal(|app| app.fuel_per_activation = 500_001),
        "up to 501 thousandths of the processor, at most 500"
    );
}

/// Modules that each need one proposal: the interpreter and admission must agree about every one.
#[test]
fn the_profile_is_that_of_the_interpreter() {
    let mut config = wasmi::Config::default();
    config.wasm_multi_memory(false).wasm_custom_page_sizes(false).wasm_wide_arithmetic(false);
    let engine = wasmi::Engine::new(&config);
    let modules = [
        ("multi-value", "(func (result i32 i32) i32.const 1 i32.const 2)", true),
        ("sign extension", "(func (result i32) i32.const 1 i32.extend8_s)", true),
        ("saturating", "(func (result i32) f32.const 1 i32.trunc_sat_f32_s)", true),
        ("bulk memory", "(memory 1) (func i32.const 0 i32.const 0 i32.const 0 memory.fill)", true),
        ("reference types", "(table 1 externref) (func (param externref))", true),
        ("tail call", "(func $f return_call $f)", true),
        ("extended const", "(global i32 (i32.add (i32.const 1) (i32.const 2)))", true),
        ("mutable global", "(global (export \"g\") (mut i32) (i32.const 1))", true),
        ("simd", "(func (result v128) v128.const i64x2 0 0)", false),
        ("threads", "(memory 1 1 shared)", false),
        ("atomics", "(memory 1) (func i32.const 0 i32.const 0 i32.atomic.store)", false),
        ("multi-memory", "(memory 1) (memory 1)", false),
        ("memory64", "(memory i64 1)", false),
        ("gc", "(type (struct (field i32)))", false),
        ("typed references", "(type $t (func)) (func (param (ref $t)))", false),
        ("exceptions", "(tag)", false),
        ("legacy exceptions", "(func try nop catch_all nop end)", false),
        ("custom page sizes", "(memory 1 (pagesize 1))", false),
        (
            "wide arithmetic",
            "(func (param i64 i64 i64 i64) (result i64 i64) local.get 0 local.get 1 local.get 2 local.get 3 i64.add128)",
            false,
        ),
        (
            "function references",
            "(type $t (func)) (func (param funcref) local.get 0 ref.as_non_null drop)",
            false,
        ),
    ];
    for (name, fields, expected) in modules {
        let module = wasm(&format!("(module {fields} {REACTOR})"));
        let admitted = admit(&manifest(manifest::Shape::Reactor), &module, &SlotClass::SHARED);
        assert_eq!(admitted.is_ok(), expected, "{name}: {admitted:?}");
        assert_eq!(wasmi::Module::new(&engine, &module).is_ok(), expected, "{name} in wasmi");
    }
}

#[test]
fn other_things_are_no_modules() {
    let admit = |bytes: &[u8]| admit(&manifest(manifest::Shape::Reactor), bytes, &SlotClass::SHARED);
    assert!(matches!(admit(b""), Err(AdmissionError::Invalid(_))));
    assert!(matches!(admit(b"\x7fELF"), Err(AdmissionError::Invalid(_))));
    assert!(matches!(admit(&wasm("(component)")), Err(AdmissionError::Invalid(_))));
    let mut longer = wasm(&format!("(module {REACTOR})"));
    longer.push(0);
    assert!(matches!(admit(&longer), Err(AdmissionError::Invalid(_))));
    let too_long = vec![0; Limits::MAXIMUM.module_bytes as usize + 1];
    assert!(matches!(admit(&too_long), Err(AdmissionError::Count { what: "bytes", .. })));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_never_admitted(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let module = [b"\0asm\x01\0\0\0", bytes.as_slice()].concat();
        prop_assert!(admit(&manifest(manifest::Shape::Reactor), &module, &SlotClass::SHARED).is_err());
    }

    #[test]
    fn what_admission_lets_through_the_interpreter_takes(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut module = wasm(&format!(
            r#"(module (memory (export "memory") 1) (table 2 funcref) (elem (i32.const 0) $f)
                (global $g (mut i32) (i32.const 7)) (data (i32.const 8) "hello")
                (func $f (param i32) (result i32) local.get 0 global.get $g i32.add)
                (func (export "g") (result i32) (call_indirect (param i32) (result i32) (i32.const 1) (i32.const 0)))
                {REACTOR})"#
        ));
        for (at, value) in changes {
            let at = at.index(module.len());
            module[at] = value;
        }
        let mut config = wasmi::Config::default();
        config.wasm_multi_memory(false);
        let engine = wasmi::Engine::new(&config);
        if admit(&manifest(manifest::Shape::Reactor), &module, &SlotClass::SHARED).is_ok() {
            prop_assert!(wasmi::Module::new(&engine, &module).is_ok());
        }
    }

    #[test]
    fn utilisation_is_rounded_up_and_never_panics(fuel: u64, period_us: u64) {
        let permille = utilisation_permille(fuel, period_us);
        prop_assert!(permille > 0 || fuel == 0);
    }
}
