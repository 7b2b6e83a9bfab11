// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The log as a device keeps it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::entry::{Entry, Event};
use crate::{Hash, Place};

/// Longest log in bytes: a record of the store.
pub const LOG_BYTES_MAX: usize = 0x4000;
/// What surrounds the entries: version, boots, the first place and the digest.
const SURROUNDINGS_BYTES: usize = 1 + 8 + 8 + 32 + 32;
/// What surrounds an entry: its length.
const HEAD_BYTES: usize = 2;

const VERSION: u8 = 2;

/// A chain of which the oldest entries go when there is no more room.
///
/// As it is kept: the version, 2; the number of boots and that of the last entry that went (each 8 bytes, the lowest
/// first); the chain's hash there; each entry behind its length (2 bytes, the lowest first); a digest of all of this.
/// What is in an entry is not looked at here: a device's wasm_manager reads this from a disk, and parses no CBOR.
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
        let mut kept = Vec::with_capacity(self.bytes.saturating_add(SURROUNDINGS_BYTES));
        kept.push(VERSION);
        kept.extend(self.boots.to_le_bytes());
        kept.extend(self.first.sequence.to_le_bytes());
        kept.extend(self.first.hash);
        for entry in &self.entries {
            // Texts in an entry are bounded far below this, so that all of them have their length here.
            kept.extend(u16::try_from(entry.len()).unwrap_or(u16::MAX).to_le_bytes());
            kept.extend(entry);
        }
        let digest = digest(&kept);
        kept.extend(digest);
        kept
    }

    /// Reads what was kept, and finds the chain's head. [`Export::verify`](crate::Export::verify) looks into the entries.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > LOG_BYTES_MAX {
            return None;
        }
        let (kept, found) = bytes.split_last_chunk::<32>()?;
        if digest(kept) != *found {
            return None;
        }
        let (&version, rest) = kept.split_first()?;
        if version != VERSION {
            return None;
        }
        let (boots, rest) = rest.split_first_chunk()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let (hash, mut rest) = rest.split_first_chunk()?;
        let first = Place { sequence: u64::from_le_bytes(*sequence), hash: *hash };
        let mut log = Self { boots: u64::from_le_bytes(*boots), first, head: first, ..Self::default() };
        while !rest.is_empty() {
            let (length, behind) = rest.split_first_chunk()?;
            let (entry, behind) = behind.split_at_checked(u16::from_le_bytes(*length).into())?;
            log.head = log.head.after(entry);
            log.bytes = log.bytes.checked_add(entry.len())?.checked_add(HEAD_BYTES)?;
            log.entries.push_back(entry.to_vec());
            rest = behind;
        }
        Some(log)
    }
}

/// Against a damaged disk. Whoever can write the disk can make it anew, as all of the chain (see the crate's page).
fn digest(kept: &[u8]) -> Hash {
    Sha256::new().chain_update(b"cofferdam audit kept 2").chain_update(kept).finalize().into()
}
