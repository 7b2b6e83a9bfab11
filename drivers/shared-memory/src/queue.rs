// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A queue of records with one producer and one consumer, in two regions.
//!
//! | region  | producer | consumer | offset: contents                                                    |
//! |---------|----------|----------|---------------------------------------------------------------------|
//! | `data`  | rw       | r        | 0: magic u32, 4: version u32, 8: record size u32, 12: count u32     |
//! |         |          |          | 64: `published` u64; 4096: `count` records                          |
//! | `taken` | r        | rw       | 0: `taken` u64                                                      |
//!
//! A record is a `u32` length, four bytes of padding, and up to record size − 8 bytes; numbers are
//! little-endian. `published` and `taken` count records since the start and wrap. Both regions start as
//! zeros; the producer writes the header, and until it has, the consumer finds the queue empty.
//! Each side counts in private and only ever *writes* its own counter. The one exception: a side that begins anew, because
//! its protection domain was restarted, reads its own counter once, from memory that it alone can write, and goes on there.

mod errors;
mod geometry;

pub use errors::{GeometryError, PeerMisbehaviour, PopError, PushError};
pub use geometry::Geometry;

use crate::regions::{OutOfBounds, SharedRegion};

/// First word of an initialised queue: "CFRQ" in memory.
const MAGIC: u32 = u32::from_le_bytes(*b"CFRQ");
/// Version of this layout.
const VERSION: u32 = 1;

const MAGIC_AT: usize = 0;
const VERSION_AT: usize = 4;
const RECORD_SIZE_AT: usize = 8;
const COUNT_AT: usize = 12;
/// Away from the constants, on a cache line of its own.
const PUBLISHED_AT: usize = 64;
/// A page, so that records are page-aligned if their size is.
const RECORDS_AT: usize = 4096;
const TAKEN_AT: usize = 0;
/// The length and its padding, in front of each record's bytes.
const RECORD_HEADER_BYTES: usize = 8;

/// The end that adds records.
#[derive(Debug)]
pub struct Producer {
    data: SharedRegion,
    taken: SharedRegion,
    geometry: Geometry,
    /// How many records we have published: the truth. What lies in `data` is a copy for the consumer.
    published: u64,
    /// The consumer's counter when it last was valid.
    taken_seen: u64,
    /// Where the next record goes.
    position: u32,
}

impl Producer {
    /// Takes the producer's end and writes the header. `data` must be writable, and both regions zeroed or as an earlier
    /// life of this end left them: then it goes on where that one stopped.
    pub fn new(data: SharedRegion, taken: SharedRegion, record_bytes: usize) -> Result<Self, GeometryError> {
        let geometry = Geometry::new(data.size_bytes(), record_bytes)?;
        let header = [data.load_u32_relaxed(MAGIC_AT)?, data.load_u32_relaxed(VERSION_AT)?];
        let sizes = [data.load_u32_relaxed(RECORD_SIZE_AT)?, data.load_u32_relaxed(COUNT_AT)?];
        let is_ours = header == [MAGIC, VERSION] && sizes == [geometry.record_bytes, geometry.count];
        let counter = if is_ours { data.load_u64_relaxed(PUBLISHED_AT)? } else { 0 };
        let mut producer = Self::starting_at(data, taken, record_bytes, counter)?;
        producer.position = geometry.position_of(counter);
        // All records that fit may wait. What the consumer has taken is checked against this as ever.
        producer.taken_seen = counter.saturating_sub(u64::from(geometry.count));
        Ok(producer)
    }

    pub(crate) fn starting_at(
        data: SharedRegion,
        taken: SharedRegion,
        record_bytes: usize,
        counter: u64,
    ) -> Result<Self, GeometryError> {
        let geometry = Geometry::new(data.size_bytes(), record_bytes)?;
        taken.load_u64_relaxed(TAKEN_AT)?;
        data.store_u64_relaxed(PUBLISHED_AT, counter)?;
        data.store_u32_relaxed(VERSION_AT, VERSION)?;
        data.store_u32_relaxed(RECORD_SIZE_AT, geometry.record_bytes)?;
        data.store_u32_relaxed(COUNT_AT, geometry.count)?;
        // Pairs with the acquire load in `Consumer::check_header`: who sees the magic sees the rest.
        data.store_u32_release(MAGIC_AT, MAGIC)?;
        Ok(Self { data, taken, geometry, published: counter, taken_seen: counter, position: 0 })
    }

    /// Size and number of the records.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// How many records were ever pushed, by earlier lives of this end too.
    pub fn published(&self) -> u64 {
        self.published
    }

    /// How many records can be pushed now.
    pub fn free(&mut self) -> Result<usize, PeerMisbehaviour> {
        // Pairs with the release store in `Consumer::finish`: a record counted there has been copied out
        // and may be overwritten.
        let found = self
            .taken
            .load_u64_acquire(TAKEN_AT)
            .map_err(|_| PeerMisbehaviour::Counter { found: 0, own: self.published })?;
        // It may only go forward, and not past us.
        let waiting = self.published.wrapping_sub(found);
        if waiting > self.published.wrapping_sub(self.taken_seen) {
            return Err(PeerMisbehaviour::Counter { found, own: self.published });
        }
        self.taken_seen = found;
        // `waiting` is at most the distance before, which never exceeds `count`.
        Ok(self.geometry.count() - waiting as usize)
    }

