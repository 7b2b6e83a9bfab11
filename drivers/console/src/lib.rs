// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Log rings in, lines for people out.
//!
//! - [`Console`] merges the rings in the order of time and writes to an [`Output`] that may refuse.
//! - [`sanitise`] makes any bytes harmless for a terminal.
//!
//! A line is `[    1.234567] name: text`, or `[    1.234567] app_slot_0/hello: text` if an app says it. The
//! prefix comes from this side, so that nobody can speak in another's name.
//!
//! Owners of rings are hostile: they can lie about time (and are then printed earlier or later than they
//! should, but never in place of others for long), flood (and lose lines, which is said), and write nonsense
//! (which is said when it changes, once a second at most).
#![no_std]
#![forbid(unsafe_code)]

mod printer;
mod source;
#[cfg(test)]
mod tests;
mod text;

pub use printer::{BYTES_PER_WAKE, Console, Output, Progress};
pub use source::Source;
pub use text::sanitise;
