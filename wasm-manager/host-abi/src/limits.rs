// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Every bound on an app, in one struct.

use core::fmt;

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $ty:ty, default $default:expr, maximum $maximum:expr;)*) => {
        /// The bounds that one app runs within. The manifest may choose them up to [`Limits::MAXIMUM`];
        /// what it leaves out is [`Limits::DEFAULT`]. The runtime enforces all of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Limits { $($(#[$doc])* pub $name: $ty,)* }

        impl Limits {
            /// For an app that asks for nothing in particular.
            pub const DEFAULT: Self = Self { $($name: $default,)* };

            /// The most that a slot of this class gives.
            pub const MAXIMUM: Self = Self { $($name: $maximum,)* };

            /// Are all bounds within [`Limits::MAXIMUM`]?
            pub fn check(&self) -> Result<(), LimitExceeded> {
                let maximum = Self::MAXIMUM;
                $(if self.$name > maximum.$name {
                    return Err(LimitExceeded {
                        limit: stringify!($name),
                        value: u64::from(self.$name),
                        maximum: u64::from(maximum.$name),
                    });
                })*
                Ok(())
            }
        }
    };
}

const KIB: u32 = 1024;

limits! {
    /// Size of the module. The maximum is the size of a slot's module region in `system.xml`.
    module_bytes: u32, default 1024 * KIB, maximum 1024 * KIB;
    /// Functions, imported ones included. Each costs the runtime some 100 bytes beside its code.
    functions: u32, default 4096, maximum 8192;
    /// Global variables.
    globals: u32, default 256, maximum 1024;
    /// Tables. Compilers emit one, for indirect calls.
    tables: u32, default 4, maximum 16;
    /// Elements of all tables together, 16 bytes each.
    table_elements: u32, default 4096, maximum 16_384;
    /// Data segments and element segments, each.
    segments: u32, default 1024, maximum 4096;
    /// Pages of 64 KiB of linear memory. Growing copies, so that twice the maximum must fit in the slot's
    /// 8 MiB of heap beside module and code: 2 × 2.5 MiB.
    memory_pages: u32, default 16, maximum 40;
    /// The interpreter's value stack, of which [`Limits::VALUE_STACK_INITIAL_BYTES`] are always there. 64 KiB hold a thousand frames of a usual size.
    value_stack_bytes: u32, default 64 * KIB, maximum 512 * KIB;
    /// Nested calls.
    call_depth: u32, default 256, maximum 2048;
    /// Fuel for instantiation, the start function and `cofferdam_init` together (the start function alone:
    /// [`Limits::FUEL_PORTION`]). One unit is about one
    /// Wasm instruction; a Cortex-A53 executes some hundred million a second, so the default is 0.1 s.
    init_fuel: u64, default 10_000_000, maximum 200_000_000;
    /// Fuel for one activation: a tick of a reactor or a slice of a command. Default: about 2 ms.
    fuel_per_activation: u64, default 200_000, maximum 100_000_000;
    /// Host calls in one activation, since one that crosses to a driver costs far more than its fuel tells.
    host_calls_per_activation: u32, default 256, maximum 4096;
    /// Bytes logged per second, newlines and all. What is above is dropped and counted.
    log_bytes_per_second: u32, default 2048, maximum 16 * KIB;
    /// Length of one log line; longer ones are cut. The maximum fits in a record of the log ring.
    log_line_bytes: u32, default 200, maximum 400;
}

impl Limits {
    /// Parameters, and results, of one function. Compilers stay below ten.
    pub const PARAMETERS: usize = 32;
    /// Types of functions: compilers emit some hundred. Reading them takes most of the verifier's heap.
    pub const TYPES: u32 = 2048;
    /// Linear memories of one module: pointers name none, so there can be one only.
    pub const MEMORIES: u32 = 1;
    /// Fuel that the interpreter runs on before it returns to the runtime and is resumed (or not): a straight
    /// piece of code that needs more, and a start function, cannot run. See the runtime's `fuel` module.
    pub const FUEL_PORTION: u64 = 200_000;
    /// Fuel for each call into the host: what it costs at least to leave the interpreter and come back.
    pub const FUEL_PER_HOST_CALL: u64 = 50;
    /// Bytes that a host call copies for one unit of fuel.
    pub const HOST_BYTES_PER_FUEL: u64 = 8;
    /// Bytes that one call of `log`, `fd_write` or `random_get` handles at most, so that no call takes long.
    pub const HOST_CALL_BYTES: u32 = 16 * KIB;
    /// Entries of one scatter list or of one set of subscriptions (WASI).
    pub const HOST_CALL_ENTRIES: u32 = 64;
    /// Bytes of the interpreter's value stack that are there from the start, so that most calls grow nothing.
    pub const VALUE_STACK_INITIAL_BYTES: u32 = 4 * KIB;
    /// Shortest period: a control loop faster than 2 kHz would spend its time on crossing walls.
    pub const PERIOD_US_MINIMUM: u64 = 500;
    /// Longest period.
    pub const PERIOD_US_MAXIMUM: u64 = 60_000_000;
    /// Period of a command's slices unless the manifest says otherwise: an endless command at default fuel
    /// takes a fifth of the processor.
    pub const PERIOD_US_DEFAULT: u64 = 10_000;
    /// Arguments of a program, beside its name, and variables of its environment: so many of each.
    pub const TEXTS: usize = 32;
    /// Bytes of all arguments together, and of all variables (`NAME=value`), with a zero byte after each. Orders
    /// with both stay within one page.
    pub const TEXTS_BYTES: usize = 1024;
    /// Longest name of an app, in bytes.
    pub const NAME_BYTES: usize = 32;
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A bound above what the slot gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitExceeded {
    /// Name of the bound, as in [`Limits`].
    pub limit: &'static str,
    /// What was asked for.
    pub value: u64,
    /// What can be had.
    pub maximum: u64,
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, at most {} allowed", self.limit, self.value, self.maximum)
    }
}

impl core::error::Error for LimitExceeded {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_within_the_maxima() {
        assert_eq!(Limits::DEFAULT.check(), Ok(()));
        assert_eq!(Limits::MAXIMUM.check(), Ok(()));
    }

    #[test]
    fn a_bound_above_its_maximum_is_named() {
        let limits = Limits { memory_pages: 41, ..Limits::DEFAULT };
        let error = limits.check().unwrap_err();
        assert_eq!((error.limit, error.value, error.maximum), ("memory_pages", 41, 40));
    }
}
