// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Flies and drives the plants for a device in QEMU (contract: `cofferdam-plant-protocol`).
//!
//! A [`World`] is a plant in its scenario, moved by the device's ticks alone: the same outputs in the same ticks give the same
//! samples, bit for bit, however fast the host is. A [`Simulator`] is a world behind a socket, in a thread of its own.
#![forbid(unsafe_code)]

mod simulator;
mod world;

pub use simulator::{Progress, Simulator, SimulatorError};
pub use world::{Begin, Flight, Setup, Tick, World};
