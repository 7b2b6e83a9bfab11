// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The host's side of Cofferdam: key files, app recipes, and talking to a device.
//!
//! [`Device`] is what most want: signed commands and uploads. [`Connection`] below it knows frames and the
//! greeting only, which is what a test that misbehaves on purpose needs.
#![forbid(unsafe_code)]

pub mod keys;
pub mod recipe;
pub mod recording;

mod connection;
mod device;
mod error;

pub use connection::{Connection, OnBusy, Patience};
pub use device::Device;
pub use error::ClientError;
