// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The side that writes.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering, fence};

use cofferdam_shared_memory::{OutOfBounds, SharedRegion};
use zerocopy::{FromZeros as _, IntoBytes as _};

use crate::layout::{
    ALIGN_BYTES, DATA_MIN_BYTES, DATA_OFFSET, MAGIC, MAGIC_OFFSET, NAME_MAX_BYTES, OLDEST_OFFSET, Origin,
    POSITION_MAX, RecordHeader, TEXT_MAX_BYTES, VERSION, VERSION_OFFSET, WRITTEN_OFFSET, data_bytes,
};

/// A line to be logged.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// When it was said.
    pub time_us: u64,
    /// How grave it is.
    pub level: log::Level,
    /// Who says it.
    pub origin: Origin,
    /// The app's name, if an app says it; cut at [`NAME_MAX_BYTES`].
    pub name: &'a [u8],
    /// What is said; cut at [`TEXT_MAX_BYTES`].
    pub text: &'a [u8],
}

/// The region is too small for a log ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionTooSmall {
    /// Its size.
    pub region_bytes: usize,
}

impl fmt::Display for RegionTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a log ring needs {} bytes, the region has {}",
            DATA_OFFSET + DATA_MIN_BYTES,
            self.region_bytes
        )
    }
}

impl core::error::Error for RegionTooSmall {}

/// The owner's side of a log ring.
///
/// A protection domain has one thread, and nothing in here calls out, so calls of [`Producer::push`] follow
/// each other. (If they ever overlapped, lines would be garbled; memory stays safe.)
#[derive(Debug)]
pub struct Producer {
    region: SharedRegion,
    data_bytes: usize,
    // Private copies: what lies in the region is for the readers.
    oldest: AtomicU64,
    written: AtomicU64,
}

impl Producer {
    /// Takes over `region`, which this protection domain alone may write. A ring that a former life of the
    /// protection domain left there goes on where it stopped, so that readers lose nothing by a restart;
    /// anything else is set up anew.
    ///
    /// # Errors
    /// [`RegionTooSmall`] if it does not hold a few records.
    pub fn attach(region: SharedRegion) -> Result<Self, RegionTooSmall> {
        let region_bytes = region.size_bytes();
        let too_small = |_: OutOfBounds| RegionTooSmall { region_bytes };
        let data_bytes = data_bytes(region_bytes).ok_or(RegionTooSmall { region_bytes })?;
        let size_and_version = (data_bytes as u64) << 32 | u64::from(VERSION);
        let known = region.load_u64_acquire(MAGIC_OFFSET).map_err(too_small)? == MAGIC
            && region.load_u64_relaxed(VERSION_OFFSET).map_err(too_small)? == size_and_version;
        let mut oldest = region.load_u64_relaxed(OLDEST_OFFSET).map_err(too_small)?;
        let mut written = region.load_u64_relaxed(WRITTEN_OFFSET).map_err(too_small)?;
        let aligned = |position: u64| position.is_multiple_of(ALIGN_BYTES as u64);
        let sound = written < POSITION_MAX
            && aligned(oldest)
            && aligned(written)
            && written.checked_sub(oldest).is_some_and(|used| used <= data_bytes as u64);
        if !(known && sound) {
            (oldest, written) = (0, 0);
            region.store_u64_relaxed(MAGIC_OFFSET, 0).map_err(too_small)?;
            region.store_u64_relaxed(VERSION_OFFSET, size_and_version).map_err(too_small)?;
            region.store_u64_relaxed(OLDEST_OFFSET, oldest).map_err(too_small)?;
            region.store_u64_relaxed(WRITTEN_OFFSET, written).map_err(too_small)?;
            // Pairs with the reader's acquire load of the magic number.
            region.store_u64_release(MAGIC_OFFSET, MAGIC).map_err(too_small)?;
        }
        Ok(Self { region, data_bytes, oldest: AtomicU64::new(oldest), written: AtomicU64::new(written) })
    }

    /// Writes a line; the oldest lines give way as needed.
    pub fn push(&self, line: Line<'_>) {
        let name = line.name.get(..NAME_MAX_BYTES).unwrap_or(line.name);
        let text = line.text.get(..TEXT_MAX_BYTES).unwrap_or(line.text);
        let header = RecordHeader {
            length_bytes: (name.len() + text.len()) as u32,
            level: line.level as u8,
            origin: line.origin as u8,
            name_bytes: name.len() as u16,
            time_us: line.time_us,
        };
        // Offsets are reduced modulo the ring's size, so nothing is out of bounds; there is nobody to tell.
        let _ = self.push_record(&header, name, text);
    }

    fn push_record(&self, header: &RecordHeader, name: &[u8], text: &[u8]) -> Result<(), OutOfBounds> {
        let Some(record_bytes) = header.record_bytes() else { return Ok(()) };
        let start = self.written.load(Ordering::Relaxed);
        let end = start + record_bytes as u64;
        let mut oldest = self.oldest.load(Ordering::Relaxed);
        while end - oldest > self.data_bytes as u64 {
            oldest = self.after(oldest, start)?;
        }
        self.oldest.store(oldest, Ordering::Relaxed);
        // Release: a reader that sees this position also sees a `written` that is not before it.
        self.region.store_u64_release(OLDEST_OFFSET, oldest)?;
        // Pairs with the reader's acquire fence after its copy: if it copied any of the bytes stored below,
        // its second look at `oldest` sees the store above.
        fence(Ordering::Release);
        self.store(start, header.as_bytes())?;
        let name_at = start + size_of::<RecordHeader>() as u64;
        self.store(name_at, name)?;
        self.store(name_at + name.len() as u64, text)?;
        self.written.store(end, Ordering::Relaxed);
        // Pairs with the reader's acquire load of `written`.
        self.region.store_u64_release(WRITTEN_OFFSET, end)
    }

    /// The position of the record after the one at `position`; `end` if there is no sense in the memory,
    /// which a former life of this protection domain may have left behind.
    fn after(&self, position: u64, end: u64) -> Result<u64, OutOfBounds> {
        let mut header = RecordHeader::new_zeroed();
        load(&self.region, self.data_bytes, position, header.as_mut_bytes())?;
        let next = header.record_bytes().map(|record_bytes| position + record_bytes as u64);
        Ok(next.filter(|next| *next <= end).unwrap_or(end))
    }

    fn store(&self, position: u64, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let at = (position % self.data_bytes as u64) as usize;
        let (first, second) = bytes.split_at(bytes.len().min(self.data_bytes - at));
        self.region.copy_in(DATA_OFFSET + at, first)?;
        self.region.copy_in(DATA_OFFSET, second)
    }
}

/// Copies the bytes at `position` of a ring of `data_bytes` bytes out of the region.
pub(crate) fn load(
    region: &SharedRegion,
    data_bytes: usize,
    position: u64,
    buffer: &mut [u8],
) -> Result<(), OutOfBounds> {
    let at = (position % data_bytes as u64) as usize;
    let (first, second) = buffer.split_at_mut(buffer.len().min(data_bytes - at));
    region.copy_out(DATA_OFFSET + at, first)?;
    region.copy_out(DATA_OFFSET, second)
}
