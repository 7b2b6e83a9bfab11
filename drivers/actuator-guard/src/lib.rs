// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What `actuator_guard` decides: who may move which actuator, until when, how often, and within which range.
//!
//! - [`Guard`] keeps permissions, leases and outputs. Time is an argument of every operation.
//! - [`Throttle`] keeps a client that does the same again and again from filling the log.
//!
//! The rules, which tests hold against random clients:
//! - at boot nobody may do anything; `wasm_manager` gives each slot permissions and revokes them, which ends its leases;
//! - an actuator has at most one holder, for at most `LEASE_MAX_US` at a time;
//! - only its holder moves it, only within its range and the holder's permission, and only so many times a second; a value that is refused changes nothing;
//! - once the lease has run out or is given back, the output is the safe value, at the latest with the next
//!   operation (whichever it is) or call of [`Guard::expire`].
//!
//! Contract: `cofferdam_device_protocol::{actuator, permission}`. Not here: how fast an output may change.
#![no_std]
#![forbid(unsafe_code)]

mod guard;
#[cfg(test)]
mod tests;
mod throttle;

pub use guard::{Expired, Guard};
pub use throttle::Throttle;
