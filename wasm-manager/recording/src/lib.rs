// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Record and replay of an app.
//!
//! All that differs from one run of an app to another comes in through its [`Host`](cofferdam_runtime::Host). So what the
//! host was asked and answered, from the app's start on, is enough to run the same module again elsewhere, with the same
//! fuel and the same outputs.
//!
//! - [`Recorder`] stands between an app and its host and writes to a [`Tape`]: a memory region of fixed size, into which
//!   each activation goes whole or not at all. When it is full the app goes on and the recording is over.
//! - [`Part`]s of that region are carried away by whoever may read it; it is the word of a slot that runs untrusted code.
//! - [`Replay`] runs a module from a recording, activation by activation, and names the first [`Difference`].
//!
//! Not here: where the region lies, how its bytes travel, which module it is about.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod entry;
mod recorder;
mod replay;
mod tape;
#[cfg(test)]
mod tests;

pub use entry::{Ending, Entry};
pub use recorder::Recorder;
pub use replay::{Difference, Malformed, Replay, Step};
pub use tape::{Header, Part, TAPE_BYTES_MIN, Tape, read_header, read_part};
