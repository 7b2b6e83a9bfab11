// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The log ring of a protection domain and its `log` backend.
//!
//! Each protection domain writes its lines into a ring of its own and never waits: when the ring is full the
//! oldest lines give way. `console` (and, for app slots, `wasm_manager`) read it at their own pace, each with
//! a private position, and learn how much they missed.
//!
//! - [`Producer`] and [`Reader`] are the two sides; [`layout`] is what lies in the memory between them.
//! - [`Logger`] makes a producer the backend of the crate `log`.
//! - With the feature `pd`, `pd::init` sets all of this up in one line of a protection domain.
//!
//! **The owner of a ring is hostile to its readers.** Whatever it writes, a reader ends up with a record of
//! bounded size or an error value. Text is not sanitised here: who shows it does that.
#![no_std]
#![deny(unsafe_code)]

pub mod layout;
mod logger;
#[cfg(feature = "pd")]
pub mod pd;
mod producer;
mod reader;
#[cfg(test)]
mod tests;

pub use layout::{NAME_MAX_BYTES, Origin, TEXT_MAX_BYTES};
pub use logger::{LineBuffer, Logger};
pub use producer::{Line, Producer, RegionTooSmall};
pub use reader::{Entry, Peek, Reader, Record, RecordBuffer, RingError};
