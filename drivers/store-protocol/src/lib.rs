// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract of store_driver: records and blobs by number, changed in transactions. It has one client.
//!
//! A request's label says what is wanted ([`Request`]); its words are numbers and lengths. Bytes go through two
//! regions, each with room for the longest blob: the client writes `store_request` before the call, the driver
//! writes `store_reply` before it answers. The reply's label is a [`Status`]; with [`Status::Ok`] come as many
//! words as the request's table entry says, with any other none.
//!
//! | label | request | words | reply's words |
//! |---|---|---|---|
//! | 1 | [`Request::Open`] | | generation, places for blobs, how it was found |
//! | 2 | [`Request::ReadRecord`] | number | length |
//! | 3 | [`Request::ReadBlob`] | number | length |
//! | 4 | [`Request::PutRecord`] | number, length | |
//! | 5 | [`Request::RemoveRecord`] | number | |
//! | 6 | [`Request::PutBlob`] | number, length | |
//! | 7 | [`Request::RemoveBlob`] | number | |
//! | 8 | [`Request::Commit`] | | generation |
//! | 9 | [`Request::Abort`] | | |
//!
//! Requests 4 to 7 prepare; [`Request::Commit`] makes all that was prepared count at once, and has returned
//! only when no loss of power can undo it. Reading sees what was committed. A driver that lies can lose what
//! it was given or bring back what was older; so the client checks signatures again on what it reads.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod client;
#[cfg(feature = "pd")]
pub mod pd;
mod status;

pub use client::{Answer, Call, CallError, Client, Found, Opened};
pub use status::Status;

/// The longest record.
pub const RECORD_BYTES_MAX: usize = 0x4000;
/// The longest blob: 1 MiB, and 64 KiB for what surrounds a module of that size. The size of each region.
pub const BLOB_BYTES_MAX: usize = 0x11_0000;
/// The most words of a message.
pub const WORDS_MAX: usize = 3;

/// What the client can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// What there is. What was prepared is forgotten.
    Open,
    /// A committed record.
    ReadRecord {
        /// Which.
        number: u32,
    },
    /// A committed blob.
    ReadBlob {
        /// Which.
        number: u32,
    },
    /// Prepares a record.
    PutRecord {
        /// Which.
        number: u32,
        /// How many bytes of the region it takes: 1 to [`RECORD_BYTES_MAX`].
        length_bytes: usize,
    },
    /// Prepares that a record goes.
    RemoveRecord {
        /// Which.
        number: u32,
    },
    /// Prepares a blob.
    PutBlob {
        /// Which.
        number: u32,
        /// How many bytes of the region it takes: 1 to [`BLOB_BYTES_MAX`].
        length_bytes: usize,
    },
    /// Prepares that a blob goes.
    RemoveBlob {
        /// Which.
        number: u32,
    },
    /// Makes what was prepared count.
    Commit,
    /// Forgets what was prepared.
    Abort,
}

impl Request {
    /// Its label, its words and how many they are.
    pub fn encode(self) -> (u64, [u64; WORDS_MAX], usize) {
        match self {
            Self::Open => (1, [0; 3], 0),
            Self::ReadRecord { number } => (2, [number.into(), 0, 0], 1),
            Self::ReadBlob { number } => (3, [number.into(), 0, 0], 1),
            Self::PutRecord { number, length_bytes } => (4, [number.into(), length_bytes as u64, 0], 2),
            Self::RemoveRecord { number } => (5, [number.into(), 0, 0], 1),
            Self::PutBlob { number, length_bytes } => (6, [number.into(), length_bytes as u64, 0], 2),
            Self::RemoveBlob { number } => (7, [number.into(), 0, 0], 1),
            Self::Commit => (8, [0; 3], 0),
            Self::Abort => (9, [0; 3], 0),
        }
    }

    /// The driver's side: what a message asks for, or the status to refuse it with.
    pub fn parse(label: u64, words: &[u64]) -> Result<Self, Status> {
        let number = |word: u64| match u32::try_from(word) {
            Ok(number @ 1..) => Ok(number),
            _ => Err(Status::BadNumber),
        };
        let length = |word: u64, max: usize| match usize::try_from(word) {
            Ok(length) if (1..=max).contains(&length) => Ok(length),
            _ => Err(Status::BadLength),
        };
        match (label, words) {
            (1, []) => Ok(Self::Open),
            (2, &[word]) => Ok(Self::ReadRecord { number: number(word)? }),
            (3, &[word]) => Ok(Self::ReadBlob { number: number(word)? }),
            (4, &[word, bytes]) => {
                Ok(Self::PutRecord { number: number(word)?, length_bytes: length(bytes, RECORD_BYTES_MAX)? })
            }
            (5, &[word]) => Ok(Self::RemoveRecord { number: number(word)? }),
            (6, &[word, bytes]) => {
                Ok(Self::PutBlob { number: number(word)?, length_bytes: length(bytes, BLOB_BYTES_MAX)? })
            }
            (7, &[word]) => Ok(Self::RemoveBlob { number: number(word)? }),
            (8, []) => Ok(Self::Commit),
            (9, []) => Ok(Self::Abort),
            (1..=9, _) => Err(Status::BadLength),
            _ => Err(Status::UnknownLabel),
        }
    }
}

#[cfg(test)]
mod tests;
