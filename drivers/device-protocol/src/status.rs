// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How requests end.

use core::fmt;

/// How a request to `sensor_hub` or `actuator_guard` ended. Zero is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Status {
    /// Done.
    Ok = 1,
    /// The label is none that the server knows.
    UnknownRequest = 2,
    /// The request had too few or too many words.
    BadLength = 3,
    /// There is no device of this id.
    UnknownDevice = 4,
    /// The sensor has not been sampled yet.
    NotReady = 5,
    /// The caller holds no lease on this actuator: never acquired, released, or run out.
    NoLease = 6,
    /// Another client holds the lease.
    HeldByAnother = 7,
    /// The value is outside the actuator's range. What the actuator does has not changed.
    OutOfRange = 8,
    /// The value is not a number. What the actuator does has not changed.
    NotANumber = 9,
    /// The duration is zero or longer than [`crate::LEASE_MAX_US`].
    BadDuration = 10,
    /// The caller's channel is none that this server serves.
    NotAClient = 11,
    /// The caller may not touch this device, or not with this value. What the actuator does has not changed.
    NotPermitted = 12,
    /// More often in this second than the caller may.
    TooOften = 13,
    /// A permission that no slot can have.
    BadPermission = 14,
    /// The driver brakes, and this would drive. What the actuator does has not changed.
    Interlocked = 15,
    /// Two versions are side by side already, or terms under which none can be.
    BadSwap = 20,
    /// No two versions are side by side, or the new one does not do what the old one does.
    NotAgreed = 21,
}

impl Status {
    /// The status with this number.
    pub const fn from_code(code: u64) -> Option<Self> {
        Some(match code {
            1 => Status::Ok,
            2 => Status::UnknownRequest,
            3 => Status::BadLength,
            4 => Status::UnknownDevice,
            5 => Status::NotReady,
            6 => Status::NoLease,
            7 => Status::HeldByAnother,
            8 => Status::OutOfRange,
            9 => Status::NotANumber,
            10 => Status::BadDuration,
            11 => Status::NotAClient,
            12 => Status::NotPermitted,
            13 => Status::TooOften,
            14 => Status::BadPermission,
            15 => Status::Interlocked,
            20 => Status::BadSwap,
            21 => Status::NotAgreed,
            _ => return None,
        })
    }
}

/// A message that is no reply to the request it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadReply {
    /// Its label.
    pub label: u64,
    /// How many words it had.
    pub words: usize,
}

/// Why a call did not do what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The server refused.
    Refused(Status),
    /// The server's answer makes no sense.
    BadReply(BadReply),
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Ok => "ok",
            Status::UnknownRequest => "unknown request",
            Status::BadLength => "wrong number of words",
            Status::UnknownDevice => "no such device",
            Status::NotReady => "no sample yet",
            Status::NoLease => "no lease",
            Status::HeldByAnother => "held by another client",
            Status::OutOfRange => "value out of range",
            Status::NotANumber => "value is not a number",
            Status::BadDuration => "lease duration out of range",
            Status::NotAClient => "not a client",
            Status::NotPermitted => "not permitted",
            Status::TooOften => "too often",
            Status::BadPermission => "not a permission",
            Status::Interlocked => "held back while the driver brakes",
            Status::BadSwap => "these two cannot be compared",
            Status::NotAgreed => "the new version does not do what the old one does",
        })
    }
}

impl fmt::Display for BadReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a reply: label {} with {} words", self.label, self.words)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Refused(status) => write!(f, "refused: {status}"),
            CallError::BadReply(reply) => write!(f, "{reply}"),
        }
    }
}

impl core::error::Error for CallError {}
