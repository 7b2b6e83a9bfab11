// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Queues and rings over memory that two protection domains share.
//!
//! - [`SharedRegion`] is checked access to memory that somebody else may write at any time.
//! - [`sequence_lock`] shows the latest of something to whoever likes to look.
//! - [`Producer`] and [`Consumer`] are the two ends of a queue of records.
//!
//! **The peer is hostile.** It can write anything into what it may write, whenever it likes. The worst
//! that it can do with that is to give an error value ([`PeerMisbehaviour`]) or wrong bytes: no panic, no
//! access outside the region, no loop that it controls.
//!
//! Not here: signalling. After a batch of pushes (or pops) the owner notifies the peer; notifications
//! coalesce, so whoever is notified drains, and looks once more before it waits.
#![no_std]
#![deny(unsafe_code)]

#[cfg(any(test, feature = "testing"))]
extern crate alloc;

mod queue;
pub mod regions;
pub mod sequence_lock;

pub use queue::{Consumer, Geometry, GeometryError, PeerMisbehaviour, PopError, Producer, PushError};
pub use regions::{OutOfBounds, SharedRegion};

#[cfg(test)]
mod tests;
