// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The event log: who installed what, and what was refused.
//!
//! Entries form a chain: each has a hash over itself and the hash before it,
//! `SHA-256("cofferdam audit 1" ‖ hash before ‖ entry)`; the hash before the first entry ever is zeros. A device
//! keeps as many entries as fit ([`Log`]); when the oldest go, the number and the hash of the last one that went
//! stay, so that what is left is still a chain, and one that continues an earlier export ([`Export::continues`]).
//!
//! A flood must not push everything else out, nor wear the disk: what somebody without a right can cause without
//! end goes through a [`Limiter`].
//!
//! A chain proves that nothing in it was changed, left out or put in between, given one hash of it from a place that
//! one trusts: a later or earlier export, or the head as somebody noted it. Whoever can make up a whole chain can
//! make up its hashes; devices have no key to sign with.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod entry;
mod export;
mod limiter;
mod log;

pub use entry::{Entry, Event, What};
pub use export::{Broken, Export, Proven};
pub use limiter::Limiter;
pub use log::{LOG_BYTES_MAX, Log};

use sha2::{Digest, Sha256};

/// A hash of the chain.
pub type Hash = [u8; 32];

/// The hash before the first entry ever.
pub const BEGINNING: Hash = [0; 32];

/// A place between two entries: the number of the one before it, and the chain's hash there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the last entry before; 0 at the beginning.
    pub sequence: u64,
    /// The chain's hash.
    pub hash: Hash,
}

impl Place {
    /// Before the first entry ever.
    pub const BEGINNING: Self = Self { sequence: 0, hash: BEGINNING };

    /// The place behind an entry that stands here.
    #[must_use]
    pub fn after(self, entry: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"cofferdam audit 1");
        hash.update(self.hash);
        hash.update(entry);
        Self { sequence: self.sequence.saturating_add(1), hash: hash.finalize().into() }
    }
}

#[cfg(test)]
mod tests;
