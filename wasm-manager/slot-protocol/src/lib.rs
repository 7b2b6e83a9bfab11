// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract between `wasm_manager` and an app slot: orders one way, status the other.
//!
//! * [`Orders`]: the manager stops the slot, writes the module and the orders, and restarts it. The slot
//!   reads them once, in its `init`. So neither side ever reads what the other is writing.
//! * [`Status`]: the slot publishes at any time ([`StatusWriter`]); the manager takes a consistent copy
//!   or learns that it could not get one ([`read_status`]). What it copies comes from a protection domain
//!   that runs untrusted code: every field is checked, none is trusted for a length or an index.
//! * [`Histograms`]: how late, how long and how expensive activations were ([`HistogramsWriter`]).

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod codes;
mod histograms;
mod orders;
mod refusals;
mod status;
mod text;
mod texts;

pub use codes::{AppState, Command, Overrun, StopReason};
pub use histograms::{BUCKETS, Histogram, Histograms, HistogramsWriter, REGION_BYTES, read_histograms};
pub use orders::{
    ACTUATORS_MAX, ActuatorGrant, ORDERS_BYTES, Orders, OrdersError, SENSORS_MAX, TopicGrant, read_orders,
    write_orders,
};
pub use refusals::error_code;
pub use status::{Counters, STATUS_BYTES, Status, StatusError, StatusWriter, read_status};
pub use text::{AppName, DETAIL_BYTES, Detail};
pub use texts::{TextList, TextRefused};

/// Version of both layouts. Manager and slots are built together; this catches an image mixed by hand.
pub const VERSION: u32 = 4;
