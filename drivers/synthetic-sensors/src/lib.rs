// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Sensors without hardware: a vehicle that rolls down a slope, sampled at 1 kHz.
//!
//! - [`Vehicle`] is the vehicle and its sensors: deterministic, from a seed, one step for each sample.
//! - [`Access`] says which slot may read what (contract: `cofferdam_device_protocol::permission`).
//! - [`Hub`] steps it by the clock and serves clients (contract: `cofferdam_device_protocol::sensor`).
//!
//! The brake output slows the vehicle, so a control loop on wheel speed and brake is a real one. The other
//! readings are waveforms with noise.
#![no_std]
#![forbid(unsafe_code)]

mod access;
mod hub;
mod noise;
#[cfg(test)]
mod tests;
mod vehicle;

pub use access::Access;
pub use hub::{BATCH_PERIOD_US, Hub, STEPS_MAX, Steps};
pub use vehicle::{Controls, Vehicle};
