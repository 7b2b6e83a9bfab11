// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Who may do what on this device.
//!
//! A trust anchor is a public key with a grant. The first anchors come from `keys/*.toml` (module `file`, with
//! the feature of that name), are checked when wasm_manager is built, and lie in its image as a [`KeyList`]. A
//! newer list that enough of the present one's root keys have signed takes its place ([`KeyChain`]).
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
pub mod chain;
#[cfg(feature = "file")]
pub mod file;
pub mod grant;
pub mod list;
#[cfg(feature = "file")]
pub mod preinstalled;

pub use anchors::{Anchor, TrustAnchors};
pub use chain::KeyChain;
pub use grant::{ACTUATORS, ActuatorGrant, Grant, Line, Permitted, PermittedRange, PolicyError, Role};
pub use list::{KeyList, KeyListError, ListClaim, SignedList};
