// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Moves packets between a virtio network device and shared queues.
//!
//! [`VirtioCard`] is the device: a set of buffers in the DMA region that it owns ([`dma`]). [`Pump`] is the
//! policy: it moves frames between any [`Card`] and the queues of `cofferdam-net-protocol`.
//!
//! **A flood is the network's problem, not ours.** A frame is taken from the card only when gateway's queue
//! has room for it. Otherwise it stays on the card, whose buffers run out, so that the card drops what
//! follows without costing this machine an instruction; gateway's notification that it has taken frames
//! starts the pump again.
#![no_std]
#![deny(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod dma;
mod pump;

pub use dma::{CardError, VirtioCard};
pub use pump::{Card, Counters, Pump, Work};

#[cfg(test)]
mod card_tests;
#[cfg(test)]
mod tests;
