// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The records that survive a reboot, and their form: a version, then numbers (little-endian) and texts with
//! their length before them. What is read is checked like anything from outside.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cofferdam_management_protocol::AppState;

use crate::app::App;
use crate::ratchet::Ratchet;

/// The record of the ratchets.
pub(crate) const RATCHETS: u32 = 1;
/// Record 2 is for the list of keys, once it can change without a new image.
const SLOT_RECORDS: u32 = 16;

const VERSION: u8 = 1;

/// The record of what is in a slot.
pub(crate) fn slot_record(slot: usize) -> u32 {
    SLOT_RECORDS.saturating_add(u32::try_from(slot).unwrap_or(u32::MAX - SLOT_RECORDS))
}

/// The number for a slot's next package: one of two, and not that of the present one, which has to stay until
/// the new one counts.
pub(crate) fn next_package(slot: usize, present: Option<u32>) -> u32 {
    let first = u32::try_from(slot).unwrap_or(u32::MAX / 4).saturating_mul(2).saturating_add(1);
    if present == Some(first) { first.saturating_add(1) } else { first }
}

/// What is kept of an installed app, beside its package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Saved {
    /// The number of its package.
    pub(crate) package: u32,
    /// Whether it is to start at boot.
    pub(crate) wanted: bool,
    /// Whether it had failed for good.
    pub(crate) failed: bool,
    /// Restarts after a failure, since somebody started it.
    pub(crate) restarts: u8,
    /// Why it failed last.
    pub(crate) reason: String,
}

impl Saved {
    /// A freshly installed app.
    pub(crate) fn installed(package: u32, start: bool) -> Self {
        Self { package, wanted: start, failed: false, restarts: 0, reason: String::new() }
    }

    /// The app as it is now. One that has ended by itself starts again at boot.
    pub(crate) fn of(app: &App, package: u32) -> Self {
        let failed = app.state == AppState::Failed;
        Self {
            package,
            wanted: !failed && app.state != AppState::Stopped,
            failed,
            restarts: app.restarts,
            reason: if failed { app.reason.clone() } else { String::new() },
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + self.reason.len());
        bytes.push(VERSION);
        bytes.extend(self.package.to_le_bytes());
        bytes.extend([u8::from(self.wanted), u8::from(self.failed), self.restarts]);
        put_text(&mut bytes, &self.reason);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        reader.version()?;
        let package = u32::from_le_bytes(reader.take()?);
        let [wanted, failed, restarts] = reader.take()?;
        let reason = reader.text()?.chars().filter(|c| !c.is_control()).collect();
        let saved = Self { package, wanted: wanted == 1, failed: failed == 1, restarts, reason };
        (reader.0.is_empty() && package != 0 && wanted <= 1 && failed <= 1).then_some(saved)
    }
}

pub(crate) fn encode_ratchets(ratchet: &Ratchet) -> Vec<u8> {
    let mut bytes = alloc::vec![VERSION];
    for entry in ratchet.entries() {
        bytes.extend(entry.vendor_id);
        bytes.extend(entry.class_id);
        bytes.extend(entry.sequence.to_le_bytes());
        bytes.extend(entry.digest);
        put_text(&mut bytes, &entry.name);
    }
    bytes
}

pub(crate) fn decode_ratchets(bytes: &[u8]) -> Option<Ratchet> {
    let mut reader = Reader(bytes);
    reader.version()?;
    let mut ratchet = Ratchet::default();
    while !reader.0.is_empty() {
        let (vendor_id, class_id) = (reader.take()?, reader.take()?);
        let sequence = u64::from_le_bytes(reader.take()?);
        let digest = reader.take()?;
        let name = reader.text()?.to_string();
        ratchet.restore(crate::ratchet::Entry { vendor_id, class_id, name, sequence, digest })?;
    }
    Some(ratchet)
}

/// A text of at most 65,535 bytes.
fn put_text(bytes: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(0);
    bytes.extend(length.to_le_bytes());
    bytes.extend(text.as_bytes().get(..length.into()).unwrap_or_default());
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn version(&mut self) -> Option<()> {
        (self.take()? == [VERSION]).then_some(())
    }

    fn take<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(u16::from_le_bytes(self.take()?));
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        core::str::from_utf8(head).ok()
    }
}
