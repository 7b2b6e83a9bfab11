// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Starts and watches QEMU.
//!
//! A [`Machine`] is one running QEMU: its console is a growing list of time-stamped lines that any number
//! of watchers can wait on ([`Console`]), its management port is a loopback port that the host's own
//! system handed out, and it ends with its owner: dropped, panicked or killed, no QEMU and no file stays.
//!
//! Not here: what the lines mean. That is the business of `cofferdam-e2e` and of `cofferdam-qemu run`.
#![forbid(unsafe_code)]

mod board;
mod console;
mod imx8mp;
mod machine;
mod monitor;
mod options;

pub use board::{Board, QEMU_ENVIRONMENT_VARIABLE, board_qemu};
pub use console::{Console, Line, WaitError};
pub use machine::{Machine, StartError};
pub use monitor::MonitorError;
pub use options::{Clock, KernelKind, MANAGEMENT_PORT, MachineOptions, make_disk};
