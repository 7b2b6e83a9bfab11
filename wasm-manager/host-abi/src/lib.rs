// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What an app can call and what it must export, as data.
//!
//! One home for module names, function names, signatures and error codes: the runtime links from these
//! tables, admission checks a module's imports against them, and the SDK's declarations are tested
//! against them. [`Limits`] holds every bound on an app.
//!
//! Conventions of module [`COFFERDAM_MODULE`]: a result below zero is an [`ErrorCode`], zero or more is
//! success. Pointers and lengths are byte offsets into the app's exported memory [`MEMORY_EXPORT`].
//! Times are microseconds of the device's monotonic clock. WASI functions answer WASI's own `errno`.

#![no_std]
#![forbid(unsafe_code)]

mod error_code;
mod limits;
mod signatures;
pub mod wasi;

pub use error_code::ErrorCode;
pub use limits::{LimitExceeded, Limits};
pub use signatures::{
    COFFERDAM, COFFERDAM_MODULE, Function, INIT_EXPORT, MEMORY_EXPORT, START_EXPORT, Signature, TICK_EXPORT,
    ValueType, WASI, WASI_MODULE, find,
};

/// How an app is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Shape {
    /// A control loop: exports [`INIT_EXPORT`] and [`TICK_EXPORT`], activated once per period.
    Reactor = 1,
    /// A program: exports [`START_EXPORT`], runs to completion in slices of fuel, one per period.
    Command = 2,
}

impl Shape {
    /// The shape with this number.
    pub const fn from_code(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Reactor),
            2 => Some(Self::Command),
            _ => None,
        }
    }

    /// The functions that a module of this shape must export, with their signatures.
    pub const fn required_exports(self) -> &'static [Function] {
        match self {
            Self::Reactor => &signatures::REACTOR_EXPORTS,
            Self::Command => &signatures::COMMAND_EXPORTS,
        }
    }
}

impl core::fmt::Display for Shape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Reactor => "reactor",
            Self::Command => "command",
        })
    }
}

/// What `sensor_read` writes into the app's memory starts with the time of the sample, [`u64`]
/// microseconds; the values follow, each an [`f64`]. Both little-endian.
pub const READING_HEADER_BYTES: usize = 8;

/// The most values that one sensor has, so that an app can keep a buffer of fixed size.
pub const READING_VALUES_MAX: usize = 8;

/// What `receive` writes into the app's memory starts with the time of publication, [`u64`] microseconds, and the number
/// of the message in its topic, [`u64`] from 1; the message follows. Both little-endian.
pub const MESSAGE_HEADER_BYTES: usize = 16;

/// The longest message of a topic.
pub const MESSAGE_BYTES_MAX: usize = 128;

/// What `sensor_info` writes: [`u32`] number of values, [`u32`] sample period in microseconds.
pub const SENSOR_INFO_BYTES: usize = 8;
