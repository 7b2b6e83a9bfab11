// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The Arm generic timer, shared by many clients.
//!
//! - [`Deadlines`] keeps one timer for each client and says which are due: pure logic, no clock.
//! - [`Driver`] adds one comparator and speaks the contract (`cofferdam_timer_protocol`).
//! - `PhysicalTimer`, in device builds only, is the comparator of this processor: the EL1 physical timer,
//!   driven from EL0.
//! - [`Matching`] makes a comparator of its counter and a timer elsewhere on the chip ([`MatchTimer`]).
//!
//! Releases of a periodic timer are at `first + k * period` exactly, however late an interrupt is handled.
//! Every operation does work in proportion to the number of clients, never to what they ask for.
#![no_std]
#![deny(unsafe_code)]

mod clock;
mod deadlines;
mod driver;
mod matching;
#[cfg(all(target_arch = "aarch64", target_os = "none"))]
mod mmio;
#[cfg(test)]
mod tests;

pub use clock::Frequency;
pub use deadlines::{ClientSet, Deadlines, REARM_GAP_US};
pub use driver::{Comparator, Driver};
pub use matching::{Counter, MatchTimer, Matching};
#[cfg(all(target_arch = "aarch64", target_os = "none"))]
pub use mmio::{PhysicalCounter, PhysicalTimer};
