// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The board's network card. Features choose among them (`boards/BOARD/board.toml`); without one it is QEMU's.

#[cfg(feature = "absent")]
mod absent;
#[cfg(feature = "imx-enet")]
mod enet;
#[cfg(not(any(feature = "absent", feature = "imx-enet")))]
mod virtio;

#[cfg(feature = "absent")]
pub use absent::{Card, find, interrupt};
#[cfg(feature = "imx-enet")]
pub use enet::{Card, find, interrupt};
#[cfg(not(any(feature = "absent", feature = "imx-enet")))]
pub use virtio::{Card, find, interrupt};
