// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Runs one app on wasmi within its bounds.
//!
//! [`App::load`] takes orders (contract: `cofferdam-slot-protocol`), a module and a [`Host`]; then
//! [`App::activate`] is called once per period. Whatever the module does, these come back: with the app to
//! be continued, at its end, or stopped with a [`Stop`] that says why.
//!
//! *Determinism.* The same module, orders and answers of the [`Host`] give the same calls to the host, the
//! same fuel and the same end, on the device and on a desktop.
//!
//! Not here: time (the caller releases activations), devices (behind [`Host`]), memory for the heap.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod app;
mod bounds;
mod calls;
mod engine;
mod fuel;
mod guest;
mod host;
mod limiter;
mod lines;
mod link;
mod random;
mod releases;
mod state;
mod stop;
mod wasi;

pub use app::{Activation, App};
pub use host::{Host, Level, Message, Reading, SensorInfo};
pub use releases::{Release, Releases};
pub use stop::Stop;

#[cfg(test)]
mod tests;
