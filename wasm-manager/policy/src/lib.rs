// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Who may do what on this device.
//!
//! A trust anchor is a public key with a grant. The anchors come from `keys/*.toml` (module `file`, with
//! the feature of that name), are checked when wasm_manager is built, and lie in its image ([`TrustAnchors`]).
//! A [`Grant`] says which commands its key may sign, whether it may sign packages, and what those packages may
//! ask for.
//!
//! Not here: verifying signatures (package), and whether a module is fit to run (admission).
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
#[cfg(any(feature = "file", test))]
extern crate std;

pub mod anchors;
#[cfg(feature = "file")]
pub mod file;
pub mod grant;

pub use anchors::{Anchor, TrustAnchors};
pub use grant::{ACTUATORS, ActuatorGrant, Grant, Line, Permitted, PermittedRange, PolicyError, Role};
