// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How a call ended.

use core::fmt;

/// How a call ended. Zero is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Status {
    /// It was done.
    Ok = 1,
    /// The label is no request of this contract.
    UnknownLabel = 2,
    /// The wrong number of words, or a length out of range.
    BadLength = 3,
    /// No record or blob has such a number.
    BadNumber = 4,
    /// This machine has no disk.
    NoDisk = 5,
    /// The disk is not ours, too small, or cannot be written; it is left alone.
    NotOurs = 6,
    /// The disk was ours and is damaged; it is left alone.
    Damaged = 7,
    /// There is no such record or blob.
    Unknown = 8,
    /// No room for more records, or no place for one more blob.
    Full = 9,
    /// The blob on the disk is not the one that was written.
    DamagedBlob = 10,
    /// The disk failed.
    DiskFailed = 11,
    /// A commit failed; until the next boot nothing can be changed.
    OutOfUse = 12,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Ok,
        Self::UnknownLabel,
        Self::BadLength,
        Self::BadNumber,
        Self::NoDisk,
        Self::NotOurs,
        Self::Damaged,
        Self::Unknown,
        Self::Full,
        Self::DamagedBlob,
        Self::DiskFailed,
        Self::OutOfUse,
    ];

    /// The status that `label` means.
    pub fn from_label(label: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|status| *status as u64 == label)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::UnknownLabel => "unknown request",
            Self::BadLength => "bad length",
            Self::BadNumber => "bad number",
            Self::NoDisk => "this machine has no disk",
            Self::NotOurs => "the disk holds something else, or cannot be used",
            Self::Damaged => "the store on the disk is damaged",
            Self::Unknown => "no such record or blob",
            Self::Full => "the disk has no room",
            Self::DamagedBlob => "damaged on the disk",
            Self::DiskFailed => "the disk failed",
            Self::OutOfUse => "the disk is out of use until the next boot",
        })
    }
}
