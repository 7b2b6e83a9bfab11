// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The catalogue: all records, and what is in each place for a blob. Kept as it is on the disk.
//!
//! ```text
//!  0  magic[8]  version u32  length u32  generation u64  zero u64  sha256[32]      of all but itself
//! 64  for each of 16 places: number u32 (0: free)  length u32  sha256[32]
//! 704 records by rising number: number u32  length u32  bytes, and zeros to a multiple of 4
//! ```
//! Little-endian; `length` counts everything to the end of the last record.

use alloc::boxed::Box;
use alloc::vec;

use cofferdam_store_protocol::{BLOB_BYTES_MAX, RECORD_BYTES_MAX};
use sha2::{Digest, Sha256};

use crate::layout::BLOBS_MAX;

/// The catalogue's room on the disk.
pub(crate) const CATALOGUE_BYTES: usize = 0x1_0000;

const MAGIC: &[u8; 8] = b"cdmcatlg";
const VERSION: u32 = 1;
const LENGTH_AT: usize = 12;
const GENERATION_AT: usize = 16;
const DIGEST_AT: usize = 32;
const TABLE_AT: usize = 64;
const ENTRY_BYTES: usize = 40;
const RECORDS_AT: usize = TABLE_AT + BLOBS_MAX * ENTRY_BYTES;
const RECORD_HEAD_BYTES: usize = 8;

/// A blob as the catalogue describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its number; not zero.
    pub number: u32,
    /// How long it is.
    pub length_bytes: usize,
    /// What it is.
    pub sha256: [u8; 32],
}

/// A well-formed catalogue.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Catalogue(Box<[u8]>);

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(bytes.get(..DIGEST_AT).unwrap_or_default());
    hash.update(bytes.get(TABLE_AT..).unwrap_or_default());
    hash.finalize().into()
}

