// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From reset to Rust at EL1 with MMU and caches on: what programs without a kernel below need.
//!
//! Used by `kernel/loader` and by the bare-metal benchmark. One core, AArch64, 4 KiB granule. A program
//! * is linked with `program.ld` (its build script calls for it, and says where it lies),
//! * names its first function with `entry!`,
//! * builds [`tables::Tables`] and calls `mmu::enable`.
//!
//! Like `kernel/sel4` this crate is the bottom layer: modules that must be unsafe are `entry`, `mmu`, `memory`, `mmio`
//! and `power`; the rest is plain logic and tested on the host.
#![cfg_attr(not(test), no_std)]

#[cfg(target_os = "none")]
mod entry;
pub mod memory;
pub mod mmio;
#[cfg(target_os = "none")]
pub mod mmu;
#[cfg(target_os = "none")]
pub mod power;
pub mod tables;
pub mod uart;

#[cfg(target_os = "none")]
pub use entry::image;
