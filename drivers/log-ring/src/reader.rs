// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The side that reads.

use core::fmt;
use core::sync::atomic::{Ordering, fence};

use cofferdam_shared_memory::{OutOfBounds, SharedRegion};
use zerocopy::{FromZeros as _, IntoBytes as _};

use crate::layout::{
    ALIGN_BYTES, MAGIC, MAGIC_OFFSET, NAME_MAX_BYTES, OLDEST_OFFSET, Origin, RecordHeader, TEXT_MAX_BYTES,
    VERSION, VERSION_OFFSET, WRITTEN_OFFSET, data_bytes,
};
use crate::producer::{RegionTooSmall, load};

/// Where a record is copied to. Keep one for each reader that holds on to a record.
#[derive(Clone, Debug)]
pub struct RecordBuffer {
    bytes: [u8; NAME_MAX_BYTES + TEXT_MAX_BYTES],
}

impl RecordBuffer {
    /// An empty buffer.
    pub const fn new() -> Self {
        Self { bytes: [0; NAME_MAX_BYTES + TEXT_MAX_BYTES] }
    }
}

impl Default for RecordBuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// A record: a private copy. Its owner chose every byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When it was written, as its owner says.
    pub time_us: u64,
    /// How grave it is, as its owner says.
    pub level: log::Level,
    /// Who speaks.
    pub origin: Origin,
    /// The app's name; any bytes.
    pub name: &'a [u8],
    /// What is said; any bytes.
    pub text: &'a [u8],
}

/// What a reader finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The next record.
    Record(Record<'a>),
    /// The owner wrote faster than this reader read.
    Lost {
        /// How many bytes of records are gone.
        bytes: u64,
    },
}

/// What a reader would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peek {
    /// A record.
    Record {
        /// When it was written, as its owner says.
        time_us: u64,
    },
    /// The owner wrote faster than this reader read.
    Lost {
        /// How many bytes of records are gone.
        bytes: u64,
    },
}

/// A record whose header makes sense.
struct Found {
    header: RecordHeader,
    level: log::Level,
    origin: Origin,
    end: u64,
}

enum Next {
    Record(Found),
    Lost { bytes: u64 },
}

/// The owner of the ring wrote what makes no sense. The reader goes on behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingError {
    /// The header is of another kind, version or size.
    Header,
    /// The positions contradict each other or go backwards.
    Positions {
        /// Where the oldest record should be.
        oldest: u64,
        /// Where the newest record should end.
        written: u64,
    },
    /// A record's header is not one.
    Record {
        /// Where it is.
        position: u64,
    },
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RingError::Header => f.write_str("log ring: unknown header"),
            RingError::Positions { oldest, written } => {
                write!(f, "log ring: positions {oldest} and {written} make no sense")
            }
            RingError::Record { position } => write!(f, "log ring: no record at position {position}"),
        }
    }
}

impl core::error::Error for RingError {}

/// A reader of a log ring, with a position of its own.
#[derive(Debug)]
pub struct Reader {
    region: SharedRegion,
    data_bytes: usize,
    position: u64,
    /// The error that the last look ended with, if it could come again with nothing changed.
    told: Option<RingError>,
}

impl Reader {
    /// A reader that starts with the oldest record there is.
    ///
    /// # Errors
    /// [`RegionTooSmall`] if no ring fits the region.
    pub fn new(region: SharedRegion) -> Result<Self, RegionTooSmall> {
        let region_bytes = region.size_bytes();
        let data_bytes = data_bytes(region_bytes).ok_or(RegionTooSmall { region_bytes })?;
        let oldest = region.load_u64_relaxed(OLDEST_OFFSET).map_err(|_| RegionTooSmall { region_bytes })?;
        // A position that makes no sense is found out and mended by the first read.
        Ok(Self { region, data_bytes, position: oldest, told: None })
    }

    /// Where this reader is: bytes of records before it.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Goes to a position that [`Reader::position`] once gave. If its record is gone, the next read says how
    /// much was lost.
    pub const fn resume_at(&mut self, position: u64) {
        self.position = position;
    }

    /// Passes over all that is there now.
    pub fn skip_all(&mut self) {
        if let Ok(written) = self.region.load_u64_acquire(WRITTEN_OFFSET) {
            self.position = written;
        }
    }