impl Catalogue {
    /// Without records and blobs, sealed as generation 1.
    pub(crate) fn empty() -> Self {
        let mut bytes = vec![0; CATALOGUE_BYTES].into_boxed_slice();
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..LENGTH_AT].copy_from_slice(&VERSION.to_le_bytes());
        let mut catalogue = Self(bytes);
        catalogue.set_length(RECORDS_AT);
        catalogue.seal(1);
        catalogue
    }

    /// The catalogue that `bytes` (all of its room) begin with, if it is whole and well-formed.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let length = usize::try_from(word(bytes, LENGTH_AT)?).ok()?;
        let used = bytes.get(..length).filter(|_| (RECORDS_AT..=CATALOGUE_BYTES).contains(&length))?;
        let zero = used.get(GENERATION_AT + 8..DIGEST_AT)?;
        if !used.starts_with(MAGIC)
            || word(used, 8)? != VERSION
            || zero.iter().any(|&byte| byte != 0)
            || used.get(DIGEST_AT..TABLE_AT)? != digest(used)
        {
            return None;
        }
        let mut image = vec![0; CATALOGUE_BYTES].into_boxed_slice();
        image.get_mut(..length)?.copy_from_slice(used);
        let catalogue = Self(image);
        catalogue.is_well_formed().then_some(catalogue)
    }

    fn is_well_formed(&self) -> bool {
        if self.generation() == 0 {
            return false;
        }
        for place in 0..BLOBS_MAX {
            match self.blob(place) {
                Some(blob) => {
                    let unique = self.place_of(blob.number) == Some(place);
                    if !unique || blob.length_bytes == 0 || blob.length_bytes > BLOB_BYTES_MAX {
                        return false;
                    }
                }
                None if self.entry(place).iter().any(|&byte| byte != 0) => return false,
                None => {}
            }
        }
        let mut at = RECORDS_AT;
        let mut last = 0;
        while at < self.length() {
            let Some((number, bytes, next)) = self.record_at(at) else { return false };
            let padding = self.0.get(at + RECORD_HEAD_BYTES + bytes.len()..next).unwrap_or_default();
            if number <= last || bytes.is_empty() || padding.iter().any(|&byte| byte != 0) {
                return false;
            }
            (at, last) = (next, number);
        }
        at == self.length()
    }

    /// The number and bytes of the record at `at`, and where the next one begins.
    fn record_at(&self, at: usize) -> Option<(u32, &[u8], usize)> {
        let used = self.image();
        let length = usize::try_from(word(used, at.checked_add(4)?)?).ok()?;
        if length > RECORD_BYTES_MAX {
            return None;
        }
        let start = at.checked_add(RECORD_HEAD_BYTES)?;
        let next = start.checked_add(padded(length))?;
        used.get(start..next)?;
        Some((word(used, at)?, used.get(start..start + length)?, next))
    }

    /// What is on the disk: everything to the end of the last record.
    pub(crate) fn image(&self) -> &[u8] {
        self.0.get(..self.length()).unwrap_or_default()
    }

    /// The same up to a multiple of `unit` bytes, filled with zeros.
    pub(crate) fn image_in(&self, unit: usize) -> &[u8] {
        self.0.get(..self.length().next_multiple_of(unit)).unwrap_or_default()
    }

    fn length(&self) -> usize {
        word(&self.0, LENGTH_AT).and_then(|length| usize::try_from(length).ok()).unwrap_or(0)
    }

    fn set_length(&mut self, length: usize) {
        self.0[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&(length as u32).to_le_bytes());
    }

    /// Counts commits, from 1.
    pub(crate) fn generation(&self) -> u64 {
        let bytes = self.0.get(GENERATION_AT..).and_then(|rest| rest.first_chunk());
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Gives it its generation and digest: it is now as it goes to the disk.
    pub(crate) fn seal(&mut self, generation: u64) {
        self.0[GENERATION_AT..GENERATION_AT + 8].copy_from_slice(&generation.to_le_bytes());
        let digest = digest(self.image());
        self.0[DIGEST_AT..TABLE_AT].copy_from_slice(&digest);
    }

    /// Becomes like `other`, without new memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.0.copy_from_slice(&other.0);
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let mut at = RECORDS_AT;
        core::iter::from_fn(move || {
            let (number, bytes, next) = self.record_at(at)?;
            at = next;
            Some((number, bytes))
        })
    }

    pub(crate) fn record(&self, number: u32) -> Option<&[u8]> {
        self.records().find(|(found, _)| *found == number).map(|(_, bytes)| bytes)
    }

    /// Where the first record with at least this number begins and, if it has it, ends.
    fn find(&self, number: u32) -> (usize, Option<usize>) {
        let mut at = RECORDS_AT;
        while let Some((found, _, next)) = self.record_at(at) {
            if found >= number {
                return (at, (found == number).then_some(next));
            }
            at = next;
        }
        (at, None)
    }

    /// Adds or replaces a record of good length. False if there is no room.
    pub(crate) fn put(&mut self, number: u32, bytes: &[u8]) -> bool {
        let (at, end) = self.find(number);
        let end = end.unwrap_or(at);
        let room = RECORD_HEAD_BYTES + padded(bytes.len());
        let Some(length) = (self.length() - (end - at)).checked_add(room).filter(|l| *l <= CATALOGUE_BYTES)
        else {
            return false;
        };
        self.0.copy_within(end..self.length(), at + room);
        let place = &mut self.0[at..at + room];
        place.fill(0);
        place[..4].copy_from_slice(&number.to_le_bytes());
        place[4..8].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        place[8..8 + bytes.len()].copy_from_slice(bytes);
        self.end_at(length);
        true
    }

    /// Removes a record. False if there is none.
    pub(crate) fn remove(&mut self, number: u32) -> bool {
        let (at, Some(end)) = self.find(number) else { return false };
        self.0.copy_within(end..self.length(), at);
        self.end_at(self.length() - (end - at));
        true
    }

    /// Sets the length; behind the end are zeros.
    fn end_at(&mut self, length: usize) {
        self.set_length(length);
        if let Some(rest) = self.0.get_mut(length..) {
            rest.fill(0);
        }
    }

    fn entry(&self, place: usize) -> &[u8] {
        let at = TABLE_AT + place * ENTRY_BYTES;
        self.0.get(at..at + ENTRY_BYTES).filter(|_| place < BLOBS_MAX).unwrap_or_default()
    }

    /// What is in a place.
    pub(crate) fn blob(&self, place: usize) -> Option<Blob> {
        let entry = self.entry(place);
        let number = word(entry, 0).filter(|number| *number != 0)?;
        let length_bytes = usize::try_from(word(entry, 4)?).ok()?;
        let sha256 = *entry.get(8..)?.first_chunk()?;
        Some(Blob { number, length_bytes, sha256 })
    }

    /// Says what is in a place.
    pub(crate) fn set_blob(&mut self, place: usize, blob: Option<&Blob>) {
        let at = TABLE_AT + place * ENTRY_BYTES;
        let Some(entry) = self.0.get_mut(at..at + ENTRY_BYTES).filter(|_| place < BLOBS_MAX) else { return };
        entry.fill(0);
        if let Some(blob) = blob {
            entry[..4].copy_from_slice(&blob.number.to_le_bytes());
            entry[4..8].copy_from_slice(&(blob.length_bytes as u32).to_le_bytes());
            entry[8..].copy_from_slice(&blob.sha256);
        }
    }

    /// The place of a blob.
    pub(crate) fn place_of(&self, number: u32) -> Option<usize> {
        (0..BLOBS_MAX).find(|place| self.blob(*place).is_some_and(|blob| blob.number == number))
    }
}
