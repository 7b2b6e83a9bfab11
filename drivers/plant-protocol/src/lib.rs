// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract between the device and a simulator of its vehicle.
//!
//! - [`Message`]: what the two say to each other. The simulator says [`Hello`]; from then on the device sends [`Outputs`] at
//!   each tick, a millisecond of its own clock, and the simulator answers each with the [`Sensors`] of that moment.
//! - [`Frame`] and [`Deframer`]: how a message becomes bytes with a version, a length and a checksum, and how it is found again
//!   among bytes that may be anything.
//! - [`check`]: what a sensor can show. Nothing else is taken from a simulator.
//! - [`samples`]: how `plant_link` hands samples to `sensor_hub`.
//!
//! Both sides count time by the device's clock: tick `n` is at `n * SAMPLE_PERIOD_US`. All numbers are little-endian.
#![no_std]
#![forbid(unsafe_code)]

mod frame;
mod message;
mod ranges;
pub mod samples;
#[cfg(test)]
mod tests;

pub use frame::{Deframer, FRAME_BYTES_MAX, Frame, FrameError, HEADER_BYTES, MAGIC, VERSION};
pub use message::{Hello, Message, Mode, Outputs, Sensors, Welcome};
pub use ranges::{BadSample, RANGES, check};

use cofferdam_device_protocol::{SAMPLE_PERIOD_US, SENSOR_COUNT, VALUES_MAX};

/// One sample of every sensor, by id; a sensor with fewer values has zeros behind them.
pub type Samples = [[f64; VALUES_MAX]; SENSOR_COUNT];

/// From one tick to the next.
pub const TICK_US: u64 = SAMPLE_PERIOD_US;

/// A link on which no sample came for so long is no link any more: twenty ticks.
pub const STALE_US: u64 = 20 * TICK_US;
