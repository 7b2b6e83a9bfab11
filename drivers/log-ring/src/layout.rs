// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What lies in the memory of a log ring.
//!
//! A header, then a ring of records. A position is the number of bytes of records ever written before it; the
//! byte at position `p` lies at `DATA_OFFSET + p % data_bytes`, so records wrap. Records start at multiples of
//! [`ALIGN_BYTES`].

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `Cofflog` and a zero, little-endian.
pub const MAGIC: u64 = u64::from_le_bytes(*b"Cofflog\0");
/// The version of this layout.
pub const VERSION: u32 = 1;
/// Longest name of an app in a record.
pub const NAME_MAX_BYTES: usize = 32;
/// Longest text of a record; longer lines are cut.
pub const TEXT_MAX_BYTES: usize = 1000;
/// Every record starts at a multiple of this.
pub const ALIGN_BYTES: usize = 8;
/// Where the records start.
pub const DATA_OFFSET: usize = size_of::<RingHeader>();
/// The largest record, header included.
pub const RECORD_MAX_BYTES: usize =
    size_of::<RecordHeader>() + (NAME_MAX_BYTES + TEXT_MAX_BYTES).next_multiple_of(ALIGN_BYTES);
/// The smallest ring that is of any use: a few records of the largest size.
pub const DATA_MIN_BYTES: usize = 4 * RECORD_MAX_BYTES;
/// Positions stay below this, so that sums of them never overflow. Nobody logs that much.
pub const POSITION_MAX: u64 = 1 << 62;

/// The start of the region. Written by the ring's owner alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RingHeader {
    /// [`MAGIC`], written last when a ring is set up.
    pub magic: u64,
    /// [`VERSION`].
    pub version: u32,
    /// The size of the ring of records.
    pub data_bytes: u32,
    /// The position of the oldest record that is still whole. Moves on before its bytes are overwritten.
    pub oldest: u64,
    /// The position behind the newest record. Moves on after the record's bytes are written.
    pub written: u64,
    /// Zero.
    pub reserved: [u64; 4],
}

/// The start of a record; the app's name and the text follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RecordHeader {
    /// Bytes of name and text together, without padding.
    pub length_bytes: u32,
    /// A `log::Level` as a number: 1 (error) to 5 (trace).
    pub level: u8,
    /// An [`Origin`] as a number.
    pub origin: u8,
    /// How many of the bytes are the name.
    pub name_bytes: u16,
    /// When it was written.
    pub time_us: u64,
}

const _: () = assert!(size_of::<RingHeader>() == 64 && size_of::<RecordHeader>() == 16);
const _: () =
    assert!(DATA_OFFSET.is_multiple_of(ALIGN_BYTES) && RECORD_MAX_BYTES.is_multiple_of(ALIGN_BYTES));

/// Offset of [`RingHeader::version`] and [`RingHeader::data_bytes`] (one word: version low, size high).
pub(crate) const VERSION_OFFSET: usize = core::mem::offset_of!(RingHeader, version);
pub(crate) const OLDEST_OFFSET: usize = core::mem::offset_of!(RingHeader, oldest);
pub(crate) const WRITTEN_OFFSET: usize = core::mem::offset_of!(RingHeader, written);
pub(crate) const MAGIC_OFFSET: usize = core::mem::offset_of!(RingHeader, magic);

/// Who speaks in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Origin {
    /// The protection domain itself.
    ProtectionDomain = 0,
    /// The app that runs in it; the record names it.
    App = 1,
}

impl RecordHeader {
    /// The origin, if the number is one.
    pub const fn origin(&self) -> Option<Origin> {
        match self.origin {
            0 => Some(Origin::ProtectionDomain),
            1 => Some(Origin::App),
            _ => None,
        }
    }

    /// The level, if the number is one.
    pub const fn level(&self) -> Option<log::Level> {
        Some(match self.level {
            1 => log::Level::Error,
            2 => log::Level::Warn,
            3 => log::Level::Info,
            4 => log::Level::Debug,
            5 => log::Level::Trace,
            _ => return None,
        })
    }

    /// What the record takes in the ring, padding included; nothing if a length is more than a record has.
    pub const fn record_bytes(&self) -> Option<usize> {
        let length_bytes = self.length_bytes as usize;
        let name_bytes = self.name_bytes as usize;
        if name_bytes > NAME_MAX_BYTES
            || name_bytes > length_bytes
            || length_bytes - name_bytes > TEXT_MAX_BYTES
        {
            return None;
        }
        Some(size_of::<RecordHeader>() + length_bytes.next_multiple_of(ALIGN_BYTES))
    }
}

/// How many bytes of records fit a region of this size.
pub(crate) const fn data_bytes(region_bytes: usize) -> Option<usize> {
    match region_bytes.checked_sub(DATA_OFFSET) {
        Some(rest) if rest >= DATA_MIN_BYTES && rest <= u32::MAX as usize => Some(rest - rest % ALIGN_BYTES),
        _ => None,
    }
}
