// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Names and signatures of every function that crosses the wall of an app.

/// A Wasm value type that the ABI uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// 32-bit integer, also pointers and lengths.
    I32,
    /// 64-bit integer, also times.
    I64,
    /// 64-bit float: quantities.
    F64,
}

/// Parameters and results of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// Parameter types in order.
    pub params: &'static [ValueType],
    /// Result types: none or one.
    pub results: &'static [ValueType],
}

/// A function by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// The import's or export's name.
    pub name: &'static str,
    /// Its type.
    pub signature: Signature,
}

/// Import module of our own functions.
pub const COFFERDAM_MODULE: &str = "cofferdam";
/// Import module of WASI preview 1.
pub const WASI_MODULE: &str = "wasi_snapshot_preview1";

/// The linear memory that pointers refer to. Required if the module imports a function that takes pointers.
pub const MEMORY_EXPORT: &str = "memory";
/// Called once before the first tick of a reactor.
pub const INIT_EXPORT: &str = "cofferdam_init";
/// Called once per period with the time of release.
pub const TICK_EXPORT: &str = "cofferdam_tick";
/// Entry of a command.
pub const START_EXPORT: &str = "_start";

use ValueType::{F64, I32, I64};

const fn function(
    name: &'static str,
    params: &'static [ValueType],
    results: &'static [ValueType],
) -> Function {
    Function { name, signature: Signature { params, results } }
}

pub(crate) const REACTOR_EXPORTS: [Function; 2] =
    [function(INIT_EXPORT, &[], &[]), function(TICK_EXPORT, &[I64], &[])];
pub(crate) const COMMAND_EXPORTS: [Function; 1] = [function(START_EXPORT, &[], &[])];

/// Functions of module [`COFFERDAM_MODULE`].
pub const COFFERDAM: &[Function] = &[
    // (sensor, buffer, capacity_bytes) -> number of values
    function("sensor_read", &[I32, I32, I32], &[I32]),
    // (sensor, buffer, capacity_bytes) -> bytes written
    function("sensor_info", &[I32, I32, I32], &[I32]),
    // (actuator, duration_us) -> time at which the lease runs out, µs
    function("lease_acquire", &[I32, I64], &[I64]),
    // (actuator, value) -> 0
    function("actuator_write", &[I32, F64], &[I32]),
    // (actuator) -> 0
    function("lease_release", &[I32], &[I32]),
    // () -> the time, µs
    function("now_us", &[], &[I64]),
    // () -> when this activation should be over, µs
    function("deadline_us", &[], &[I64]),
    // () -> fuel left in this activation
    function("fuel_left", &[], &[I64]),
    // (level 1 error … 5 trace, text, length_bytes) -> 0
    function("log", &[I32, I32, I32], &[I32]),
    // (topic, topic_length, data, data_length) -> 0; the latest message of the topic is this from now on
    function("publish", &[I32, I32, I32, I32], &[I32]),
    // (topic, topic_length, buffer, capacity) -> bytes of the latest message, which lies behind a header in the buffer
    function("receive", &[I32, I32, I32, I32], &[I32]),
];

/// Functions of module [`WASI_MODULE`]: all of preview 1, so that whatever `wasm32-wasip1` emits links.
/// Those that the runtime does not serve answer `ENOSYS`.
pub const WASI: &[Function] = &[
    function("args_get", &[I32, I32], &[I32]),
    function("args_sizes_get", &[I32, I32], &[I32]),
    function("environ_get", &[I32, I32], &[I32]),
    function("environ_sizes_get", &[I32, I32], &[I32]),
    function("clock_res_get", &[I32, I32], &[I32]),
    function("clock_time_get", &[I32, I64, I32], &[I32]),
    function("fd_advise", &[I32, I64, I64, I32], &[I32]),
    function("fd_allocate", &[I32, I64, I64], &[I32]),
    function("fd_close", &[I32], &[I32]),
    function("fd_datasync", &[I32], &[I32]),
    function("fd_fdstat_get", &[I32, I32], &[I32]),
    function("fd_fdstat_set_flags", &[I32, I32], &[I32]),
    function("fd_fdstat_set_rights", &[I32, I64, I64], &[I32]),
    function("fd_filestat_get", &[I32, I32], &[I32]),
    function("fd_filestat_set_size", &[I32, I64], &[I32]),
    function("fd_filestat_set_times", &[I32, I64, I64, I32], &[I32]),
    function("fd_pread", &[I32, I32, I32, I64, I32], &[I32]),
    function("fd_prestat_get", &[I32, I32], &[I32]),
    function("fd_prestat_dir_name", &[I32, I32, I32], &[I32]),
    function("fd_pwrite", &[I32, I32, I32, I64, I32], &[I32]),
    function("fd_read", &[I32, I32, I32, I32], &[I32]),
    function("fd_readdir", &[I32, I32, I32, I64, I32], &[I32]),
    function("fd_renumber", &[I32, I32], &[I32]),
    function("fd_seek", &[I32, I64, I32, I32], &[I32]),
    function("fd_sync", &[I32], &[I32]),
    function("fd_tell", &[I32, I32], &[I32]),
    function("fd_write", &[I32, I32, I32, I32], &[I32]),
    function("path_create_directory", &[I32, I32, I32], &[I32]),
    function("path_filestat_get", &[I32, I32, I32, I32, I32], &[I32]),
    function("path_filestat_set_times", &[I32, I32, I32, I32, I64, I64, I32], &[I32]),
    function("path_link", &[I32, I32, I32, I32, I32, I32, I32], &[I32]),
    function("path_open", &[I32, I32, I32, I32, I32, I64, I64, I32, I32], &[I32]),
    function("path_readlink", &[I32, I32, I32, I32, I32, I32], &[I32]),
    function("path_remove_directory", &[I32, I32, I32], &[I32]),
    function("path_rename", &[I32, I32, I32, I32, I32, I32], &[I32]),
    function("path_symlink", &[I32, I32, I32, I32, I32], &[I32]),
    function("path_unlink_file", &[I32, I32, I32], &[I32]),
    function("poll_oneoff", &[I32, I32, I32, I32], &[I32]),
    function("proc_exit", &[I32], &[]),
    function("proc_raise", &[I32], &[I32]),
    function("sched_yield", &[], &[I32]),
    function("random_get", &[I32, I32], &[I32]),
    function("sock_accept", &[I32, I32, I32], &[I32]),
    function("sock_recv", &[I32, I32, I32, I32, I32, I32], &[I32]),
    function("sock_send", &[I32, I32, I32, I32, I32], &[I32]),
    function("sock_shutdown", &[I32, I32], &[I32]),
];

/// The function that an import names, if there is one.
pub fn find(module: &str, name: &str) -> Option<&'static Function> {
    let table = match module {
        COFFERDAM_MODULE => COFFERDAM,
        WASI_MODULE => WASI,
        _ => return None,
    };
    table.iter().find(|function| function.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for table in [COFFERDAM, WASI] {
            for (index, function) in table.iter().enumerate() {
                assert!(table[..index].iter().all(|other| other.name != function.name), "{}", function.name);
            }
        }
    }

    #[test]
    fn imports_are_found_by_module_and_name() {
        assert_eq!(find("cofferdam", "lease_acquire").unwrap().signature.results, &[I64]);
        assert!(find("cofferdam", "fd_write").is_none());
        assert!(find("env", "sensor_read").is_none());
        assert_eq!(find("wasi_snapshot_preview1", "proc_exit").unwrap().signature.results, &[]);
    }
}
