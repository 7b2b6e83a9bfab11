// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Where the initialiser's kernel objects come from: untyped memory, slots, paging structures.
//!
//! [`Memory`] decides what is made of which untyped memory and follows the kernel's account of it; [`Structures`]
//! knows what an address space lacks before a page can be mapped; [`slots`] says how many slots a system takes, so
//! that the image tool can refuse one that is too large. Whoever makes system calls stands behind [`Kernel`].
//!
//! Nothing is ever given back: the system is created once.
//!
//! Non-goals: what protection domains consist of (the initialiser), numbers of the kernel's interface (`sel4`).
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod memory;
pub mod slots;
mod structures;
#[cfg(test)]
mod tests;

pub use memory::{Kernel, Memory, Piece, Refusal};
pub use structures::{Level, NoRoom, Structures};
