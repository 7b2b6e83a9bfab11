// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How many records, and where.

use super::{GeometryError, RECORD_HEADER_BYTES, RECORDS_AT};

/// What follows from a region's size and a record's: both sides compute it for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    pub(super) record_bytes: u32,
    pub(super) count: u32,
}

impl Geometry {
    /// For a `data` region of `region_bytes` holding records of `record_bytes` (a multiple of 8, over 8).
    pub fn new(region_bytes: usize, record_bytes: usize) -> Result<Self, GeometryError> {
        if record_bytes <= RECORD_HEADER_BYTES || !record_bytes.is_multiple_of(8) {
            return Err(GeometryError::RecordSize { record_bytes });
        }
        let too_small = GeometryError::RegionTooSmall { region_bytes };
        let count = region_bytes.checked_sub(RECORDS_AT).ok_or(too_small)? / record_bytes;
        match (u32::try_from(record_bytes), u32::try_from(count)) {
            (Ok(record_bytes), Ok(count)) if count > 0 => Ok(Self { record_bytes, count }),
            _ => Err(too_small),
        }
    }

    /// How many records fit.
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// How many bytes a record can carry.
    pub fn payload_bytes(&self) -> usize {
        self.record_bytes as usize - RECORD_HEADER_BYTES
    }

    pub(super) fn record_at(&self, position: u32) -> usize {
        RECORDS_AT + position as usize * self.record_bytes as usize
    }

    /// Where the record with this number lies: the first one is at the beginning.
    pub(super) fn position_of(&self, counter: u64) -> u32 {
        (counter % u64::from(self.count)) as u32 // below `count`
    }

    pub(super) fn next(&self, position: u32) -> u32 {
        if position + 1 == self.count { 0 } else { position + 1 }
    }
}
