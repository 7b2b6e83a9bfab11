// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The C header against the crates that own what it says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use cofferdam_device_protocol::{ACTUATORS, SENSORS};
use cofferdam_host_abi::{
    COFFERDAM, ErrorCode, Function, MESSAGE_BYTES_MAX, READING_VALUES_MAX, Shape, ValueType,
};

const HEADER: &str = include_str!("../include/cofferdam.h");

/// `NotPermitted` or `motor-0` as C has it.
fn in_c(name: &str) -> String {
    let mut words = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.push(if character == '-' { '_' } else { character.to_ascii_uppercase() });
    }
    words
}

/// The constants of an enum, in order.
fn constants(name: &str) -> Vec<(String, i64)> {
    let (_, rest) = HEADER.split_once(&format!("enum {name} {{")).unwrap();
    let (body, _) = rest.split_once("};").unwrap();
    body.lines()
        .filter_map(|line| line.trim().split_once(" = "))
        .map(|(name, rest)| (name.to_owned(), rest.split(',').next().unwrap().parse().unwrap()))
        .collect()
}

fn value_type(declaration: &str) -> ValueType {
    let words: Vec<&str> = declaration.split_whitespace().collect();
    match words[..] {
        _ if declaration.contains('*') => ValueType::I32,
        ["int32_t" | "size_t", ..] => ValueType::I32,
        ["int64_t", ..] => ValueType::I64,
        ["double", ..] => ValueType::F64,
        _ => panic!("an unknown type in '{declaration}'"),
    }
}

/// What stands behind `IMPORT(name)` or `EXPORT(name)`, as a signature.
fn declared(kind: &str, name: &str) -> (Vec<ValueType>, Vec<ValueType>) {
    let (_, rest) = HEADER.split_once(&format!("\nCOFFERDAM_{kind}({name})\n")).unwrap();
    let (declaration, _) = rest.split_once(");").unwrap();
    let (result, params) = declaration.split_once('(').unwrap();
    let params = params.split(',').filter(|param| param.trim() != "void").map(value_type).collect();
    let results = if result.starts_with("void ") { vec![] } else { vec![value_type(result)] };
    (params, results)
}

fn same(kind: &str, functions: &[Function]) {
    for Function { name, signature } in functions {
        let (params, results) = declared(kind, name);
        assert_eq!((params.as_slice(), results.as_slice()), (signature.params, signature.results), "{name}");
    }
    let declared = HEADER.matches(&format!("\nCOFFERDAM_{kind}(")).count();
    assert_eq!(declared, functions.len(), "nothing else is declared");
}

#[test]
fn functions_are_those_of_the_abi() {
    same("IMPORT", COFFERDAM);
    same("EXPORT", Shape::Reactor.required_exports());
}

#[test]
fn numbers_are_those_of_the_abi_and_the_devices() {
    let errors: Vec<(String, i64)> = ErrorCode::ALL
        .iter()
        .map(|code| (format!("COFFERDAM_{}", in_c(&format!("{code:?}"))), code.code().into()))
        .collect();
    assert_eq!(constants("cofferdam_error"), errors);
    let named = |kind: &str, names: Vec<&str>| -> Vec<(String, i64)> {
        let name = |name: &str| format!("COFFERDAM_{kind}_{}", in_c(name));
        names.iter().enumerate().map(|(id, one)| (name(one), id as i64)).collect()
    };
    let sensors = SENSORS.iter().map(|sensor| sensor.name).collect();
    assert_eq!(constants("cofferdam_sensor"), named("SENSOR", sensors));
    let actuators = ACTUATORS.iter().map(|actuator| actuator.name).collect();
    assert_eq!(constants("cofferdam_actuator"), named("ACTUATOR", actuators));
    let levels: Vec<i64> = constants("cofferdam_level").into_iter().map(|(_, level)| level).collect();
    assert_eq!(levels, [1, 2, 3, 4, 5]);
    for (name, value) in
        [("READING_VALUES_MAX", READING_VALUES_MAX), ("MESSAGE_BYTES_MAX", MESSAGE_BYTES_MAX)]
    {
        assert!(HEADER.contains(&format!("#define COFFERDAM_{name} {value}\n")), "{name}");
    }
}
