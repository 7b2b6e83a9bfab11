// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the protection domains of the system tests share: a serial port and words in shared memory.
//!
//! The release kernel prints nothing, so the tests bring their own way to the terminal: a polled PL011. Two
//! protection domains that print at the same time would mix their lines; the systems are made so that they
//! do not.
#![no_std]
#![deny(unsafe_code)]

mod mmio;
pub mod orders;
mod regions;

pub use mmio::Serial;
#[cfg(feature = "heap")]
pub use regions::heap;
pub use regions::shared;
