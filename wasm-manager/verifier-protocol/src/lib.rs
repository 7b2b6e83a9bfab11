// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract between wasm_manager and verifier.
//!
//! ```text
//!  wasm_manager ──staging: request, bytes──> verifier        one use: stop, stage, restart, wait, read, stop
//!               <──verdict: header, body───
//! ```
//!
//! wasm_manager stages bytes while the verifier stands, and starts it from its beginning; the verifier parses them,
//! writes one verdict and notifies. The verifier is not believed: a verdict counts for one use and one digest, its body is
//! a *claim* that wasm_manager holds against its own copy of the bytes (`cofferdam_package::claim`), and what comes out
//! is what a trusted key signed. Without a true claim there is a refusal.
//!
//! Not here: parsing (verifier), what is done with a claim (lifecycle).
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod asker;
mod body;
mod complaint;
mod layout;
mod server;

#[cfg(test)]
mod tests;

pub use asker::{Asked, Asker, StageError, VerdictError};
pub use body::{Answer, Found, PackageFound, decode, encode};
pub use complaint::Complaint;
pub use layout::{BODY_BYTES_MAX, Kind, STAGED_AT, VERDICT_BYTES};
pub use server::{Request, read_request, write_verdict};
