// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Where things are on the disk, and the superblock that says so.

use cofferdam_store_protocol::BLOB_BYTES_MAX;
use sha2::{Digest, Sha256};

use crate::catalogue::CATALOGUE_BYTES;
use crate::device::SECTOR_BYTES;

/// The most blobs.
pub const BLOBS_MAX: usize = 16;
/// An update needs the old blob and the new one.
pub(crate) const BLOBS_MIN: usize = 2;

pub(crate) const SUPERBLOCKS: usize = 2;
const CATALOGUE_SECTORS: u64 = (CATALOGUE_BYTES / SECTOR_BYTES) as u64;
const BLOB_SECTORS: u64 = (BLOB_BYTES_MAX / SECTOR_BYTES) as u64;
const BLOBS_AT: u64 = SUPERBLOCKS as u64 + 2 * CATALOGUE_SECTORS;

const MAGIC: &[u8; 16] = b"cofferdam store\n";
const VERSION: u32 = 1;
const VERSION_AT: usize = 16;
const PLACES_AT: usize = 20;
const DIGEST_AT: usize = 32;
const SUPERBLOCK_BYTES: usize = DIGEST_AT + 32;

const _: () =
    assert!(CATALOGUE_BYTES.is_multiple_of(SECTOR_BYTES) && BLOB_BYTES_MAX.is_multiple_of(SECTOR_BYTES));

/// Which of the two catalogues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copy {
    A,
    B,
}

impl Copy {
    pub(crate) fn sector(self) -> u64 {
        match self {
            Self::A => SUPERBLOCKS as u64,
            Self::B => SUPERBLOCKS as u64 + CATALOGUE_SECTORS,
        }
    }
}

/// The sectors that a store with `blobs` places takes.
#[must_use]
pub const fn sectors_for(blobs: usize) -> u64 {
    BLOBS_AT + blobs as u64 * BLOB_SECTORS
}

/// How many places a disk has room for.
pub(crate) fn places_on(sectors: u64) -> usize {
    let places = sectors.saturating_sub(BLOBS_AT) / BLOB_SECTORS;
    usize::try_from(places).unwrap_or(BLOBS_MAX).min(BLOBS_MAX)
}

/// Where a place begins.
pub(crate) fn place_sector(place: usize) -> u64 {
    sectors_for(place)
}

/// What a sector says that should be a superblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Superblock {
    /// A store with so many places.
    Store { places: usize },
    /// A store of another version.
    OtherVersion { version: u32 },
    /// Begins like one, but is none.
    Damaged,
    /// Nothing of ours.
    Other,
}

/// The superblock of a store.
pub(crate) fn superblock(places: usize) -> [u8; SECTOR_BYTES] {
    let mut sector = [0; SECTOR_BYTES];
    sector[..VERSION_AT].copy_from_slice(MAGIC);
    sector[VERSION_AT..PLACES_AT].copy_from_slice(&VERSION.to_le_bytes());
    sector[PLACES_AT..PLACES_AT + 4].copy_from_slice(&(places as u32).to_le_bytes());
    let digest = Sha256::digest(&sector[..DIGEST_AT]);
    sector[DIGEST_AT..SUPERBLOCK_BYTES].copy_from_slice(&digest);
    sector
}

pub(crate) fn parse_superblock(sector: &[u8; SECTOR_BYTES]) -> Superblock {
    if !sector.starts_with(MAGIC) {
        return Superblock::Other;
    }
    let digest = Sha256::digest(&sector[..DIGEST_AT]);
    if sector[DIGEST_AT..SUPERBLOCK_BYTES] != digest[..] {
        return Superblock::Damaged;
    }
    let word = |at: usize| u32::from_le_bytes([sector[at], sector[at + 1], sector[at + 2], sector[at + 3]]);
    let version = word(VERSION_AT);
    if version != VERSION {
        return Superblock::OtherVersion { version };
    }
    match usize::try_from(word(PLACES_AT)) {
        // Exactly what this program would write, to the last byte.
        Ok(places @ BLOBS_MIN..=BLOBS_MAX) if *sector == superblock(places) => Superblock::Store { places },
        _ => Superblock::Damaged,
    }
}
