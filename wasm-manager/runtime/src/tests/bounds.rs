// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Modules that are not even started.

use super::*;

fn reason(text: &str) -> StopReason {
    refused(load_with(&orders(Shape::Reactor), text).1).reason
}

#[test]
fn exports_must_be_there_and_have_their_signature() {
    use StopReason::{ExportMissing, ExportSignature};
    let init = r#"(func (export "cofferdam_init"))"#;
    let tick = r#"(func (export "cofferdam_tick") (param i64))"#;
    assert_eq!(reason(&format!("(module {init})")), ExportMissing);
    assert_eq!(reason(&format!("(module {tick})")), ExportMissing);
    assert_eq!(
        reason(&format!(r#"(module {init} (func (export "cofferdam_tick") (param i32)))"#)),
        ExportSignature
    );
    assert_eq!(reason(&format!(r#"(module {init} (func (export "cofferdam_tick")))"#)), ExportSignature);
    assert_eq!(
        reason(&format!(r#"(module {init} (global (export "cofferdam_tick") i64 (i64.const 0)))"#)),
        ExportSignature
    );
    assert_eq!(
        reason(&format!(r#"(module {tick} (func (export "cofferdam_init") (result i32) (i32.const 0)))"#)),
        ExportSignature
    );
    let stop = refused(load_with(&orders(Shape::Command), "(module)").1);
    assert_eq!(stop.to_string(), "missing export (_start)");
}

#[test]
fn imports_must_be_known() {
    let import = |import: &str| refused(load_with(&orders(Shape::Reactor), &reactor(import, "")).1);
    let stop = import(r#"(import "env" "system" (func (param i32) (result i32)))"#);
    assert_eq!(stop.to_string(), "unknown import (env.system)");
    let stop = import(r#"(import "cofferdam" "log" (func (param i64)))"#);
    assert_eq!(stop.to_string(), "unknown import (cofferdam.log has another signature)");
    let stop = import(r#"(import "cofferdam" "log" (memory 1))"#);
    assert_eq!(stop.reason, StopReason::ImportUnknown);
}

#[test]
fn every_import_of_the_abi_links() {
    use cofferdam_host_abi::{COFFERDAM, COFFERDAM_MODULE, Function, ValueType, WASI, WASI_MODULE};
    let types = |types: &[ValueType]| -> String {
        types.iter().map(|value| format!(" {value:?}").to_lowercase()).collect()
    };
    let import = |module: &str, function: &Function| {
        format!(
            r#"(import "{module}" "{}" (func (param{}) (result{})))"#,
            function.name,
            types(function.signature.params),
            types(function.signature.results)
        )
    };
    let imports: String = (COFFERDAM.iter().map(|function| import(COFFERDAM_MODULE, function)))
        .chain(WASI.iter().map(|function| import(WASI_MODULE, function)))
        .collect();
    assert!(load_with(&orders(Shape::Reactor), &reactor(&imports, "")).1.is_ok());
}

#[test]
fn too_much_of_anything_is_refused() {
    let limits = Limits { functions: 8, globals: 2, tables: 1, segments: 2, ..Limits::DEFAULT };
    let refusal = |fields: &str| {
        let (_, app) = load_with(&Orders { limits, ..orders(Shape::Reactor) }, &reactor(fields, ""));
        refused(app).to_string()
    };
    assert_eq!(refusal(&"(func)".repeat(7)), "module rejected (9 functions, at most 8)");
    assert_eq!(refusal(&"(global i32 (i32.const 0))".repeat(3)), "module rejected (3 globals, at most 2)");
    assert_eq!(refusal(&"(table 1 funcref)".repeat(2)), "module rejected (2 tables, at most 1)");
    let data = "(memory 1)".to_string() + &r#"(data (i32.const 0) "x")"#.repeat(3);
    assert_eq!(refusal(&data), "module rejected (3 data segments, at most 2)");
    let elements = "(table 1 funcref) (func $f)".to_string() + &"(elem (i32.const 0) $f)".repeat(3);
    assert_eq!(refusal(&elements), "module rejected (3 element segments, at most 2)");
    let small = Limits { module_bytes: 40, ..Limits::DEFAULT };
    let stop = refused(load_with(&Orders { limits: small, ..orders(Shape::Reactor) }, &reactor("", "")).1);
    assert_eq!(stop.reason, StopReason::ModuleRejected);
}

#[test]
fn huge_tables_and_memories_are_not_set_up() {
    for fields in ["(table 1000000 funcref)", "(memory 17)", "(memory 65536)"] {
        let stop = refused(load_with(&orders(Shape::Reactor), &reactor(fields, "")).1);
        assert_eq!(stop.reason, StopReason::InstantiationFailed, "{fields}: {stop}");
    }
}

#[test]
fn segments_outside_are_refused() {
    let stop = refused(
        load_with(&orders(Shape::Reactor), &reactor(r#"(memory 1) (data (i32.const 65535) "xy")"#, "")).1,
    );
    assert_eq!(stop.reason, StopReason::MemoryOutOfBounds, "{stop}");
    let elements = "(table 1 funcref) (func $f) (elem (i32.const 1) $f)";
    let stop = refused(load_with(&orders(Shape::Reactor), &reactor(elements, "")).1);
    assert_eq!(stop.reason, StopReason::TableOutOfBounds, "{stop}");
}

#[test]
fn excluded_features_are_refused() {
    for fields in [
        "(memory 1) (memory 1)",
        "(memory i64 1)",
        "(func (result v128) (v128.const i64x2 0 0))",
        "(memory 1 1 shared)",
    ] {
        assert_eq!(reason(&reactor(fields, "")), StopReason::ModuleRejected, "{fields}");
    }
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    let load = |bytes: &[u8]| refused(App::load(&orders(Shape::Reactor), bytes, Fake::default())).reason;
    assert_eq!(load(b""), StopReason::ModuleRejected);
    assert_eq!(load(b"\0asm\x01\0\0\0\xff"), StopReason::ModuleRejected);
    // No names, so that the code is last in the module.
    let text = r#"(module (memory 1) (func (export "cofferdam_init"))
        (func (export "cofferdam_tick") (param i64) (drop (i32.load (i32.const 0)))))"#;
    let module = wat::parse_str(text).unwrap();
    assert!(App::load(&orders(Shape::Reactor), &module, Fake::default()).is_ok());
    for length in 0..module.len() {
        assert!(App::load(&orders(Shape::Reactor), &module[..length], Fake::default()).is_err());
    }
}

proptest::proptest! {
    #[test]
    fn a_damaged_module_never_panics(at in 8usize..200, value: u8) {
        let text = reactor(
            r#"(import "cofferdam" "now_us" (func $now_us (result i64))) (memory 1) (table 2 funcref)
               (elem (i32.const 0) $f) (func $f) (data (i32.const 0) "data") (global (mut i64) (i64.const 0))"#,
            "(global.set 0 (call $now_us)) (call_indirect (i32.const 0)) (i64.store (i32.const 0) (local.get $now))",
        );
        let mut module = wat::parse_str(text).unwrap();
        let at = at % module.len();
        module[at] = value;
        if let Ok(mut app) = App::load(&orders(Shape::Reactor), &module, Fake::default()) {
            let _ = app.activate(0, 10);
        }
    }
}
