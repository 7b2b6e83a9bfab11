// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What an app in Rust is written with.
//!
//! A control loop implements [`Reactor`] and names it in [`reactor!`]; a program names its main function in
//! [`command!`]:
//!
//! ```
//! #![cfg_attr(target_arch = "wasm32", no_std)]
//! use cofferdam_app::{Decimal, Reactor, Sensor, log, sensor};
//!
//! struct Watch;
//! cofferdam_app::reactor!(Watch);
//!
//! impl Reactor for Watch {
//!     fn init() -> Self {
//!         Watch
//!     }
//!     fn tick(&mut self, _now_us: u64) {
//!         if let Ok(battery) = sensor::read(Sensor::Battery) {
//!             log!("{} V", Decimal(battery.value(0), 1));
//!         }
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! Contract: `cofferdam-host-abi`. An app also compiles for the desk, so that its logic can be tested there;
//! its calls then answer [`ErrorCode::NotSupported`].

#![no_std]
#![deny(unsafe_code)]

pub mod actuator;
mod entry;
mod failures;
mod host;
mod line;
pub mod sensor;
pub mod time;
pub mod topic;

pub use actuator::{Actuator, Held, Lease};
pub use cofferdam_host_abi::ErrorCode;
pub use entry::{Place, Reactor};
pub use failures::Failures;
pub use line::{Decimal, Level, write_line};
pub use sensor::Sensor;
