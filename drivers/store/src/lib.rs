// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Records and blobs on a disk, in transactions that a loss of power cannot split.
//!
//! ```text
//!  sector 0 1 │ 2 … 129     │ 130 … 257   │ 258 …
//!  superblock │ catalogue A │ catalogue B │ up to 16 places for a blob each
//!  (twice)    │ all records and the table of blobs, twice
//! ```
//!
//! A commit writes the new blobs into places that nobody refers to, flushes, writes catalogue B, flushes,
//! writes catalogue A, flushes. So at any instant one catalogue is whole, and once a commit has returned both
//! are, and the same. [`Store::open`] takes the newer whole one and makes the other like it. Everything that is
//! read is held against a SHA-256, and then still believed in nothing: lengths and numbers are checked.
//!
//! - **A disk that is not ours is never written.** One that is zero all over (where this crate would write)
//!   is formatted; anything else is an [`OpenError`] that says what was found.
//! - **Bounded**: memory is taken once, in `open`; no operation loops further than the layout is long.
//! - Writes between two flushes may reach the disk in any order, in part, or not at all; a sector may be torn.
//!   What was flushed stays. That is all this crate assumes of a disk, and what its tests model.
//!
//! Not here: secrecy, and protection from somebody who writes the disk from outside: who can put back an old
//! image of the whole disk puts back its ratchets too. Why no crate from elsewhere: see docs/decisions.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

#[cfg(test)]
extern crate std;

mod catalogue;
mod device;
mod error;
mod layout;
mod open;
mod server;
mod store;

pub use catalogue::Blob;
pub use cofferdam_store_protocol::{BLOB_BYTES_MAX, RECORD_BYTES_MAX};
pub use device::{BlockDevice, SECTOR_BYTES, TRANSFER_BYTES_MAX};
pub use error::{OpenError, StoreError};
pub use layout::{BLOBS_MAX, sectors_for};
pub use open::Opened;
pub use server::Server;
pub use store::Store;

#[cfg(test)]
mod tests;
