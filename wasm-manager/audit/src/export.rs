// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The log as a file, and checking it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::entry::Entry;
use crate::{Hash, Place};

/// What the file says it is.
const FORMAT: &str = "cofferdam audit 1";

/// A stretch of a device's log. In CBOR: a map with these numbers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Export {
    /// `cofferdam audit 1`.
    #[n(1)]
    format: String,
    /// The device that it is said to come from.
    #[n(2)]
    pub device_id: String,
    /// Number of the last entry before the first one here; 0 if that is the first ever.
    #[n(3)]
    first_sequence: u64,
    /// The chain's hash there.
    #[cbor(n(4), with = "minicbor::bytes")]
    first_hash: Hash,
    /// The entries.
    #[n(5)]
    links: Vec<Link>,
}

/// An entry's bytes and the chain's hash behind it. In CBOR: an array of two byte strings.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Link {
    #[n(0)]
    entry: ByteVec,
    #[cbor(n(1), with = "minicbor::bytes")]
    hash: Hash,
}

/// A stretch of a log in which nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The place before the first entry.
    pub first: Place,
    /// The entries.
    pub entries: Vec<Entry>,
    /// The place behind the last one.
    pub head: Place,
}

/// Why a log is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Not such a file.
    Format,
    /// The first entry that is wrong.
    Entry {
        /// Its number by its place in the file.
        sequence: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It does not continue, or contain, a place of the chain that is known otherwise.
    Apart {
        /// The entry before that place.
        sequence: u64,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format => f.write_str("not an exported event log, or damaged as a whole"),
            Self::Entry { sequence, why } => write!(f, "broken at entry {sequence}: {why}"),
            Self::Apart { sequence } => {
                write!(f, "another log: it has not the known hash behind entry {sequence}")
            }
        }
    }
}

impl core::error::Error for Broken {}

impl Export {
    /// An empty stretch that begins at `first`.
    #[must_use]
    pub fn new(device_id: &str, first: Place) -> Self {
        Self {
            format: FORMAT.into(),
            device_id: device_id.into(),
            first_sequence: first.sequence,
            first_hash: first.hash,
            links: Vec::new(),
        }
    }

    /// Adds an entry as the device gave it.
    pub fn push(&mut self, entry: &[u8], hash: Hash) {
        self.links.push(Link { entry: entry.to_vec().into(), hash });
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default() // encoding into memory cannot fail
    }

    /// Reads a file. Only its form is checked.
    ///
    /// # Errors
    /// [`Broken::Format`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Broken> {
        let export: Self = minicbor::decode(bytes).map_err(|_| Broken::Format)?;
        if export.format == FORMAT && export.encode() == bytes { Ok(export) } else { Err(Broken::Format) }
    }

    /// Checks every entry and every hash.
    ///
    /// # Errors
    /// The first entry that is wrong.
    pub fn verify(&self) -> Result<Proven, Broken> {
        let first = Place { sequence: self.first_sequence, hash: self.first_hash };
        let mut place = first;
        let mut entries: Vec<Entry> = Vec::with_capacity(self.links.len());
        for link in &self.links {
            let next = place.after(&link.entry);
            let broken = |why| Broken::Entry { sequence: next.sequence, why };
            if next.hash != link.hash {
                return Err(broken("it, or its hash, was changed"));
            }
            let entry = Entry::decode(&link.entry).ok_or_else(|| broken("it makes no sense"))?;
            if entry.sequence != next.sequence {
                return Err(broken("its number is another"));
            }
            let goes_back = |before: &Entry| (entry.boot, entry.time_us) < (before.boot, before.time_us);
            if entries.last().is_some_and(goes_back) {
                return Err(broken("its time is before that of the entry before"));
            }
            entries.push(entry);
            place = next;
        }
        Ok(Proven { first, entries, head: place })
    }

    /// Checks that this is the same chain as the one that has `known`: an earlier export's head, for one.
    ///
    /// # Errors
    /// [`Broken::Apart`] if this stretch does not contain that place, or with another hash.
    pub fn continues(&self, known: Place) -> Result<(), Broken> {
        let first = core::iter::once((self.first_sequence, self.first_hash));
        let links = (self.first_sequence.saturating_add(1)..).zip(self.links.iter().map(|link| link.hash));
        if first.chain(links).any(|place| place == (known.sequence, known.hash)) {
            Ok(())
        } else {
            Err(Broken::Apart { sequence: known.sequence })
        }
    }
}
