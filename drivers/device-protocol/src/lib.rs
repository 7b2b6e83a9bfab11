// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract of `sensor_hub` and `actuator_guard`: which devices there are ([`SENSORS`], [`ACTUATORS`]), what
//! their values mean, and the messages by which a client reads and moves them ([`sensor`], [`actuator`]).
//!
//! Contract of `topic_hub`, too, by which slots pass messages to each other ([`topic`]).
//!
//! Which slot may touch what is told to all three by `wasm_manager` ([`permission`]), and which of two versions of an app
//! side by side counts ([`swap`]); what the driver demands is told to `actuator_guard` by whoever reads the pedal
//! ([`demand`]).
//!
//! What the outputs are is also published in shared memory ([`outputs`]).
//!
//! This crate encodes and decodes; it sends nothing. The feature `pd` adds the clients in its module `pd`, which do.
#![no_std]
#![forbid(unsafe_code)]

pub mod actuator;
pub mod demand;
mod devices;
mod message;
pub mod outputs;
#[cfg(feature = "pd")]
pub mod pd;
pub mod permission;
pub mod sensor;
mod status;
pub mod swap;
#[cfg(test)]
mod tests;
pub mod topic;

pub use devices::{
    ACTUATORS, Actuator, DEMAND_CUTS_ABOVE, SENSORS, SafeState, Sensor, Value, actuator_by_name,
    sensor_by_name,
};
pub use message::{Message, WORDS_MAX};
pub use status::{BadReply, CallError, Status};

/// How many sensors there are; their ids are `0..SENSOR_COUNT`.
pub const SENSOR_COUNT: usize = SENSORS.len();
/// How many actuators there are; their ids are `0..ACTUATOR_COUNT`.
pub const ACTUATOR_COUNT: usize = ACTUATORS.len();
/// Most values that one sensor has.
pub const VALUES_MAX: usize = 6;
/// How often `sensor_hub` takes a new sample of every sensor.
pub const SAMPLE_PERIOD_US: u64 = 1_000;
/// The longest lease that `actuator_guard` gives: an output that nobody renews is safe within this time.
pub const LEASE_MAX_US: u64 = 1_000_000;
