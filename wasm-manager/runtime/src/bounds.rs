// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Bounds on the module itself, checked before the interpreter spends memory on it.

use cofferdam_host_abi::Limits;
use cofferdam_slot_protocol::StopReason;
use wasmparser::{BinaryReaderError, Parser, Payload};

use crate::Stop;

/// Refuses a module with more of something than the limits allow. Everything else about it is validated
/// by the interpreter.
pub(crate) fn check(module: &[u8], limits: &Limits) -> Result<(), Stop> {
    at_most("bytes", module.len() as u64, limits.module_bytes)?;
    let mut functions = 0u64;
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(malformed)? {
            Payload::ImportSection(section) => {
                functions = functions.saturating_add(section.count().into());
                at_most("imports", functions, limits.functions)?;
            }
            Payload::FunctionSection(section) => {
                functions = functions.saturating_add(section.count().into());
                at_most("functions", functions, limits.functions)?;
            }
            Payload::TypeSection(section) => at_most("types", section.count().into(), limits.functions)?,
            Payload::TableSection(section) => at_most("tables", section.count().into(), limits.tables)?,
            Payload::MemorySection(section) => {
                at_most("memories", section.count().into(), Limits::MEMORIES)?;
            }
            Payload::GlobalSection(section) => at_most("globals", section.count().into(), limits.globals)?,
            Payload::ExportSection(section) => at_most("exports", section.count().into(), limits.functions)?,
            Payload::ElementSection(section) => {
                at_most("element segments", section.count().into(), limits.segments)?;
            }
            Payload::DataSection(section) => {
                at_most("data segments", section.count().into(), limits.segments)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn at_most(what: &str, count: u64, maximum: u32) -> Result<(), Stop> {
    if count > maximum.into() {
        return Err(Stop::new(StopReason::ModuleRejected, format_args!("{count} {what}, at most {maximum}")));
    }
    Ok(())
}

fn malformed(error: BinaryReaderError) -> Stop {
    Stop::new(StopReason::ModuleRejected, format_args!("{error}"))
}
