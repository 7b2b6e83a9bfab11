// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What wasm_manager does: serves the management connection, decides, and keeps the apps.
//!
//! ```text
//!  bytes ──> session (frames) ──> authenticate ──> authorise ──> act ──> replies
//!                                  device, boot,    grant         │
//!                                  sequence, key                  ├─ install: upload, verify, ratchet, permit, admit
//!                                                                 ├─ slots: orders, stop, restart, status, faults
//!                                                                 └─ swap: a new version beside the one that runs
//! ```
//!
//! [`Manager`] is all of it. The protection domain gives it a [`Platform`] (with a [`Storage`], if there is a
//! disk: an install counts when its package and ratchet are kept) and the slots' regions, and hands it
//! events; [`Gateway`] carries bytes and its [`Output`]. Every event takes bounded work and bounded memory: one upload
//! at a time in a buffer that is allocated once, at most [`SLOTS`] apps, a ratchet table of fixed size.
//!
//! No COSE, CBOR or Wasm is parsed here: the verifier, a protection domain of its own that is not believed, says what is
//! in signed bytes, and its claims are encoded again and compared (`verifier.rs`).
//!
//! Not here: cryptography and formats (package, management-protocol), rules (policy, admission), seL4.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod app;
mod commands;
#[cfg(feature = "desk")]
mod desk;
mod domains;
#[cfg(feature = "fault-test")]
mod fault_test;
mod gateway;
mod install;
mod journal;
mod keep;
mod keys;
mod logs;
mod manager;
mod output;
mod platform;
mod preinstalled;
mod ratchet;
mod refusal;
mod roll_back;
mod saved;
mod schedule;
mod session;
mod slots;
mod storage;
mod swap;
mod take_over;
mod upload;
mod verifier;

#[cfg(test)]
mod tests;

#[cfg(feature = "desk")]
pub use desk::on_a_desk;
pub use domains::{Author, FigurePage};
pub use gateway::Gateway;
pub use manager::{Identity, Manager};
pub use output::Output;
pub use platform::{Platform, PlatformError, SlotRegions};
pub use refusal::Refused;
pub use schedule::{BUDGETS, SERVERS};
pub use storage::{Change, Storage, StorageError};
pub use verifier::{Unanswered, VerifierRegions};

/// Slots for apps, as many as `system.xml` has.
pub const SLOTS: usize = 4;

/// The share of the processor that all apps together may take, in thousandths: a tenth stays for drivers,
/// management and the log.
pub const UTILISATION_PERMILLE_MAX: u32 = 900;
