// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The board's UART. Features choose among them (`boards/BOARD/board.toml`); without one it is a PL011.

#[cfg(feature = "bcm-mini-uart")]
pub use cofferdam_bcm_mini_uart::{MiniUart, REGISTERS_BYTES};
#[cfg(feature = "imx-uart")]
pub use cofferdam_imx_uart::{ImxUart, REGISTERS_BYTES};
#[cfg(not(any(feature = "bcm-mini-uart", feature = "imx-uart")))]
pub use cofferdam_pl011::{Pl011, REGISTERS_BYTES};

/// The driver.
#[cfg(feature = "bcm-mini-uart")]
pub type Device = MiniUart<'static>;
/// The driver.
#[cfg(feature = "imx-uart")]
pub type Device = ImxUart<'static>;
/// The driver.
#[cfg(not(any(feature = "bcm-mini-uart", feature = "imx-uart")))]
pub type Device = Pl011<'static>;
