// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Apps on a desk: what runs on the device, against a plant, without a device.
//!
//! A [`Desk`] has the parts of a device that decide what an app does to a vehicle: the runtime with its fuel and limits, the guard
//! with its leases and slew, the permissions and rates of sensors and topics, and the latch of `plant_link`, each from the same
//! crate as on the device. Time is the plant's: it goes on from tick to tick, and stands still while an app runs. So a flight here
//! is that of a device in lockstep, bit for bit, if no app there is late.
//!
//! Not here: slots, faults, restarts, signatures, the network. Nothing that a desk says holds of a device's timing.
#![forbid(unsafe_code)]

mod desk;
mod host;
#[cfg(test)]
mod tests;

pub use desk::{Activated, AddError, Desk, actuator_id};
pub use host::Line;
