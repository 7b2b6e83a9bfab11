// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Flies and drives the plants for a device in QEMU (contract: `cofferdam-plant-protocol`).
//!
//! A [`World`] is a plant in its scenario, moved by the device's ticks alone: the same outputs in the same ticks give the same
//! samples, bit for bit, however fast the host is. A [`DeviceLink`] leads to a device, and a [`Simulator`] is a world at the end of
//! one, in a thread of its own.
#![forbid(unsafe_code)]

mod link;
mod simulator;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod world;

pub use link::{DeviceLink, Heard, LinkError};
pub use simulator::{Progress, Simulator, SimulatorError};
pub use world::{Begin, Flight, Setup, Tick, World};
