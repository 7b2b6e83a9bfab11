// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The board's timer. Features choose among them (`boards/BOARD/board.toml`); without one it is the processor's.

#[cfg(not(any(feature = "bcm-system-timer", feature = "imx-gpt")))]
#[path = "alarm/processor.rs"]
mod mmio;
#[cfg(any(feature = "bcm-system-timer", feature = "imx-gpt"))]
#[path = "alarm/matching.rs"]
mod mmio;

pub use mmio::{Alarm, NAME, alarm, frequency};
