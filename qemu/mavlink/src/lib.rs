// SPDX-License-Identifier: Apache-2.0 OR MIT
//! MAVLink as an outside interface to vehicles (its message set `common`, as <https://mavlink.io> describes it).
//!
//! - [`Bridge`]: a simulator that speaks MAVLink, as those for PX4 do (jMAVSim, Gazebo), flies the apps on a device.
//! - [`OutsidePlant`]: our plants as such a simulator.
//! - [`Station`]: a ground station (QGroundControl) watches a plant of ours.
//!
//! [`axes`], [`place`], [`signals`], [`instruments`] and [`motors`] are the conversions, without a socket. MAVLink's axes are forward,
//! right, down for a vehicle and north, east, down for the world; ours are forward, left, up, and x, y, z (up) with x where the
//! vehicle pointed at first.
//!
//! Not here: missions, parameters and commands. A ground station can watch; what flies is decided by who may push apps.
#![forbid(unsafe_code)]

pub mod axes;
pub mod bridge;
pub mod instruments;
pub mod motors;
pub mod outside;
pub mod peer;
pub mod place;
pub mod signals;
pub mod station;
pub mod truth;

pub use bridge::{Bridge, BridgeError};
pub use mavlink::dialects::common::MavMessage;
pub use outside::OutsidePlant;
pub use place::Home;
pub use station::Station;
pub use truth::Truth;
