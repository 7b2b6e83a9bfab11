// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Figures about protection domains: a page for each protection domain that has some to tell, which it alone writes
//! ([`Writer`]) and `wasm_manager` reads ([`read`]).
//!
//! A figure is a name of a protection domain, a [`Kind`] and a number that grows. A page is its writer's word and nothing
//! more: the reader decides what this writer may speak about. Figures are independent of each other, so there is no
//! consistency between them, only each one's own.
#![no_std]
#![forbid(unsafe_code)]

use cofferdam_shared_memory::{OutOfBounds, SharedRegion};
use zerocopy::{FromBytes, FromZeros as _, Immutable, IntoBytes, KnownLayout};

/// Longest name of a protection domain.
pub const NAME_BYTES_MAX: usize = 24;
/// Most figures of a page.
pub const FIGURES_MAX: usize = 96;
/// Bytes of a page that are used.
pub const PAGE_BYTES: usize = HEADER_BYTES + FIGURES_MAX * size_of::<Record>();

/// `Coffigs` and the version of this layout.
const MAGIC: u64 = u64::from_le_bytes(*b"Coffigs\x01");
const MAGIC_AT: usize = 0;
const COUNT_AT: usize = 8;
const HEADER_BYTES: usize = 16;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Record {
    name: [u8; NAME_BYTES_MAX],
    kind: u64,
    value: u64,
}

const VALUE_OFFSET: usize = core::mem::offset_of!(Record, value);
const _: () = assert!(size_of::<Record>() == 40 && PAGE_BYTES <= 0x1000);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Kind {
    /// Faults of it.
    Faults = 1,
    /// How often it was started again.
    Restarts = 2,
    /// How often it had used up its budget.
    BudgetsUsedUp = 3,
    /// Bytes of its log that console could not read in time.
    LogLostBytes = 4,
    /// Frames and records that it had to throw away.
    Dropped = 5,
    /// How often it had to wait because a queue out of it was full.
    HeldUp = 6,
    /// How often a neighbour broke the rules of a queue, as it says.
    Misbehaviour = 7,
}

impl Kind {
    /// Every one of them.
    pub const ALL: [Self; 7] = [
        Self::Faults,
        Self::Restarts,
        Self::BudgetsUsedUp,
        Self::LogLostBytes,
        Self::Dropped,
        Self::HeldUp,
        Self::Misbehaviour,
    ];

    fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u64 == code)
    }
}

/// A figure of a [`Writer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    at: usize,
    /// What an earlier life of the writer counted.
    before: u64,
}

/// The writing side.
#[derive(Debug)]
pub struct Writer {
    region: SharedRegion,
    count: usize,
    /// Figures that an earlier life of this protection domain left.
    earlier: usize,
}

impl Writer {
    /// Takes over a page, which this protection domain alone writes.
    ///
    /// # Errors
    /// If the region is too small.
    pub fn new(region: SharedRegion) -> Result<Self, OutOfBounds> {
        let region = region.part(0, PAGE_BYTES)?;
        let known = region.load_u64_relaxed(MAGIC_AT)? == MAGIC;
        let earlier = if known { region.load_u64_relaxed(COUNT_AT)? } else { 0 };
        // Pairs with nothing: the count says what is there. A reader that comes now finds an empty page.
        region.store_u64_release(COUNT_AT, 0)?;
        region.store_u64_release(MAGIC_AT, MAGIC)?;
        let earlier = usize::try_from(earlier).unwrap_or(0).min(FIGURES_MAX);
        Ok(Self { region, count: 0, earlier })
    }

    /// Adds a figure. One that an earlier life had at this place goes on from there, so that nothing is forgotten when this
    /// protection domain begins anew. `None` if there is no room, or the name is none.
    pub fn add(&mut self, domain: &str, kind: Kind) -> Option<Figure> {
        if self.count >= FIGURES_MAX || !is_name(domain.as_bytes()) {
            return None;
        }
        let at = record_at(self.count);
        let mut name = [0; NAME_BYTES_MAX];
        name.get_mut(..domain.len())?.copy_from_slice(domain.as_bytes());
        let mut record = Record { name, kind: kind as u64, value: 0 };
        if self.count < self.earlier {
            let mut found = Record::new_zeroed();
            self.region.copy_out(at, found.as_mut_bytes()).ok()?;
            if (found.name, found.kind) == (record.name, record.kind) {
                record.value = found.value;
            }
        }
        self.region.copy_in(at, record.as_bytes()).ok()?;
        self.count = self.count.saturating_add(1);
        // Pairs with the acquire load in `read`: who sees the count sees the record.
        self.region.store_u64_release(COUNT_AT, self.count as u64).ok()?;
        Some(Figure { at, before: record.value })
    }

    /// Says what has been counted in this life.
    pub fn set(&self, figure: Figure, value: u64) {
        let value = figure.before.saturating_add(value);
        // `add` found its place inside the region.
        let _ = self.region.store_u64_relaxed(figure.at.saturating_add(VALUE_OFFSET), value);
    }
}

/// What a protection domain tells about its own queues.
#[derive(Debug)]
pub struct QueueFigures {
    writer: Writer,
    figures: [Option<Figure>; 3],
}

impl QueueFigures {
    /// Takes over the page of the protection domain `domain`.
    ///
    /// # Errors
    /// As [`Writer::new`].
    pub fn new(region: SharedRegion, domain: &str) -> Result<Self, OutOfBounds> {
        let mut writer = Writer::new(region)?;
        let figures = [Kind::Dropped, Kind::HeldUp, Kind::Misbehaviour].map(|kind| writer.add(domain, kind));
        Ok(Self { writer, figures })
    }

    /// Says what has been counted in this life.
    pub fn set(&self, dropped: u64, held_up: u64, misbehaviour: u64) {
        for (figure, value) in self.figures.iter().zip([dropped, held_up, misbehaviour]) {
            figure.iter().for_each(|figure| self.writer.set(*figure, value));
        }
    }
}

/// Calls `with` for each figure of a page that makes sense: name of the protection domain, kind, number. The writer is
/// hostile: there are [`FIGURES_MAX`] at most, names are checked, and everything is a copy.
pub fn read(region: SharedRegion, mut with: impl FnMut(&str, Kind, u64)) {
    let Ok(region) = region.part(0, PAGE_BYTES) else { return };
    if region.load_u64_acquire(MAGIC_AT) != Ok(MAGIC) {
        return;
    }
    // Pairs with the release store in `Writer::add`.
    let count = region.load_u64_acquire(COUNT_AT).unwrap_or(0);
    for number in 0..usize::try_from(count).unwrap_or(0).min(FIGURES_MAX) {
        let mut record = Record::new_zeroed();
        if region.copy_out(record_at(number), record.as_mut_bytes()).is_err() {
            return;
        }
        let length = record.name.iter().position(|byte| *byte == 0).unwrap_or(NAME_BYTES_MAX);
        let name = record.name.get(..length).unwrap_or_default();
        if let (true, Some(kind), Ok(name)) =
            (is_name(name), Kind::from_code(record.kind), core::str::from_utf8(name))
        {
            with(name, kind, record.value);
        }
    }
}

fn record_at(number: usize) -> usize {
    HEADER_BYTES.saturating_add(number.saturating_mul(size_of::<Record>()))
}

fn is_name(bytes: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    (1..=NAME_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(is_letter)
}

#[cfg(test)]
mod tests;
