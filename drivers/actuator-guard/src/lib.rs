// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What `actuator_guard` decides: who may move which actuator, until when, how often, how fast, and within which range.
//!
//! - [`Guard`] keeps permissions, leases and outputs. Time is an argument of every operation.
//! - `Motion` is how one output moves: what it does at any time follows from where it was sent last, so nobody has to step it.
//! - [`Throttle`] keeps a client that does the same again and again from filling the log.
//!
//! The rules, which tests hold against random clients:
//! - at boot nobody may do anything; `wasm_manager` gives each slot permissions and revokes them, which ends its leases;
//! - an actuator has at most one holder, for at most `LEASE_MAX_US` at a time;
//! - only its holder moves it, only within its range and the holder's permission, and only so many times a second; a value that is refused changes nothing;
//! - actuators of a group (the motors) are held by one client at a time;
//! - no output moves faster than its slew limit, whatever it is sent;
//! - a lease ends when it is given back, runs out, loses its permission, or when the last value is older than the actuator's
//!   freshness deadline; from that time on the output is on its way to its safe state, however late anybody looks: motors go
//!   to one value that lets the vehicle sink, and stop after a set time; the brake does what the driver demands, at once and exactly;
//! - while the driver brakes, what drives is cut and can only be sent to its safe value;
//! - of two versions of an app side by side one has authority: what the other one writes is compared and moves nothing. All
//!   leases pass from one to the other at once, at a tick's boundary when it is ordered, and back when the new version ends, is
//!   late, loses a lease or writes something else; what the old one wrote last is in effect at once then.
//!
//! Contract: `cofferdam_device_protocol::{actuator, permission, swap}`; limits: `ACTUATORS` there.
#![no_std]
#![forbid(unsafe_code)]

mod guard;
mod motion;
mod sent;
mod swap;
#[cfg(test)]
mod tests;
mod throttle;

pub use guard::{End, Expired, Guard, MOTION_STEP_US, News};
pub use throttle::Throttle;
