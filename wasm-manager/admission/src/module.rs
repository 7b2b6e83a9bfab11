// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One pass over the module: counts, validation, imports, memory, exports.

use alloc::format;
use alloc::string::String;

use cofferdam_host_abi::{Limits, MEMORY_EXPORT, Shape};
use cofferdam_package::manifest::Permissions;
use wasmparser::types::{EntityType, Types, TypesRef};
use wasmparser::{
    BinaryReaderError, CompositeInnerType, FuncType, FuncValidatorAllocations, Parser, Payload, SubType,
    ValidPayload, Validator, WasmFeatures,
};

use crate::{AdmissionError, imports};

/// The deterministic profile, as the interpreter in the slots is set: no SIMD, no threads, one memory of 32
/// bits. A test compares the two.
#[must_use]
pub fn features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::GC_TYPES // what wasmparser needs for reference types; no GC instruction comes with it
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::FLOATS
}

/// Checks everything about the module.
pub(crate) fn check(
    module: &[u8],
    limits: &Limits,
    shape: Shape,
    permissions: &Permissions,
) -> Result<(), AdmissionError> {
    at_most("bytes", module.len() as u64, limits.module_bytes)?;
    let mut validator = Validator::new_with_features(features());
    let mut allocations = FuncValidatorAllocations::default();
    let mut functions = 0;
    let mut needs_memory = false;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(invalid)?;
        // Counts first: the validator allocates by them.
        count(&payload, limits, &mut functions)?;
        match validator.payload(&payload).map_err(invalid)? {
            ValidPayload::Func(function, body) => {
                let mut function = function.into_validator(core::mem::take(&mut allocations));
                function.validate(&body).map_err(invalid)?;
                allocations = function.into_allocations();
            }
            ValidPayload::End(types) => {
                check_memory(types.as_ref(), limits)?;
                return check_exports(&types, shape, needs_memory);
            }
            ValidPayload::Ok | ValidPayload::Parser(_) => {}
        }
        if let Payload::ImportSection(section) = &payload {
            let types = validator.types(0);
            for import in section.clone() {
                let type_at = |index| function_type(types.as_ref()?, index);
                needs_memory |= imports::check(&import.map_err(invalid)?, type_at, permissions)?;
            }
        }
    }
    Err(AdmissionError::Invalid(String::from("the module has no end")))
}

fn count(payload: &Payload<'_>, limits: &Limits, functions: &mut u64) -> Result<(), AdmissionError> {
    match payload {
        Payload::TypeSection(section) => at_most("types", section.count().into(), Limits::TYPES),
        Payload::ImportSection(section) => {
            *functions = functions.saturating_add(section.count().into());
            at_most("functions", *functions, limits.functions)
        }
        Payload::FunctionSection(section) => {
            *functions = functions.saturating_add(section.count().into());
            at_most("functions", *functions, limits.functions)
        }
        Payload::TableSection(section) => {
            at_most("tables", section.count().into(), limits.tables)?;
            let mut elements = 0u64;
            for table in section.clone() {
                elements = elements.saturating_add(table.map_err(invalid)?.ty.initial);
            }
            at_most("table elements", elements, limits.table_elements)
        }
        Payload::MemorySection(section) => at_most("memories", section.count().into(), Limits::MEMORIES),
        Payload::GlobalSection(section) => at_most("globals", section.count().into(), limits.globals),
        Payload::ExportSection(section) => at_most("exports", section.count().into(), limits.functions),
        Payload::ElementSection(section) => {
            at_most("element segments", section.count().into(), limits.segments)
        }
        Payload::DataCountSection { count, .. } => at_most("data segments", (*count).into(), limits.segments),
        Payload::DataSection(section) => at_most("data segments", section.count().into(), limits.segments),
        _ => Ok(()),
    }
}

fn at_most(what: &'static str, count: u64, max: u32) -> Result<(), AdmissionError> {
    let max = u64::from(max);
    if count > max { Err(AdmissionError::Count { what, count, max }) } else { Ok(()) }
}

fn check_memory(types: TypesRef<'_>, limits: &Limits) -> Result<(), AdmissionError> {
    if types.memory_count() == 0 {
        return Ok(());
    }
    let pages = types.memory_at(0).initial;
    if pages > u64::from(limits.memory_pages) {
        return Err(AdmissionError::Memory { pages, max: limits.memory_pages });
    }
    Ok(())
}

fn check_exports(types: &Types, shape: Shape, needs_memory: bool) -> Result<(), AdmissionError> {
    let types = types.as_ref();
    let export = |name: &str| {
        let mut exports = types.core_exports().into_iter().flatten();
        exports.find(|(exported, _)| *exported == name).map(|(_, entity)| entity)
    };
    for function in shape.required_exports() {
        let fits = match export(function.name) {
            None => Err("missing"),
            Some(EntityType::Func(id)) => {
                let ty = types.get(id).and_then(as_function);
                if ty.is_some_and(|ty| imports::is_function(ty, function)) {
                    Ok(())
                } else {
                    Err("wrong signature")
                }
            }
            Some(_) => Err("not a function"),
        };
        fits.map_err(|why| AdmissionError::Export { name: function.name, why })?;
    }
    match export(MEMORY_EXPORT) {
        Some(EntityType::Memory(_)) => Ok(()),
        None if !needs_memory => Ok(()),
        None => Err("missing, but host functions are imported that use it"),
        Some(_) => Err("not a memory"),
    }
    .map_err(|why| AdmissionError::Export { name: MEMORY_EXPORT, why })
}

fn function_type(types: &TypesRef<'_>, index: u32) -> Option<FuncType> {
    if index >= types.core_type_count_in_module() {
        return None;
    }
    as_function(types.get(types.core_type_at_in_module(index))?).cloned()
}

fn as_function(ty: &SubType) -> Option<&FuncType> {
    match &ty.composite_type.inner {
        CompositeInnerType::Func(ty) => Some(ty),
        _ => None,
    }
}

fn invalid(error: BinaryReaderError) -> AdmissionError {
    // The validator may quote names of the module: keep the text short and in one line.
    let text: String = error.message().chars().filter(|c| !c.is_control()).take(120).collect();
    AdmissionError::Invalid(format!("{text} (at byte {})", error.offset()))
}
