// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract of `timer_driver`: what its clients may ask by protected procedure call.
//!
//! Every time is an absolute number of microseconds of the counter that all protection domains read
//! (`sel4_microkit::now_us`). A client channel holds at most one timer: asking again replaces it. When the
//! time has come `timer_driver` notifies the channel; notifications coalesce, so a client works out from the
//! clock how many releases of a periodic timer have passed ([`releases_due`]).
//!
//! This crate encodes and decodes; it sends nothing. The feature `pd` adds `pd::Timer`, which does.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "pd")]
pub mod pd;
#[cfg(test)]
mod tests;

use core::fmt;

/// The shortest period that `timer_driver` accepts, in microseconds. It bounds what one client can cost.
pub const PERIOD_MIN_US: u64 = 500;
/// The longest period that `timer_driver` accepts, in microseconds: one hour.
pub const PERIOD_MAX_US: u64 = 3_600_000_000;
/// The latest time that `timer_driver` accepts: about 36 years of counter time, far from any overflow.
pub const TIME_MAX_US: u64 = 1 << 50;

/// Most words in a request or a reply.
pub const WORDS_MAX: usize = 2;

const LABEL_PERIODIC: u64 = 1;
const LABEL_ONE_SHOT: u64 = 2;
const LABEL_CANCEL: u64 = 3;
const LABEL_NOW: u64 = 4;

/// A label and its words, as they go into or come out of the message registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The label of the message.
    pub label: u64,
    words: [u64; WORDS_MAX],
    count: usize,
}

impl Message {
    const fn new(label: u64, words: [u64; WORDS_MAX], count: usize) -> Self {
        Self { label, words, count }
    }

    /// The words that go with the label.
    pub fn words(&self) -> &[u64] {
        self.words.get(..self.count).unwrap_or(&self.words)
    }
}

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Notify at `first_us`, then at `first_us + k * period_us` for every k, without drift.
    Periodic {
        /// When the first release is. A time in the past counts its missed releases as passed.
        first_us: u64,
        /// The time between two releases, [`PERIOD_MIN_US`] to [`PERIOD_MAX_US`] (`timer_driver` checks).
        period_us: u64,
    },
    /// Notify once, at `at_us`; at once if that has passed.
    OneShot {
        /// When to notify.
        at_us: u64,
    },
    /// Forget the timer of this channel. A notification that is already on its way still arrives.
    Cancel,
    /// Only say what time it is.
    Now,
}

impl Request {
    /// The message that carries this request.
    pub const fn encode(&self) -> Message {
        match *self {
            Request::Periodic { first_us, period_us } => {
                Message::new(LABEL_PERIODIC, [first_us, period_us], 2)
            }
            Request::OneShot { at_us } => Message::new(LABEL_ONE_SHOT, [at_us, 0], 1),
            Request::Cancel => Message::new(LABEL_CANCEL, [0, 0], 0),
            Request::Now => Message::new(LABEL_NOW, [0, 0], 0),
        }
    }

    /// The request in a message, or the status to refuse it with.
    ///
    /// # Errors
    /// [`Status::UnknownRequest`] for a label that is none of ours, [`Status::BadLength`] for too few or too
    /// many words, [`Status::BadPeriod`] and [`Status::TimeTooFar`] for times outside the limits above.
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, Status> {
        let request = match (label, words) {
            (LABEL_PERIODIC, &[first_us, period_us]) => {
                if !(PERIOD_MIN_US..=PERIOD_MAX_US).contains(&period_us) {
                    return Err(Status::BadPeriod);
                }
                Request::Periodic { first_us, period_us }
            }
            (LABEL_ONE_SHOT, &[at_us]) => Request::OneShot { at_us },
            (LABEL_CANCEL, &[]) => Request::Cancel,
            (LABEL_NOW, &[]) => Request::Now,
            (LABEL_PERIODIC | LABEL_ONE_SHOT | LABEL_CANCEL | LABEL_NOW, _) => return Err(Status::BadLength),
            _ => return Err(Status::UnknownRequest),
        };
        match request {
            Request::Periodic { first_us: time_us, .. } | Request::OneShot { at_us: time_us }
                if time_us > TIME_MAX_US =>
            {
                Err(Status::TimeTooFar)
            }
            _ => Ok(request),
        }
    }
}

/// How a request ended. Zero is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Status {
    /// Done.
    Ok = 1,
    /// The label is none that `timer_driver` knows.
    UnknownRequest = 2,
    /// The request had too few or too many words.
    BadLength = 3,
    /// The period is outside [`PERIOD_MIN_US`] to [`PERIOD_MAX_US`].
    BadPeriod = 4,
    /// The time is later than [`TIME_MAX_US`].
    TimeTooFar = 5,
    /// The caller's channel is none that holds a timer.
    NotAClient = 6,
}

impl Status {
    /// The status with this number.
    pub const fn from_code(code: u64) -> Option<Self> {
        Some(match code {
            1 => Status::Ok,
            2 => Status::UnknownRequest,
            3 => Status::BadLength,
            4 => Status::BadPeriod,
            5 => Status::TimeTooFar,
            6 => Status::NotAClient,
            _ => return None,
        })
    }
}

/// What `timer_driver` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// How the request ended.
    pub status: Status,
    /// The time when it was handled.
    pub now_us: u64,
}

impl Reply {
    /// The message that carries this reply.
    pub const fn encode(&self) -> Message {
        Message::new(self.status as u64, [self.now_us, 0], 1)
    }

    /// The reply in a message.
    ///
    /// # Errors
    /// [`BadReply`] for anything that [`Reply::encode`] does not make.
    pub const fn decode(label: u64, words: &[u64]) -> Result<Self, BadReply> {
        match (Status::from_code(label), words) {
            (Some(status), &[now_us]) => Ok(Reply { status, now_us }),
            _ => Err(BadReply { label, words: words.len() }),
        }
    }
}

/// A message that is no reply of `timer_driver`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadReply {
    /// Its label.
    pub label: u64,
    /// How many words it had.
    pub words: usize,
}

/// Why a call to `timer_driver` did not do what it should.
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
            Status::BadPeriod => "period out of range",
            Status::TimeTooFar => "time too far in the future",
            Status::NotAClient => "no timer for this channel",
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
            CallError::Refused(status) => write!(f, "timer_driver refused: {status}"),
            CallError::BadReply(reply) => write!(f, "timer_driver: {reply}"),
        }
    }
}

impl core::error::Error for CallError {}

/// How many releases of a periodic timer have come by `now_us`: 0 before `first_us`, 1 from then on, and so
/// on. A client that has handled `n` of them still owes `releases_due(…) - n`.
pub const fn releases_due(first_us: u64, period_us: u64, now_us: u64) -> u64 {
    match now_us.checked_sub(first_us) {
        None => 0,
        Some(_) if period_us == 0 => 1,
        Some(passed_us) => (passed_us / period_us).saturating_add(1),
    }
}