    /// Adds one record that consists of `parts` one after the other. Afterwards, notify the consumer.
    pub fn push(&mut self, parts: &[&[u8]]) -> Result<(), PushError> {
        let length_bytes = parts.iter().fold(0usize, |sum, part| sum.saturating_add(part.len()));
        let too_long = PushError::TooLong { length_bytes };
        let length = u32::try_from(length_bytes).map_err(|_| too_long)?;
        if length_bytes > self.geometry.payload_bytes() {
            return Err(too_long);
        }
        if self.free().map_err(PushError::Peer)? == 0 {
            return Err(PushError::Full);
        }
        self.write(length, parts).map_err(|_| too_long)
    }

    fn write(&mut self, length: u32, parts: &[&[u8]]) -> Result<(), OutOfBounds> {
        let at = self.geometry.record_at(self.position);
        self.data.store_u32_relaxed(at, length)?;
        let mut to = at + RECORD_HEADER_BYTES;
        for part in parts {
            self.data.copy_in(to, part)?;
            to += part.len();
        }
        self.published = self.published.wrapping_add(1);
        self.position = self.geometry.next(self.position);
        // Pairs with the acquire load in `Consumer::waiting`: who sees the count sees the record.
        self.data.store_u64_release(PUBLISHED_AT, self.published)
    }
}

/// The end that takes records.
#[derive(Debug)]
pub struct Consumer {
    data: SharedRegion,
    taken_region: SharedRegion,
    geometry: Geometry,
    /// How many records we have taken: the truth. What lies in `taken` is a copy for the producer.
    taken: u64,
    /// Where the next record lies.
    position: u32,
    /// The header was seen and is right.
    header_checked: bool,
}

impl Consumer {
    /// Takes the consumer's end. `taken` must be writable, and both regions zeroed at the start or as an earlier life of
    /// this end left them: then it goes on where that one stopped.
    pub fn new(data: SharedRegion, taken: SharedRegion, record_bytes: usize) -> Result<Self, GeometryError> {
        let counter = taken.load_u64_relaxed(TAKEN_AT)?;
        let mut consumer = Self::starting_at(data, taken, record_bytes, counter)?;
        consumer.position = consumer.geometry.position_of(counter);
        Ok(consumer)
    }

    pub(crate) fn starting_at(
        data: SharedRegion,
        taken: SharedRegion,
        record_bytes: usize,
        counter: u64,
    ) -> Result<Self, GeometryError> {
        let geometry = Geometry::new(data.size_bytes(), record_bytes)?;
        taken.store_u64_relaxed(TAKEN_AT, counter)?;
        Ok(Self { data, taken_region: taken, geometry, taken: counter, position: 0, header_checked: false })
    }

    /// Size and number of the records.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// How many records wait. Zero while the producer has not initialised the queue.
    pub fn waiting(&mut self) -> Result<usize, PeerMisbehaviour> {
        if !self.check_header()? {
            return Ok(0);
        }
        // Pairs with the release store in `Producer::write`.
        let found = self
            .data
            .load_u64_acquire(PUBLISHED_AT)
            .map_err(|_| PeerMisbehaviour::Counter { found: 0, own: self.taken })?;
        let waiting = found.wrapping_sub(self.taken);
        if waiting > u64::from(self.geometry.count) {
            return Err(PeerMisbehaviour::Counter { found, own: self.taken });
        }
        Ok(waiting as usize)
    }

    /// Whether no record waits.
    pub fn is_empty(&mut self) -> Result<bool, PeerMisbehaviour> {
        Ok(self.waiting()? == 0)
    }

    /// Copies the oldest record into `buffer` and gives its length; `None` if there is none. The record is
    /// read once, after which it is the producer's again. After a batch, notify the producer.
    pub fn pop(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, PopError> {
        if self.waiting().map_err(PopError::Peer)? == 0 {
            return Ok(None);
        }
        let at = self.geometry.record_at(self.position);
        let outside = |found| PopError::Peer(PeerMisbehaviour::RecordLength { found });
        let found = self.data.load_u32_relaxed(at).map_err(|_| outside(0))?;
        let length_bytes = found as usize;
        if length_bytes > self.geometry.payload_bytes() {
            self.finish();
            return Err(outside(found));
        }
        let Some(target) = buffer.get_mut(..length_bytes) else {
            return Err(PopError::BufferTooSmall { length_bytes });
        };
        self.data.copy_out(at + RECORD_HEADER_BYTES, target).map_err(|_| outside(found))?;
        self.finish();
        Ok(Some(length_bytes))
    }

    fn finish(&mut self) {
        self.taken = self.taken.wrapping_add(1);
        self.position = self.geometry.next(self.position);
        // Pairs with the acquire load in `Producer::free`. That the counter is inside was checked in `new`.
        let _ = self.taken_region.store_u64_release(TAKEN_AT, self.taken);
    }

    fn check_header(&mut self) -> Result<bool, PeerMisbehaviour> {
        if self.header_checked {
            return Ok(true);
        }
        let read = |offset_bytes| {
            self.data
                .load_u32_acquire(offset_bytes)
                .map_err(|_| PeerMisbehaviour::Header { offset_bytes, found: 0 })
        };
        // Pairs with the release store in `Producer::starting_at`.
        if read(MAGIC_AT)? == 0 {
            return Ok(false);
        }
        let expected = [
            (MAGIC_AT, MAGIC),
            (VERSION_AT, VERSION),
            (RECORD_SIZE_AT, self.geometry.record_bytes),
            (COUNT_AT, self.geometry.count),
        ];
        for (offset_bytes, value) in expected {
            let found = read(offset_bytes)?;
            if found != value {
                return Err(PeerMisbehaviour::Header { offset_bytes, found });
            }
        }
        self.header_checked = true;
        Ok(true)
    }
}
