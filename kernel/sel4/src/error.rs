// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Why the kernel refused an invocation.

use crate::{MessageInfo, constants};

/// The kernel's reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// An argument is not allowed here.
    InvalidArgument,
    /// A capability given is of the wrong kind or state.
    InvalidCapability,
    /// The object does not do that.
    IllegalOperation,
    /// An argument is out of range.
    RangeError,
    /// An address is not aligned as it must be.
    AlignmentError,
    /// A slot or a paging structure on the way is missing.
    FailedLookup,
    /// The message was too short.
    TruncatedMessage,
    /// The destination is occupied.
    DeleteFirst,
    /// The object has children.
    RevokeFirst,
    /// The untyped memory does not suffice.
    NotEnoughMemory,
    /// A number that this crate does not know.
    Unknown(u64),
}

impl Error {
    /// The outcome of an invocation.
    pub(crate) fn check(info: MessageInfo) -> Result<(), Self> {
        Err(match info.label() {
            0 => return Ok(()),
            constants::ERROR_InvalidArgument => Self::InvalidArgument,
            constants::ERROR_InvalidCapability => Self::InvalidCapability,
            constants::ERROR_IllegalOperation => Self::IllegalOperation,
            constants::ERROR_RangeError => Self::RangeError,
            constants::ERROR_AlignmentError => Self::AlignmentError,
            constants::ERROR_FailedLookup => Self::FailedLookup,
            constants::ERROR_TruncatedMessage => Self::TruncatedMessage,
            constants::ERROR_DeleteFirst => Self::DeleteFirst,
            constants::ERROR_RevokeFirst => Self::RevokeFirst,
            constants::ERROR_NotEnoughMemory => Self::NotEnoughMemory,
            other => Self::Unknown(other),
        })
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = match self {
            Self::InvalidArgument => "invalid argument",
            Self::InvalidCapability => "invalid capability",
            Self::IllegalOperation => "illegal operation",
            Self::RangeError => "out of range",
            Self::AlignmentError => "wrong alignment",
            Self::FailedLookup => "lookup failed",
            Self::TruncatedMessage => "message too short",
            Self::DeleteFirst => "destination is occupied",
            Self::RevokeFirst => "object has children",
            Self::NotEnoughMemory => "not enough memory",
            Self::Unknown(number) => return write!(f, "kernel error {number}"),
        };
        f.write_str(text)
    }
}

impl core::error::Error for Error {}
