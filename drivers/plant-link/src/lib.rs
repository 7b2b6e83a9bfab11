// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The device's side of the link to a simulator of its vehicle (contract: `cofferdam-plant-protocol`).
//!
//! - [`Link`] is what `plant_link` does with bytes and ticks. A simulator is believed in nothing: frames are checked, values are
//!   such as sensors show, a sample answers a tick that was told, and a link that falls silent is none.
//! - [`Latch`] is what outputs do from a tick to the next.
//! - [`Source`] is how `sensor_hub` chooses between a simulator's samples and its own.
#![no_std]
#![forbid(unsafe_code)]

mod latch;
mod link;
mod source;
#[cfg(test)]
mod tests;

pub use latch::Latch;
pub use link::{Complaint, Event, Link, Why};
pub use source::{Change, Source};
