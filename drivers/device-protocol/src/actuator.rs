// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What clients may ask `actuator_guard`.
//!
//! A client is a slot, told by the channel that it calls on. It may lease and write what `wasm_manager` permits it
//! ([`crate::permission`]), and write to an actuator only while it holds the lease on it; when the lease is released or
//! runs out, the last value is too old, or the permission is revoked, the guard brings the actuator to its safe state by
//! itself. Whatever is written, the actuator moves no faster than its slew limit ([`crate::Actuator`]).

use crate::sensor::success;
use crate::{ACTUATORS, Actuator, BadReply, CallError, Message, Status};

pub use crate::sensor::refusal;

const LABEL_LEASE_ACQUIRE: u64 = 1;
const LABEL_WRITE: u64 = 2;
const LABEL_LEASE_RELEASE: u64 = 3;
const LABEL_RELEASE_ALL: u64 = 4;
const LABEL_READ: u64 = 5;

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Request {
    /// Take the lease on an actuator, or renew it: answered by [`Lease`].
    LeaseAcquire {
        /// Which actuator.
        id: usize,
        /// For how long from now: 1 to [`crate::LEASE_MAX_US`] (the guard checks).
        duration_us: u64,
    },
    /// Move an actuator: answered by [`Applied`].
    Write {
        /// Which actuator.
        id: usize,
        /// The value to apply, within the client's permission (the guard checks).
        value: f64,
    },
    /// Give a lease back: answered by [`done`].
    LeaseRelease {
        /// Which actuator.
        id: usize,
    },
    /// Give every lease of this client back: answered by [`done`].
    ReleaseAll,
    /// What an actuator is doing: answered by [`Output`]. Needs a permission, no lease.
    Read {
        /// Which actuator.
        id: usize,
    },
}

impl Request {
    /// The message that carries this request.
    pub fn encode(&self) -> Message {
        match *self {
            Request::LeaseAcquire { id, duration_us } => {
                Message::new(LABEL_LEASE_ACQUIRE, &[id as u64, duration_us])
            }
            Request::Write { id, value } => Message::new(LABEL_WRITE, &[id as u64, value.to_bits()]),
            Request::LeaseRelease { id } => Message::new(LABEL_LEASE_RELEASE, &[id as u64]),
            Request::ReleaseAll => Message::new(LABEL_RELEASE_ALL, &[]),
            Request::Read { id } => Message::new(LABEL_READ, &[id as u64]),
        }
    }

    /// The request in a message, or the status to refuse it with. The id of a decoded request is one of
    /// [`ACTUATORS`]; durations and values are for the guard to judge.
    ///
    /// # Errors
    /// [`Status::UnknownRequest`], [`Status::BadLength`], [`Status::UnknownDevice`].
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, Status> {
        match (label, words) {
            (LABEL_LEASE_ACQUIRE, &[id, duration_us]) => {
                Ok(Request::LeaseAcquire { id: actuator(id)?.id, duration_us })
            }
            (LABEL_WRITE, &[id, bits]) => {
                Ok(Request::Write { id: actuator(id)?.id, value: f64::from_bits(bits) })
            }
            (LABEL_LEASE_RELEASE, &[id]) => Ok(Request::LeaseRelease { id: actuator(id)?.id }),
            (LABEL_RELEASE_ALL, &[]) => Ok(Request::ReleaseAll),
            (LABEL_READ, &[id]) => Ok(Request::Read { id: actuator(id)?.id }),
            (LABEL_LEASE_ACQUIRE..=LABEL_READ, _) => Err(Status::BadLength),
            _ => Err(Status::UnknownRequest),
        }
    }
}

fn actuator(id: u64) -> Result<&'static Actuator, Status> {
    usize::try_from(id).ok().and_then(|id| const { &ACTUATORS }.get(id)).ok_or(Status::UnknownDevice)
}

fn bad_reply(label: u64, words: &[u64]) -> CallError {
    CallError::BadReply(BadReply { label, words: words.len() })
}

/// A lease that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// When it runs out unless it is renewed.
    pub until_us: u64,
}

impl Lease {
    /// The message that carries this answer.
    pub fn encode(&self) -> Message {
        Message::new(Status::Ok as u64, &[self.until_us])
    }

    /// The answer in a reply.
    ///
    /// # Errors
    /// [`CallError::Refused`] with the guard's reason, [`CallError::BadReply`] if it is not to be understood.
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, CallError> {
        match (success(label, words)?, words) {
            ((), &[until_us]) => Ok(Self { until_us }),
            _ => Err(bad_reply(label, words)),
        }
    }
}

/// A value was taken, and the actuator is on its way to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Applied {
    /// What the actuator does now.
    pub value: f64,
}

impl Applied {
    /// The message that carries this answer.
    pub fn encode(&self) -> Message {
        Message::new(Status::Ok as u64, &[self.value.to_bits()])
    }

    /// The answer in a reply.
    ///
    /// # Errors
    /// As [`Lease::decode`].
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, CallError> {
        match (success(label, words)?, words) {
            ((), &[bits]) => Ok(Self { value: f64::from_bits(bits) }),
            _ => Err(bad_reply(label, words)),
        }
    }
}

/// What an actuator is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Output {
    /// Its value.
    pub value: f64,
    /// The client that holds the lease, if any: a slot's number.
    pub holder: Option<u8>,
}

impl Output {
    /// Nobody holds it, and it does nothing.
    pub const AT_REST: Self = Self { value: 0.0, holder: None };

    /// The message that carries this answer; the holder is its slot's number + 1, or zero for nobody.
    pub fn encode(&self) -> Message {
        let holder = self.holder.map_or(0, |client| u64::from(client) + 1);
        Message::new(Status::Ok as u64, &[self.value.to_bits(), holder])
    }

    /// The answer in a reply.
    ///
    /// # Errors
    /// As [`Lease::decode`].
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, CallError> {
        match (success(label, words)?, words) {
            ((), &[bits, 0]) => Ok(Self { value: f64::from_bits(bits), holder: None }),
            ((), &[bits, holder @ 1..=256]) => {
                Ok(Self { value: f64::from_bits(bits), holder: Some((holder - 1) as u8) })
            }
            _ => Err(bad_reply(label, words)),
        }
    }
}

/// The answer that has nothing to say but that it is done.
pub fn done() -> Message {
    Message::new(Status::Ok as u64, &[])
}

/// Reads the answer of [`done`].
///
/// # Errors
/// As [`Lease::decode`].
pub fn decode_done(label: u64, words: &[u64]) -> Result<(), CallError> {
    match (success(label, words)?, words) {
        ((), &[]) => Ok(()),
        _ => Err(bad_reply(label, words)),
    }
}
