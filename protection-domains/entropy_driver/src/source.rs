// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The board's entropy source. Features choose among them (`boards/BOARD/board.toml`); without one it is QEMU's.

#[cfg(feature = "absent")]
mod absent;
#[cfg(feature = "jitter")]
mod jitter;
#[cfg(not(any(feature = "absent", feature = "jitter")))]
mod virtio;

#[cfg(feature = "absent")]
pub use absent::{Source, find, interrupt};
#[cfg(feature = "jitter")]
pub use jitter::{Source, find, interrupt};
#[cfg(not(any(feature = "absent", feature = "jitter")))]
pub use virtio::{Source, find, interrupt};
