// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Which imports a manifest permits.

use alloc::format;

use cofferdam_host_abi::{COFFERDAM_MODULE, Function, Signature, ValueType, find};
use cofferdam_package::manifest::Permissions;
use wasmparser::{FuncType, Import, TypeRef, ValType};

use crate::AdmissionError;

/// Host functions without a pointer among their parameters. A module that imports any other must export its
/// memory.
const WITHOUT_POINTERS: &[&str] = &[
    "lease_acquire",
    "actuator_write",
    "lease_release",
    "now_us",
    "deadline_us",
    "fuel_left",
    "fd_advise",
    "fd_allocate",
    "fd_close",
    "fd_datasync",
    "fd_fdstat_set_flags",
    "fd_fdstat_set_rights",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_renumber",
    "fd_sync",
    "proc_exit",
    "proc_raise",
    "sched_yield",
    "sock_shutdown",
];

/// Checks one import. Returns whether it takes pointers into the app's memory.
pub(crate) fn check(
    import: &Import<'_>,
    type_at: impl FnOnce(u32) -> Option<FuncType>,
    permissions: &Permissions,
) -> Result<bool, AdmissionError> {
    let refuse = |why| {
        // Names come from the module: shorten them and take the control characters out.
        let text = format!("{}.{}", import.module, import.name);
        let import = text.chars().filter(|c| !c.is_control()).take(80).collect();
        Err(AdmissionError::Import { import, why })
    };
    let TypeRef::Func(index) = import.ty else {
        return refuse("only functions can be imported");
    };
    let Some(function) = find(import.module, import.name) else {
        return refuse("the host has no such function");
    };
    if !type_at(index).is_some_and(|ty| has_signature(&ty, &function.signature)) {
        return refuse("wrong signature");
    }
    if import.module == COFFERDAM_MODULE {
        match import.name {
            "sensor_read" | "sensor_info" if permissions.sensors.is_empty() => {
                return refuse("the manifest names no sensor");
            }
            "lease_acquire" | "lease_release" | "actuator_write" if permissions.actuators.is_empty() => {
                return refuse("the manifest names no actuator");
            }
            "publish" if permissions.publish().is_empty() => {
                return refuse("the manifest names no topic to publish");
            }
            "receive" if permissions.receive().is_empty() => {
                return refuse("the manifest names no topic to receive");
            }
            _ => {}
        }
    }
    Ok(!WITHOUT_POINTERS.contains(&import.name))
}

pub(crate) fn is_function(ty: &FuncType, function: &Function) -> bool {
    has_signature(ty, &function.signature)
}

fn has_signature(ty: &FuncType, signature: &Signature) -> bool {
    same(ty.params(), signature.params) && same(ty.results(), signature.results)
}

fn same(types: &[ValType], expected: &[ValueType]) -> bool {
    let expected = expected.iter().map(|ty| match ty {
        ValueType::I32 => ValType::I32,
        ValueType::I64 => ValType::I64,
        ValueType::F64 => ValType::F64,
    });
    types.iter().copied().eq(expected)
}
