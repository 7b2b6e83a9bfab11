// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The ratchet: no component goes back to an older sequence number.
//!
//! An entry outlives the removal of its app, so that removing is no way back, and a reboot if the
//! machine has a disk.

use alloc::string::String;
use alloc::vec::Vec;

use cofferdam_package::manifest::Common;

/// Most components that are remembered. An entry takes some 130 bytes.
pub(crate) const ENTRIES_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) vendor_id: [u8; 16],
    pub(crate) class_id: [u8; 16],
    pub(crate) name: String,
    pub(crate) sequence: u64,
    pub(crate) digest: [u8; 32],
}

/// The highest sequence number seen of each component.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ratchet {
    entries: Vec<Entry>,
}

/// Why a component's sequence number is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RatchetError {
    /// A newer one was seen.
    Older { seen: u64 },
    /// The same one was seen with another module.
    OtherModule,
    /// No room to remember this component.
    Full,
}

impl Ratchet {
    /// Whether this component may be installed. Changes nothing.
    pub(crate) fn check(&self, common: &Common, sequence: u64) -> Result<(), RatchetError> {
        match self.find(common).and_then(|at| self.entries.get(at)) {
            Some(entry) if sequence < entry.sequence => Err(RatchetError::Older { seen: entry.sequence }),
            Some(entry) if sequence == entry.sequence && common.digest.bytes != entry.digest => {
                Err(RatchetError::OtherModule)
            }
            None if self.entries.len() >= ENTRIES_MAX => Err(RatchetError::Full),
            _ => Ok(()),
        }
    }

    /// Whether this release of the component, or a newer one, was installed before.
    pub(crate) fn has_seen(&self, common: &Common, sequence: u64) -> bool {
        let entry = self.find(common).and_then(|at| self.entries.get(at));
        entry.is_some_and(|entry| entry.sequence >= sequence)
    }

    /// Remembers an installed component that [`Self::check`] let through.
    pub(crate) fn commit(&mut self, common: &Common, sequence: u64) {
        let digest = common.digest.bytes;
        match self.find(common).and_then(|at| self.entries.get_mut(at)) {
            Some(entry) if sequence >= entry.sequence => {
                entry.sequence = sequence;
                entry.digest = digest;
            }
            Some(_) => {}
            None => self.entries.push(Entry {
                vendor_id: common.vendor_id,
                class_id: common.class_id,
                name: common.name.clone(),
                sequence,
                digest,
            }),
        }
    }

    /// All that is remembered.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes back what was kept. `None` if there is too much of it, or it is there already.
    pub(crate) fn restore(&mut self, entry: Entry) -> Option<()> {
        let same = |other: &Entry| {
            other.name == entry.name && other.vendor_id == entry.vendor_id && other.class_id == entry.class_id
        };
        if self.entries.len() >= ENTRIES_MAX || self.entries.iter().any(same) {
            return None;
        }
        self.entries.push(entry);
        Some(())
    }

    fn find(&self, common: &Common) -> Option<usize> {
        self.entries.iter().position(|entry| {
            entry.name == common.name
                && entry.vendor_id == common.vendor_id
                && entry.class_id == common.class_id
        })
    }
}
