// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The log as a device keeps it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use minicbor::{Decoder, Encoder};

use crate::Place;
use crate::entry::{Entry, Event};

/// Longest log in bytes: a record of the store.
pub const LOG_BYTES_MAX: usize = 0x4000;
/// What surrounds the entries: version, boots, the first place and the head.
const SURROUNDINGS_BYTES: usize = 128;
/// What surrounds an entry.
const HEAD_BYTES: usize = 3;

const VERSION: u8 = 1;

/// A chain of which the oldest entries go when there is no more room. In CBOR, as it is kept:
/// `[ 1, boots, number and hash of the last entry that went, [ entries as bstr ], hash of the last entry ]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    boots: u64,
    first: Place,
    entries: VecDeque<Vec<u8>>,
    bytes: usize,
    head: Place,
}

impl Default for Log {
    fn default() -> Self {
        Self { boots: 0, first: Place::BEGINNING, entries: VecDeque::new(), bytes: 0, head: Place::BEGINNING }
    }
}

impl Log {
    /// Counts a boot, to which what follows belongs.
    pub fn begin_boot(&mut self) {
        self.boots = self.boots.saturating_add(1);
    }

    /// Boots so far.
    #[must_use]
    pub fn boots(&self) -> u64 {
        self.boots
    }

    /// Adds an event. The oldest entries go if there is no room.
    pub fn append(&mut self, time_us: u64, event: Event) {
        let sequence = self.head.sequence.saturating_add(1);
        let entry = Entry { sequence, boot: self.boots, time_us, event }.encode();
        self.head = self.head.after(&entry);
        self.bytes = self.bytes.saturating_add(entry.len()).saturating_add(HEAD_BYTES);
        self.entries.push_back(entry);
        while self.bytes > LOG_BYTES_MAX - SURROUNDINGS_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.len()).saturating_sub(HEAD_BYTES);
            self.first = self.first.after(&oldest);
        }
    }

    /// The place behind the newest entry.
    #[must_use]
    pub fn head(&self) -> Place {
        self.head
    }

    /// The place before the oldest entry after number `after` that is still there, and the entries from there on.
    pub fn since(&self, after: u64) -> (Place, impl Iterator<Item = &[u8]>) {
        let mut place = self.first;
        let mut skipped = 0;
        for entry in &self.entries {
            if place.sequence >= after {
                break;
            }
            place = place.after(entry);
            skipped += 1;
        }
        (place, self.entries.iter().skip(skipped).map(Vec::as_slice))
    }

    /// The bytes to keep; at most [`LOG_BYTES_MAX`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::with_capacity(self.bytes.saturating_add(SURROUNDINGS_BYTES)));
        let written = (|| {
            encoder
                .array(6)?
                .u8(VERSION)?
                .u64(self.boots)?
                .u64(self.first.sequence)?
                .bytes(&self.first.hash)?;
            encoder.array(self.entries.len() as u64)?;
            for entry in &self.entries {
                encoder.bytes(entry)?;
            }
            encoder.bytes(&self.head.hash)?;
            Ok::<(), minicbor::encode::Error<core::convert::Infallible>>(())
        })();
        match written {
            Ok(()) => encoder.into_writer(),
            Err(_) => Vec::new(), // writing into memory cannot fail; empty bytes do not decode
        }
    }

    /// Reads what was kept, and checks the chain.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > LOG_BYTES_MAX {
            return None;
        }
        let mut decoder = Decoder::new(bytes);
        if decoder.array().ok()? != Some(6) || decoder.u8().ok()? != VERSION {
            return None;
        }
        let boots = decoder.u64().ok()?;
        let sequence = decoder.u64().ok()?;
        let hash = decoder.bytes().ok()?.try_into().ok()?;
        let first = Place { sequence, hash };
        let mut log = Self { boots, first, head: first, ..Self::default() };
        for _ in 0..decoder.array().ok()?? {
            let entry = decoder.bytes().ok()?;
            let read = Entry::decode(entry)?;
            log.head = log.head.after(entry);
            if read.sequence != log.head.sequence || read.boot > boots {
                return None;
            }
            log.bytes = log.bytes.checked_add(entry.len())?.checked_add(HEAD_BYTES)?;
            log.entries.push_back(entry.to_vec());
        }
        let is_whole = decoder.bytes().ok()? == log.head.hash && log.encode() == bytes;
        is_whole.then_some(log)
    }
}
