// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Resolves a module's imports from the tables of the host ABI.

use alloc::vec::Vec;

use cofferdam_host_abi::{COFFERDAM_MODULE, Signature, ValueType, find};
use cofferdam_slot_protocol::StopReason;
use wasmi::{Extern, ExternType, FuncType, Module, Store, ValType};

use crate::state::State;
use crate::{Host, Stop, calls, wasi};

/// The functions for all imports of `module`, in order.
pub(crate) fn imports<H: Host>(store: &mut Store<State<H>>, module: &Module) -> Result<Vec<Extern>, Stop> {
    module
        .imports()
        .map(|import| {
            let (from, name) = (import.module(), import.name());
            let unknown = || Stop::new(StopReason::ImportUnknown, format_args!("{from}.{name}"));
            let function = find(from, name).ok_or_else(unknown)?;
            let expected = func_type(&function.signature);
            if !matches!(import.ty(), ExternType::Func(actual) if *actual == expected) {
                return Err(Stop::new(
                    StopReason::ImportUnknown,
                    format_args!("{from}.{name} has another signature"),
                ));
            }
            let func = match from {
                COFFERDAM_MODULE => calls::function(store, name),
                _ => Some(wasi::function(store, name, expected)),
            };
            func.map(Extern::Func).ok_or_else(unknown)
        })
        .collect()
}

/// The interpreter's word for a signature.
pub(crate) fn func_type(signature: &Signature) -> FuncType {
    FuncType::new(signature.params.iter().map(val_type), signature.results.iter().map(val_type))
}

fn val_type(value: &ValueType) -> ValType {
    match value {
        ValueType::I32 => ValType::I32,
        ValueType::I64 => ValType::I64,
        ValueType::F64 => ValType::F64,
    }
}
