// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How `plant_link` hands samples to `sensor_hub`: a region that the one writes and the other reads.
//!
//! A sequence lock ([`sequence_lock`]): a reader takes a private copy, and drops it if something was written meanwhile, or if
//! the samples are not such as sensors show.

use core::fmt;
use core::mem::offset_of;

use cofferdam_device_protocol::{SENSOR_COUNT, VALUES_MAX};
use cofferdam_shared_memory::sequence_lock::{self, SequenceWriter};
use cofferdam_shared_memory::{OutOfBounds, SharedRegion};
use zerocopy::{FromBytes, FromZeros as _, Immutable, IntoBytes, KnownLayout};

use crate::{BadSample, STALE_US, Samples, check};

/// `Coffplnt`, little-endian.
pub const MAGIC: u64 = u64::from_le_bytes(*b"Coffplnt");
/// The version of this layout.
pub const VERSION: u32 = 1;
/// How often a reader tries again when the writer is at work.
const READ_TRIES: usize = 4;

const DETACHED: u64 = 0;
const ATTACHED: u64 = 1;

/// What lies at the start of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Layout {
    /// [`MAGIC`], written last when the region is set up.
    pub magic: u64,
    /// [`VERSION`].
    pub version: u32,
    /// [`SENSOR_COUNT`].
    pub count: u32,
    /// Odd while the rest is being written.
    pub sequence: u64,
    /// 1 while a simulator is attached, else 0.
    pub attached: u64,
    /// When the sample is from.
    pub time_us: u64,
    /// By sensor: the bits of each `f64`.
    pub samples: [[u64; VALUES_MAX]; SENSOR_COUNT],
}

const _: () = assert!(size_of::<Layout>() == 40 + 8 * VALUES_MAX * SENSOR_COUNT);

/// A private, checked copy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When it is from.
    pub time_us: u64,
    /// By sensor; every value is one that its sensor can show.
    pub samples: Samples,
}

impl Sample {
    /// What to copy into.
    pub const EMPTY: Self = Self { time_us: 0, samples: [[0.0; VALUES_MAX]; SENSOR_COUNT] };
}

/// Why there is no sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReadError {
    /// No simulator is attached.
    Detached,
    /// The last sample is older than [`STALE_US`], or from the future.
    Stale {
        /// When it is from.
        time_us: u64,
    },
    /// The region is of another kind, version or size.
    UnknownLayout,
    /// The writer was at work at every try.
    Busy,
    /// A value that no sensor shows.
    Bad(BadSample),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Detached => f.write_str("no simulator is attached"),
            Self::Stale { time_us } => write!(f, "the simulator's last sample is from {time_us} us"),
            Self::UnknownLayout => f.write_str("the simulator's samples have an unknown layout"),
            Self::Busy => f.write_str("the simulator's samples are always being written"),
            Self::Bad(error) => write!(f, "the simulator's samples: {error}"),
        }
    }
}

impl core::error::Error for ReadError {}

/// The writing side. One protection domain has it.
#[derive(Debug)]
pub struct Writer(SequenceWriter);

impl Writer {
    /// Sets `region` up: nobody is attached.
    ///
    /// # Errors
    /// [`OutOfBounds`] if it is too small.
    pub fn new(region: SharedRegion) -> Result<Self, OutOfBounds> {
        region.store_u64_relaxed(offset_of!(Layout, magic), 0)?;
        region.clear(0, size_of::<Layout>())?;
        region.store_u32_relaxed(offset_of!(Layout, version), VERSION)?;
        region.store_u32_relaxed(offset_of!(Layout, count), SENSOR_COUNT as u32)?;
        // Pairs with the acquire load in `read`.
        region.store_u64_release(offset_of!(Layout, magic), MAGIC)?;
        Ok(Self(SequenceWriter::new(region, offset_of!(Layout, sequence), 0)))
    }

    /// Shows a sample.
    ///
    /// # Errors
    /// [`OutOfBounds`] never: `new` checked the size.
    pub fn publish(&mut self, sample: &Sample) -> Result<(), OutOfBounds> {
        self.0.write(|region| {
            region.store_u64_relaxed(offset_of!(Layout, attached), ATTACHED)?;
            region.store_u64_relaxed(offset_of!(Layout, time_us), sample.time_us)?;
            for (index, value) in sample.samples.as_flattened().iter().enumerate() {
                let at = offset_of!(Layout, samples) + index * size_of::<u64>();
                region.store_u64_relaxed(at, value.to_bits())?;
            }
            Ok(())
        })
    }

    /// Nobody is attached any more.
    ///
    /// # Errors
    /// [`OutOfBounds`] never: `new` checked the size.
    pub fn detach(&mut self) -> Result<(), OutOfBounds> {
        self.0.write(|region| region.store_u64_relaxed(offset_of!(Layout, attached), DETACHED))
    }
}

/// Takes a copy of the latest sample, as of `now_us`, into `sample`, which stays as it is if there is none.
///
/// # Errors
/// [`ReadError`]; whatever the region contains, this ends after a few tries.
pub fn read(region: &SharedRegion, now_us: u64, sample: &mut Sample) -> Result<(), ReadError> {
    look(region).unwrap_or(Err(ReadError::UnknownLayout))?;
    let mut layout = Layout::new_zeroed();
    let copied = sequence_lock::read(region, offset_of!(Layout, sequence), READ_TRIES, |region| {
        region.copy_out(0, layout.as_mut_bytes())
    });
    copied.map_err(|_| ReadError::UnknownLayout)?.ok_or(ReadError::Busy)?;
    if layout.version != VERSION || layout.count != SENSOR_COUNT as u32 {
        return Err(ReadError::UnknownLayout);
    }
    if layout.attached != ATTACHED {
        return Err(ReadError::Detached);
    }
    let time_us = layout.time_us;
    if now_us.checked_sub(time_us).is_none_or(|age_us| age_us > STALE_US) {
        return Err(ReadError::Stale { time_us });
    }
    let samples = layout.samples.map(|values| values.map(f64::from_bits));
    check(&samples).map_err(ReadError::Bad)?;
    *sample = Sample { time_us, samples };
    Ok(())
}

/// Whether there may be a sample: most of the time nobody is attached, and then nothing is copied.
fn look(region: &SharedRegion) -> Result<Result<(), ReadError>, OutOfBounds> {
    // Pairs with the release store in `Writer::new`.
    match region.load_u64_acquire(offset_of!(Layout, magic))? {
        0 => return Ok(Err(ReadError::Detached)),
        MAGIC => {}
        _ => return Ok(Err(ReadError::UnknownLayout)),
    }
    // A word of its own, which the copy has again.
    let attached = region.load_u64_relaxed(offset_of!(Layout, attached))?;
    Ok(if attached == DETACHED { Err(ReadError::Detached) } else { Ok(()) })
}
