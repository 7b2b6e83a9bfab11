// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The records that survive a reboot, and their form: a version, then numbers (little-endian) and texts with
//! their length before them. What is read is checked like anything from outside.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cofferdam_management_protocol::AppState;
use cofferdam_package::Manifest;
use cofferdam_package::manifest::RESTARTS_MAX;
use cofferdam_restart::Record;

use crate::app::App;
use crate::ratchet::Ratchet;

/// The record of the ratchets.
pub(crate) const RATCHETS: u32 = 1;
/// The record of the newest accepted list of keys, with what proves it.
pub(crate) const KEY_LISTS: u32 = 2;
/// The record of the event log.
pub(crate) const EVENT_LOG: u32 = 3;
const SLOT_RECORDS: u32 = 16;

const VERSION: u8 = 1;
/// Of a slot's record. Version 1, without probation and rollback, is read as well.
const SLOT_VERSION: u8 = 2;

/// The record of what is in a slot.
pub(crate) fn slot_record(slot: usize) -> u32 {
    SLOT_RECORDS.saturating_add(u32::try_from(slot).unwrap_or(u32::MAX - SLOT_RECORDS))
}

/// A number for a new package: the lowest that none of these has. What is kept has to stay until the new one counts.
pub(crate) fn free_package<'a>(kept: impl Iterator<Item = &'a Saved> + Clone) -> u32 {
    let taken = |number: u32| {
        kept.clone().any(|saved| {
            saved.package == number
                || saved.previous.as_ref().is_some_and(|previous| previous.package == number)
        })
    };
    (1..u32::MAX).find(|number| !taken(*number)).unwrap_or(u32::MAX)
}

/// One release of a component: which module under which sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    pub(crate) sequence: u64,
    pub(crate) digest: [u8; 32],
}

impl Release {
    pub(crate) fn of(manifest: &Manifest) -> Self {
        Self { sequence: manifest.sequence, digest: manifest.common.digest.bytes }
    }

    pub(crate) fn is(&self, manifest: &Manifest) -> bool {
        *self == Self::of(manifest)
    }
}

/// The version that a rollback brings back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Previous {
    /// The number of its package.
    pub(crate) package: u32,
    pub(crate) release: Release,
    /// For people.
    pub(crate) version: String,
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
    /// Its restarts and its probation.
    pub(crate) record: Record,
    /// Why it failed last.
    pub(crate) reason: String,
    /// The release that it is, if it was rolled back to: then the ratchet is ahead of it.
    pub(crate) back_at: Option<Release>,
    /// From which version and why.
    pub(crate) rolled_back: String,
    /// The version that a rollback would bring back.
    pub(crate) previous: Option<Previous>,
}

impl Saved {
    /// A freshly installed app.
    pub(crate) fn installed(package: u32, app: &App, start: bool) -> Self {
        Self {
            package,
            wanted: start,
            failed: false,
            record: app.supervision.record(0),
            reason: String::new(),
            back_at: None,
            rolled_back: app.rolled_back.clone(),
            previous: None,
        }
    }

    /// The app as it is now, with what `self` knows about its packages. One that has ended by itself starts again at
    /// boot.
    pub(crate) fn updated(&self, app: &App, now_us: u64) -> Self {
        let failed = app.state == AppState::Failed;
        Self {
            wanted: !failed && app.state != AppState::Stopped,
            failed,
            record: app.supervision.record(now_us),
            reason: if failed { app.reason.clone() } else { String::new() },
            ..self.clone()
        }
    }

    /// Whether nothing but time makes a difference: that alone is not worth a write.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let still = |saved: &Self| {
            let mut saved = saved.clone();
            saved.record.ages_us = Default::default();
            saved.record.probation_left_us = saved.record.probation_left_us.map(|_| 0);
            saved
        };
        still(self) == still(other)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.push(SLOT_VERSION);
        bytes.extend(self.package.to_le_bytes());
        bytes.extend([u8::from(self.wanted), u8::from(self.failed)]);
        let Record { restarts, ages_us, count, probation_left_us } = &self.record;
        bytes.extend(restarts.to_le_bytes());
        bytes.push(*count);
        ages_us.iter().take(usize::from(*count)).for_each(|age_us| bytes.extend(age_us.to_le_bytes()));
        bytes.push(u8::from(probation_left_us.is_some()));
        bytes.extend(probation_left_us.unwrap_or(0).to_le_bytes());
        put_text(&mut bytes, &self.reason);
        put_text(&mut bytes, &self.rolled_back);
        bytes.push(u8::from(self.back_at.is_some()));
        if let Some(release) = &self.back_at {
            put_release(&mut bytes, release);
        }
        bytes.push(u8::from(self.previous.is_some()));
        if let Some(Previous { package, release, version }) = &self.previous {
            bytes.extend(package.to_le_bytes());
            put_release(&mut bytes, release);
            put_text(&mut bytes, version);
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let [version] = reader.take()?;
        let package = reader.number()?;
        let (wanted, failed) = (reader.flag()?, reader.flag()?);
        let mut saved = Self {
            package,
            wanted,
            failed,
            record: Record::default(),
            reason: String::new(),
            back_at: None,
            rolled_back: String::new(),
            previous: None,
        };
        match version {
            1 => {
                // Each of these restarts counts as if it had been just now.
                let [count] = reader.take()?;
                saved.record.restarts = count.into();
                saved.record.count = count.min(RESTARTS_MAX);
                saved.reason = reader.plain_text()?;
            }
            SLOT_VERSION => {
                saved.record.restarts = reader.number()?;
                let [count] = reader.take()?;
                saved.record.count = Some(count).filter(|count| *count <= RESTARTS_MAX)?;
                for age_us in saved.record.ages_us.iter_mut().take(count.into()) {
                    *age_us = u64::from_le_bytes(reader.take()?);
                }
                let on_probation = reader.flag()?;
                saved.record.probation_left_us =
                    Some(u64::from_le_bytes(reader.take()?)).filter(|_| on_probation);
                saved.reason = reader.plain_text()?;
                saved.rolled_back = reader.plain_text()?;
                if reader.flag()? {
                    saved.back_at = Some(reader.release()?);
                }
                if reader.flag()? {
                    let (package, release) = (reader.number()?, reader.release()?);
                    let version = reader.plain_text()?;
                    saved.previous = Some(Previous { package, release, version });
                }
            }
            _ => return None,
        }
        let sound = saved.previous.as_ref().is_none_or(|p| p.package != 0 && p.package != package);
        (reader.0.is_empty() && package != 0 && sound).then_some(saved)
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

fn put_release(bytes: &mut Vec<u8>, release: &Release) {
    bytes.extend(release.sequence.to_le_bytes());
    bytes.extend(release.digest);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.take()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn release(&mut self) -> Option<Release> {
        Some(Release { sequence: u64::from_le_bytes(self.take()?), digest: self.take()? })
    }

    /// A text for people, without what moves a cursor.
    fn plain_text(&mut self) -> Option<String> {
        Some(self.text()?.chars().filter(|c| !c.is_control()).collect())
    }

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
