// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The client's side. The driver is not believed: what it answers is checked, its bytes are copied once.

use core::fmt;

use cofferdam_shared_memory::SharedRegion;

use crate::{BLOB_BYTES_MAX, RECORD_BYTES_MAX, Request, Status, WORDS_MAX};

/// A reply as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its label.
    pub label: u64,
    /// Its first words.
    pub words: [u64; WORDS_MAX],
    /// How many words it says it has.
    pub count: usize,
}

/// The way to the driver.
pub trait Call {
    /// Sends a message and waits for the answer.
    fn call(&mut self, label: u64, words: &[u64]) -> Answer;
}

/// Why a call did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The driver refused.
    Refused(Status),
    /// The reply is none of this contract's.
    BadReply(Answer),
    /// The bytes do not fit where they should go, here or in the region.
    TooLong {
        /// How many.
        bytes: usize,
    },
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) => status.fmt(f),
            Self::BadReply(answer) => {
                write!(f, "store_driver replied with label {} and {} words", answer.label, answer.count)
            }
            Self::TooLong { bytes } => write!(f, "{bytes} bytes do not fit"),
        }
    }
}

impl core::error::Error for CallError {}

/// How the disk was found when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Found {
    /// Whole.
    Whole = 1,
    /// As a loss of power leaves it; repaired.
    Repaired = 2,
    /// Blank; now formatted.
    Formatted = 3,
}

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// How often something was committed.
    pub generation: u64,
    /// How many blobs there can be.
    pub places: u64,
    /// How the disk was found at boot.
    pub found: Found,
}

/// The store, as its client sees it.
#[derive(Debug)]
pub struct Client<C> {
    call: C,
    request: SharedRegion,
    reply: SharedRegion,
}

impl<C: Call> Client<C> {
    /// The store behind `call`, with the regions `store_request` (written here) and `store_reply`.
    pub fn new(call: C, request: SharedRegion, reply: SharedRegion) -> Self {
        Self { call, request, reply }
    }

    /// Sends a request; gives as many words as its reply should have.
    fn ask<const WORDS: usize>(&mut self, request: Request) -> Result<[u64; WORDS], CallError> {
        let (label, words, count) = request.encode();
        let answer = self.call.call(label, words.get(..count).unwrap_or(&words));
        match Status::from_label(answer.label) {
            Some(Status::Ok) if answer.count == WORDS => {
                answer.words.first_chunk().copied().ok_or(CallError::BadReply(answer))
            }
            Some(status) if status != Status::Ok && answer.count == 0 => Err(CallError::Refused(status)),
            _ => Err(CallError::BadReply(answer)),
        }
    }

    /// What there is. Whatever was prepared is forgotten.
    ///
    /// # Errors
    /// If there is no store to be used.
    pub fn open(&mut self) -> Result<Opened, CallError> {
        let [generation, places, found] = self.ask(Request::Open)?;
        let all = [Found::Whole, Found::Repaired, Found::Formatted];
        let Some(found) = all.into_iter().find(|one| *one as u64 == found) else {
            let words = [generation, places, found];
            return Err(CallError::BadReply(Answer { label: Status::Ok as u64, words, count: WORDS_MAX }));
        };
        Ok(Opened { generation, places, found })
    }

    /// Copies a committed record into `bytes`; gives its length.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn read_record(&mut self, number: u32, bytes: &mut [u8]) -> Result<usize, CallError> {
        let [length] = self.ask(Request::ReadRecord { number })?;
        self.take(length, RECORD_BYTES_MAX, bytes)
    }

    /// Copies a committed blob into `bytes`; gives its length.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn read_blob(&mut self, number: u32, bytes: &mut [u8]) -> Result<usize, CallError> {
        let [length] = self.ask(Request::ReadBlob { number })?;
        self.take(length, BLOB_BYTES_MAX, bytes)
    }

    /// Copies the reply's bytes once, if the driver's length makes sense.
    fn take(&self, length: u64, max: usize, bytes: &mut [u8]) -> Result<usize, CallError> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let too_long = CallError::TooLong { bytes: length };
        let target = bytes.get_mut(..length).filter(|_| (1..=max).contains(&length)).ok_or(too_long)?;
        self.reply.copy_out(0, target).map_err(|_| too_long)?;
        Ok(length)
    }

    /// Prepares a record.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn put_record(&mut self, number: u32, bytes: &[u8]) -> Result<(), CallError> {
        self.give(bytes, RECORD_BYTES_MAX)?;
        self.ask(Request::PutRecord { number, length_bytes: bytes.len() }).map(|[]| ())
    }

    /// Prepares that a record goes.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn remove_record(&mut self, number: u32) -> Result<(), CallError> {
        self.ask(Request::RemoveRecord { number }).map(|[]| ())
    }

    /// Prepares a blob.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn put_blob(&mut self, number: u32, bytes: &[u8]) -> Result<(), CallError> {
        self.give(bytes, BLOB_BYTES_MAX)?;
        self.ask(Request::PutBlob { number, length_bytes: bytes.len() }).map(|[]| ())
    }

    /// Prepares that a blob goes.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn remove_blob(&mut self, number: u32) -> Result<(), CallError> {
        self.ask(Request::RemoveBlob { number }).map(|[]| ())
    }

    fn give(&self, bytes: &[u8], max: usize) -> Result<(), CallError> {
        let too_long = CallError::TooLong { bytes: bytes.len() };
        if bytes.len() > max {
            return Err(too_long);
        }
        // The call that follows makes it visible to the driver, which runs only then.
        self.request.copy_in(0, bytes).map_err(|_| too_long)
    }

    /// Makes what was prepared count; gives the generation.
    ///
    /// # Errors
    /// See [`CallError`]. After [`Status::DiskFailed`] it is not known whether it counts.
    pub fn commit(&mut self) -> Result<u64, CallError> {
        self.ask(Request::Commit).map(|[generation]| generation)
    }

    /// Forgets what was prepared.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn abort(&mut self) -> Result<(), CallError> {
        self.ask(Request::Abort).map(|[]| ())
    }
}
