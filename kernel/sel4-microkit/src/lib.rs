// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The runtime of a protection domain: Microkit's programming model in Rust.
//!
//! ```text
//! #![no_std]
//! #![no_main]
//! use sel4_microkit::{Channel, ChannelSet, Handler, channel, protection_domain};
//!
//! #[protection_domain]
//! fn init() -> impl Handler {
//!     Ping { timer: channel!(timer_channel) }
//! }
//!
//! struct Ping { timer: Channel }
//!
//! impl Handler for Ping {
//!     type Error = core::convert::Infallible;
//!     fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
//!         if channels.contains(self.timer) { /* … */ }
//!         Ok(())
//!     }
//! }
//! ```
//!
//! At each entry, the first and every restart, `_start` zeroes .bss and restores .data, so that a restarted
//! protection domain begins like a new one (memory regions keep their contents). Then `init` runs, interrupts
//! are acknowledged once, and the event loop begins. An error that a handler returns is printed and the loop
//! goes on; a panic is printed and ends in an undefined instruction, which the parent or the monitor sees.
//!
//! Wiring comes from `system.xml`: [`channel!`], [`memory_region!`], [`setvar!`] read what `setvar_*`
//! attributes wrote. Link with `pd.ld` (`toolchain/cargo pd build …`).
//!
//! Built for a desk, what only the device has is missing: the entry, the panic handler, the counter and the global
//! allocator. System calls go to `sel4::desk`.
//!
//! Not here: anything about how the system is put together, threads, interrupts of more than 62 sources.
#![no_std]

#[cfg(test)]
extern crate std;

mod channel;
mod child;
mod debug;
mod deferred;
#[cfg(target_os = "none")]
mod entry;
mod event_loop;
mod handler;
#[cfg(any(feature = "heap", test))]
pub mod heap;
mod identity;
mod message;
mod panic;
mod region;
#[cfg(test)]
mod tests;
#[cfg(any(target_os = "none", test))]
mod time;

pub use channel::{Channel, ChannelSet};
pub use child::Child;
pub use deferred::DeferredAction;
#[cfg(target_os = "none")]
pub use entry::clear_stack;
pub use event_loop::{Event, poll_notification, wait};
pub use handler::{Handler, NullHandler};
pub use identity::pd_name;
pub use message::{MESSAGE_WORDS_MAX, MessageInfo, get_mr, set_mr, with_message};
pub use panic::{set_error_sink, set_panic_sink};
pub use region::MemoryRegion;
pub use sel4::{Error, Fault, MCS, PRINTING, SDK};
pub use sel4_microkit_macros::protection_domain;
#[cfg(target_os = "none")]
pub use time::{counter_frequency, now, now_us};

/// What the macros need; no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::debug::print;
    pub use crate::event_loop::run;
    pub use crate::region::SetVar;
}