    /// The next entry, copied to `buffer`; nothing if all is read or the owner has not set the ring up yet.
    ///
    /// # Errors
    /// [`RingError`] if the owner wrote nonsense. This reader then goes on behind what is there now. Nonsense that stays
    /// as it is fails once and is then nothing. An owner that writes on and on can make every call fail: bound the
    /// number of calls, not only the number of records.
    pub fn read<'b>(&mut self, buffer: &'b mut RecordBuffer) -> Result<Option<Entry<'b>>, RingError> {
        // Every offset is a constant inside the header or reduced modulo the ring's size.
        let next = self.next(&mut buffer.bytes).unwrap_or(Err(RingError::Header))?;
        Ok(next.map(|next| match next {
            Next::Lost { bytes } => Entry::Lost { bytes },
            Next::Record(found) => {
                self.position = found.end;
                // `next` filled the buffer with the length that the header says.
                let length_bytes = found.header.length_bytes as usize;
                let bytes = buffer.bytes.get(..length_bytes).unwrap_or(&buffer.bytes);
                let (name, text) = bytes.split_at(usize::from(found.header.name_bytes).min(bytes.len()));
                let Found { level, origin, header, .. } = found;
                Entry::Record(Record { time_us: header.time_us, level, origin, name, text })
            }
        }))
    }

    /// What [`Reader::read`] would find now, without reading it: when the next record was written. Lost records
    /// are told here, and then no more by `read`.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn peek(&mut self) -> Result<Option<Peek>, RingError> {
        let next = self.next(&mut []).unwrap_or(Err(RingError::Header))?;
        Ok(next.map(|next| match next {
            Next::Lost { bytes } => Peek::Lost { bytes },
            Next::Record(found) => Peek::Record { time_us: found.header.time_us },
        }))
    }

    /// Looks for the next record and copies its name and text to `bytes`, as much as fits there.
    fn next(&mut self, bytes: &mut [u8]) -> Result<Result<Option<Next>, RingError>, OutOfBounds> {
        // Pairs with the release store of the magic number in `Producer::attach`.
        let magic = self.region.load_u64_acquire(MAGIC_OFFSET)?;
        if magic == 0 {
            return Ok(Ok(None));
        }
        let size_and_version = (self.data_bytes as u64) << 32 | u64::from(VERSION);
        if magic != MAGIC || self.region.load_u64_relaxed(VERSION_OFFSET)? != size_and_version {
            return Ok(self.once(RingError::Header));
        }
        // Pairs with the release store of `oldest` in `Producer::push_record`: an honest owner's `written`, loaded next,
        // is not before it.
        let floor = self.region.load_u64_acquire(OLDEST_OFFSET)?;
        // Pairs with the release store of `written` in `Producer::push_record`.
        let written = self.region.load_u64_acquire(WRITTEN_OFFSET)?;
        // Pairs with the release store of `oldest` there; loaded after `written`, so that an honest owner's
        // records from `oldest` to `written` fit the ring.
        let oldest = self.region.load_u64_acquire(OLDEST_OFFSET)?;
        if floor > written || !(oldest | written).is_multiple_of(ALIGN_BYTES as u64) {
            self.position = written - written % ALIGN_BYTES as u64;
            // Without this, a look that goes to `oldest` and one that goes to `written` would take turns.
            return Ok(self.once(RingError::Positions { oldest, written }));
        }
        self.told = None;
        if let Some(lost) = self.lost(oldest) {
            return Ok(Ok(Some(lost)));
        }
        let aligned = self.position.is_multiple_of(ALIGN_BYTES as u64);
        let available =
            written.checked_sub(self.position).filter(|n| aligned && *n <= self.data_bytes as u64);
        let Some(available) = available else {
            self.position = written;
            return Ok(Err(RingError::Positions { oldest, written }));
        };
        if available == 0 {
            return Ok(Ok(None));
        }

        let start = self.position;
        let mut header = RecordHeader::new_zeroed();
        load(&self.region, self.data_bytes, start, header.as_mut_bytes())?;
        let found = match (header.level(), header.origin(), header.record_bytes()) {
            (Some(level), Some(origin), Some(size)) if size as u64 <= available => {
                Some(Found { header, level, origin, end: start + size as u64 })
            }
            _ => None,
        };
        if found.is_some() {
            let wanted = bytes.len().min(header.length_bytes as usize);
            let bytes = bytes.get_mut(..wanted).unwrap_or_default();
            load(&self.region, self.data_bytes, start + size_of::<RecordHeader>() as u64, bytes)?;
        }

        // Pairs with the release fence in `Producer::push_record`: if anything that was copied belongs to a
        // newer record, this load sees that the old one is no longer whole.
        fence(Ordering::Acquire);
        let oldest = self.region.load_u64_relaxed(OLDEST_OFFSET)?;
        if let Some(lost) = self.lost(oldest) {
            return Ok(Ok(Some(lost)));
        }
        Ok(match found {
            Some(found) => Ok(Some(Next::Record(found))),
            None => {
                self.position = written;
                Err(RingError::Record { position: start })
            }
        })
    }

    /// Tells an error, but not twice in a row.
    fn once(&mut self, error: RingError) -> Result<Option<Next>, RingError> {
        if self.told.replace(error) == Some(error) { Ok(None) } else { Err(error) }
    }

    /// If this reader's record is no longer whole: how much is gone. Goes on with the oldest that is.
    fn lost(&mut self, oldest: u64) -> Option<Next> {
        let bytes = oldest.checked_sub(self.position).filter(|bytes| *bytes > 0)?;
        self.position = oldest;
        Some(Next::Lost { bytes })
    }
}
