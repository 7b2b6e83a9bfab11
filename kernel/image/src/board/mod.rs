// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One wiring, several boards: `system.xml` as a board needs it.
//!
//! `system.xml` owns the wiring: who may call whom and see what. A board's file names where its devices lie, which
//! interrupts they raise, which it does not have, and which of its drivers a program is built with; it can give no domain a
//! channel or another's memory. [`describe()`] puts both together as text. Every line stays where it is, so that what a tool
//! says about line 90 of the result is about line 90 of `system.xml`.
//!
//! Whoever adds a device to `system.xml` is told by every board what it is to become there: nothing that lies at a fixed
//! address or raises an interrupt is taken over in silence.

mod describe;
mod file;

pub use describe::describe;
pub use file::{BOARD_FILE, Board, BoardFile};
