// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the image tool (`kernel/image`) tells the loader and the initialiser.
//!
//! * [`boot`]: the header at the start of the boot payload, read by `kernel/loader`;
//! * [`layout`]: the records of the compact system description;
//! * [`reader`]: the checked view of it that `kernel/initialiser` uses, without a heap;
//! * [`environment`]: slots, badges and addresses that a protection domain finds (Microkit 2.3's);
//! * `builder` (feature `build`): what the image tool writes it with.
//!
//! All tables are little-endian with fixed widths; reader and writer are built from one version of this crate,
//! and [`layout::VERSION`] catches an image put together from two.
//!
//! Non-goals: parsing `system.xml` (that is `kernel/image`) and any seL4 object (that is the initialiser).
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

#[cfg(feature = "build")]
extern crate alloc;

pub mod boot;
#[cfg(feature = "build")]
pub mod builder;
pub mod environment;
pub mod layout;
pub mod reader;

pub use reader::{SpecError, SystemSpec};
