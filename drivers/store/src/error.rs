// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Why something could not be done.

use core::fmt;

/// Why a disk cannot be used. None of these changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError<E> {
    /// The disk does not work.
    Device(E),
    /// There is not even room for two blobs.
    TooSmall {
        /// What it has.
        sectors: u64,
        /// What is needed.
        needed: u64,
    },
    /// It holds something that is not ours. To use it for the store, fill it with zeros.
    Foreign,
    /// It is ours, of another version.
    OtherVersion {
        /// Of which.
        version: u32,
    },
    /// It is ours, but shorter than when it was formatted.
    Shrunk {
        /// What it has.
        sectors: u64,
        /// What it had.
        needed: u64,
    },
    /// It was ours, but no whole state is left; the text says which part.
    Damaged(&'static str),
}

impl<E: fmt::Display> fmt::Display for OpenError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => error.fmt(f),
            Self::TooSmall { sectors, needed } => {
                write!(
                    f,
                    "the disk is too small: {sectors} sectors of 512 bytes, at least {needed} are needed"
                )
            }
            Self::Foreign => f.write_str(
                "the disk holds something else and is left alone; to use it for apps, fill it with zeros",
            ),
            Self::OtherVersion { version } => {
                write!(f, "the disk is of version {version} of the store, which this program does not read")
            }
            Self::Shrunk { sectors, needed } => {
                write!(f, "the disk has shrunk to {sectors} sectors; the store on it needs {needed}")
            }
            Self::Damaged(part) => write!(
                f,
                "the store on this disk is damaged ({part}) and is left alone; to begin anew, fill it with zeros"
            ),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for OpenError<E> {}

impl<E> From<E> for OpenError<E> {
    fn from(error: E) -> Self {
        Self::Device(error)
    }
}

/// Why an operation failed. What was committed before is untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError<E> {
    /// The disk does not work.
    Device(E),
    /// A commit failed half-way; only opening the disk again can tell what is on it.
    OutOfUse,
    /// A record or blob is empty or too long.
    BadLength {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// Zero is no number of a record or blob.
    BadNumber,
    /// All records together are longer than the catalogue.
    Full,
    /// Every place for blobs is in use.
    NoPlace,
    /// There is no such record or blob.
    Unknown,
    /// The blob on the disk is not the one that was written.
    DamagedBlob,
    /// So many commits as no disk can take.
    Exhausted,
}

impl<E: fmt::Display> fmt::Display for StoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => error.fmt(f),
            Self::OutOfUse => f.write_str("the store is out of use since a commit failed"),
            Self::BadLength { bytes, max } => write!(f, "a length of {bytes} bytes is not within 1 to {max}"),
            Self::BadNumber => f.write_str("zero is no number of a record or blob"),
            Self::Full => f.write_str("no room for more records"),
            Self::NoPlace => f.write_str("no place for one more blob"),
            Self::Unknown => f.write_str("no such record or blob"),
            Self::DamagedBlob => f.write_str("the blob is damaged on the disk"),
            Self::Exhausted => f.write_str("no further commit can be counted"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for StoreError<E> {}
