// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What `actuator_guard` decides: who may move which actuator, until when, and within which range.
//!
//! - [`Guard`] keeps the leases and the outputs. Time is an argument of every operation.
//! - [`Throttle`] keeps a client that does the same again and again from filling the log.
//!
//! The rules, which tests hold against random clients:
//! - an actuator has at most one holder, for at most `LEASE_MAX_US` at a time;
//! - only its holder moves it, and only within its range; a value that is refused changes nothing;
//! - once the lease has run out or is given back, the output is the safe value, at the latest with the next
//!   operation (whichever it is) or call of [`Guard::expire`].
//!
//! Contract: `cofferdam_device_protocol::actuator`. Not here: which app may use which actuator at all (the
//! app slot checks the signed manifest), and how fast an output may change.
#![no_std]
#![forbid(unsafe_code)]

mod guard;
#[cfg(test)]
mod tests;
mod throttle;

pub use guard::{Expired, Guard};
pub use throttle::Throttle;
