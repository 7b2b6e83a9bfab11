// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One ring, and what is to be said about it.

use cofferdam_log_ring::{Entry, Peek, Reader, Record, RecordBuffer, RingError};

/// The shortest time between two notes about the same ring.
const NOTE_GAP_US: u64 = 1_000_000;

/// A protection domain's log ring.
#[derive(Debug)]
pub struct Source {
    name: &'static str,
    reader: Reader,
    /// Lines printed in this round.
    pub(crate) printed: u32,
    lost_bytes: u64,
    /// Since the start.
    lost_total_bytes: u64,
    error: Option<RingError>,
    last_note_us: Option<u64>,
}

/// What is to be said about a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Lost { bytes: u64 },
    Broken(RingError),
}

impl Source {
    /// The ring that `reader` reads, of the protection domain `name`.
    pub const fn new(name: &'static str, reader: Reader) -> Self {
        Self { name, reader, printed: 0, lost_bytes: 0, lost_total_bytes: 0, error: None, last_note_us: None }
    }

    /// The protection domain's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Bytes of its log that were overwritten before this side read them, since the start.
    pub const fn lost_total_bytes(&self) -> u64 {
        self.lost_total_bytes
    }

    fn lost(&mut self, bytes: u64) {
        self.lost_bytes = self.lost_bytes.saturating_add(bytes);
        self.lost_total_bytes = self.lost_total_bytes.saturating_add(bytes);
    }

    /// When the next record was written, if there is one. Looks at most twice, so that an owner who makes
    /// looking fail again and again costs no more.
    pub(crate) fn next_us(&mut self) -> Option<u64> {
        for _ in 0..2 {
            match self.reader.peek() {
                Ok(Some(Peek::Record { time_us })) => return Some(time_us),
                Ok(None) => return None,
                Ok(Some(Peek::Lost { bytes })) => self.lost(bytes),
                Err(error) => self.error = Some(error),
            }
        }
        None
    }

    /// The next record, if it is still there.
    pub(crate) fn read<'b>(&mut self, buffer: &'b mut RecordBuffer) -> Option<Record<'b>> {
        match self.reader.read(buffer) {
            Ok(Some(Entry::Record(record))) => Some(record),
            Ok(Some(Entry::Lost { bytes })) => {
                self.lost(bytes);
                None
            }
            Ok(None) => None,
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }

    /// What is to be said about this ring now.
    pub(crate) fn note(&mut self, now_us: u64) -> Option<Note> {
        if self.lost_bytes == 0 && self.error.is_none() {
            return None;
        }
        if self.last_note_us.is_some_and(|last_us| now_us < last_us.saturating_add(NOTE_GAP_US)) {
            return None;
        }
        self.last_note_us = Some(now_us);
        match self.error.take() {
            Some(error) => Some(Note::Broken(error)),
            None => Some(Note::Lost { bytes: core::mem::take(&mut self.lost_bytes) }),
        }
    }
}
