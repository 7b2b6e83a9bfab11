// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What can go wrong with a queue.

use core::fmt;

use crate::regions::OutOfBounds;

/// The regions do not make a queue: a mistake in the system description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeometryError {
    /// The record size is not a multiple of 8 above 8.
    RecordSize {
        /// The size asked for.
        record_bytes: usize,
    },
    /// Not a single record fits, or (for the `taken` region) not the counter.
    RegionTooSmall {
        /// The region's size.
        region_bytes: usize,
    },
}

impl fmt::Display for GeometryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecordSize { record_bytes } => write!(f, "a record cannot have {record_bytes} bytes"),
            Self::RegionTooSmall { region_bytes } => {
                write!(f, "a region of {region_bytes} bytes is too small for this queue")
            }
        }
    }
}

impl core::error::Error for GeometryError {}

impl From<OutOfBounds> for GeometryError {
    fn from(error: OutOfBounds) -> Self {
        Self::RegionTooSmall { region_bytes: error.region_bytes }
    }
}

/// The peer wrote something that no correct peer writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerMisbehaviour {
    /// The producer's header does not describe this queue.
    Header {
        /// Offset of the word that is wrong.
        offset_bytes: usize,
        /// What it holds.
        found: u32,
    },
    /// The peer's counter is not between its last value and what ours allows.
    Counter {
        /// The peer's counter as read.
        found: u64,
        /// Our own counter.
        own: u64,
    },
    /// A record claims more bytes than a record can carry. It has been skipped.
    RecordLength {
        /// The length it claims.
        found: u32,
    },
}

impl fmt::Display for PeerMisbehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { offset_bytes, found } => {
                write!(f, "queue header holds {found:#x} at offset {offset_bytes}")
            }
            Self::Counter { found, own } => write!(f, "peer counts {found} records where we count {own}"),
            Self::RecordLength { found } => write!(f, "a record claims {found} bytes"),
        }
    }
}

impl core::error::Error for PeerMisbehaviour {}

/// Why a record was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// There is no room now.
    Full,
    /// The record is longer than any record of this queue can be.
    TooLong {
        /// Its length.
        length_bytes: usize,
    },
    /// The consumer misbehaves.
    Peer(PeerMisbehaviour),
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the queue is full"),
            Self::TooLong { length_bytes } => write!(f, "{length_bytes} bytes do not fit in a record"),
            Self::Peer(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PushError {}

/// Why no record could be taken although there may be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PopError {
    /// The caller's buffer is shorter than the record, which stays where it is.
    BufferTooSmall {
        /// The record's length.
        length_bytes: usize,
    },
    /// The producer misbehaves.
    Peer(PeerMisbehaviour),
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { length_bytes } => {
                write!(f, "the buffer is too small for {length_bytes} bytes")
            }
            Self::Peer(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PopError {}
