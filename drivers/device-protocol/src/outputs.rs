// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the outputs are, in a memory region that `actuator_guard` writes and others read.
//!
//! A sequence lock ([`sequence_lock`]): a reader takes a private copy, and drops it if something was written meanwhile.

use core::fmt;
use core::mem::offset_of;

use cofferdam_shared_memory::sequence_lock::{self, SequenceWriter};
use cofferdam_shared_memory::{OutOfBounds, SharedRegion};
use zerocopy::{FromBytes, FromZeros as _, Immutable, IntoBytes, KnownLayout};

use crate::{ACTUATOR_COUNT, ACTUATORS};

/// `Coffouts`, little-endian.
pub const MAGIC: u64 = u64::from_le_bytes(*b"Coffouts");
/// The version of this layout.
pub const VERSION: u32 = 4;
/// How often a reader tries again when the writer is at work.
const READ_TRIES: usize = 4;
/// The sequence before the first [`Writer::publish`]: odd, so that there is nothing to read.
const UNWRITTEN: u64 = 1;

/// What lies at the start of the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Layout {
    /// [`MAGIC`], written last when the region is set up.
    pub magic: u64,
    /// [`VERSION`].
    pub version: u32,
    /// [`ACTUATOR_COUNT`].
    pub count: u32,
    /// Odd while the rest is being written.
    pub sequence: u64,
    /// When this was written.
    pub time_us: u64,
    /// Each actuator, by id.
    pub outputs: [OutputLayout; ACTUATOR_COUNT],
}

/// One actuator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct OutputLayout {
    /// What it does: the bits of an `f64`, as the next two.
    pub value: u64,
    /// Who holds the lease: a slot's number + 1, or zero for nobody.
    pub holder: u64,
    /// Where it goes.
    pub target: u64,
    /// How fast.
    pub per_second: u64,
}

const _: () = assert!(size_of::<OutputLayout>() == 32 && size_of::<Layout>() == 32 + 32 * ACTUATOR_COUNT);

/// An actuator, and where it is going.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moving {
    /// What it does at the time of publishing.
    pub value: f64,
    /// The client that holds the lease, if any: a slot's number.
    pub holder: Option<u8>,
    /// Where it goes, within its range.
    pub target: f64,
    /// How fast, in its unit a second; zero for what is there and did not need to go.
    pub per_second: f64,
}

/// A private, checked copy of the outputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outputs {
    /// When this was published.
    pub time_us: u64,
    /// Each actuator, by id; every value and target is within its actuator's range.
    pub outputs: [Moving; ACTUATOR_COUNT],
}

/// Why the outputs cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// Nobody has written them yet.
    Unwritten,
    /// The region is of another kind, version or size.
    UnknownLayout,
    /// The writer was at work at every try.
    Busy,
    /// The value of this actuator, or where it goes, is outside its range, or its speed is none.
    BadValue {
        /// Which actuator.
        id: usize,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Unwritten => f.write_str("outputs: nothing written yet"),
            ReadError::UnknownLayout => f.write_str("outputs: unknown layout"),
            ReadError::Busy => f.write_str("outputs: always being written"),
            ReadError::BadValue { id } => write!(f, "outputs: value of actuator {id} out of range"),
        }
    }
}

impl core::error::Error for ReadError {}

/// The writing side. One protection domain has it.
#[derive(Debug)]
pub struct Writer(SequenceWriter);

impl Writer {
    /// Sets `region` up.
    ///
    /// # Errors
    /// [`OutOfBounds`] if it is too small.
    pub fn new(region: SharedRegion) -> Result<Self, OutOfBounds> {
        region.store_u64_relaxed(offset_of!(Layout, magic), 0)?;
        region.clear(0, size_of::<Layout>())?;
        region.store_u32_relaxed(offset_of!(Layout, version), VERSION)?;
        region.store_u32_relaxed(offset_of!(Layout, count), ACTUATOR_COUNT as u32)?;
        region.store_u64_relaxed(offset_of!(Layout, sequence), UNWRITTEN)?;
        // Pairs with the acquire load in `read`.
        region.store_u64_release(offset_of!(Layout, magic), MAGIC)?;
        Ok(Self(SequenceWriter::new(region, offset_of!(Layout, sequence), UNWRITTEN)))
    }

    /// Shows the outputs to readers.
    ///
    /// # Errors
    /// [`OutOfBounds`] never: `new` checked the size.
    pub fn publish(&mut self, time_us: u64, outputs: &[Moving; ACTUATOR_COUNT]) -> Result<(), OutOfBounds> {
        self.0.write(|region| {
            region.store_u64_relaxed(offset_of!(Layout, time_us), time_us)?;
            for (index, output) in outputs.iter().enumerate() {
                let at = offset_of!(Layout, outputs) + index * size_of::<OutputLayout>();
                let holder = output.holder.map_or(0, |client| u64::from(client) + 1);
                let words =
                    [output.value.to_bits(), holder, output.target.to_bits(), output.per_second.to_bits()];
                for (word, value) in words.into_iter().enumerate() {
                    region.store_u64_relaxed(at + word * size_of::<u64>(), value)?;
                }
            }
            Ok(())
        })
    }
}

/// Takes a copy of the outputs.
///
/// # Errors
/// [`ReadError`]; whatever the region contains, this ends after a few tries.
pub fn read(region: &SharedRegion) -> Result<Outputs, ReadError> {
    read_layout(region).unwrap_or(Err(ReadError::UnknownLayout))?.checked()
}

fn read_layout(region: &SharedRegion) -> Result<Result<Layout, ReadError>, OutOfBounds> {
    // Pairs with the release store in `Writer::new`.
    match region.load_u64_acquire(offset_of!(Layout, magic))? {
        0 => return Ok(Err(ReadError::Unwritten)),
        MAGIC => {}
        _ => return Ok(Err(ReadError::UnknownLayout)),
    }
    let sequence_at = offset_of!(Layout, sequence);
    if region.load_u64_relaxed(sequence_at)? == UNWRITTEN {
        return Ok(Err(ReadError::Unwritten));
    }
    let copy = sequence_lock::read(region, sequence_at, READ_TRIES, |region| {
        let mut layout = Layout::new_zeroed();
        region.copy_out(0, layout.as_mut_bytes())?;
        Ok(layout)
    })?;
    Ok(copy.ok_or(ReadError::Busy))
}

impl Layout {
    fn checked(&self) -> Result<Outputs, ReadError> {
        if self.version != VERSION || self.count != ACTUATOR_COUNT as u32 {
            return Err(ReadError::UnknownLayout);
        }
        let outputs = self.outputs.map(|layout| Moving {
            value: f64::from_bits(layout.value),
            holder: layout.holder.checked_sub(1).and_then(|client| u8::try_from(client).ok()),
            target: f64::from_bits(layout.target),
            per_second: f64::from_bits(layout.per_second),
        });
        for (output, actuator) in outputs.iter().zip(&ACTUATORS) {
            let range = actuator.min..=actuator.max;
            let speed = (0.0..f64::INFINITY).contains(&output.per_second);
            if !range.contains(&output.value) || !range.contains(&output.target) || !speed {
                return Err(ReadError::BadValue { id: actuator.id });
            }
        }
        Ok(Outputs { time_us: self.time_us, outputs })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    const REGION_BYTES: usize = 4096;

    fn all(value: f64, holder: Option<u8>) -> [Moving; ACTUATOR_COUNT] {
        [Moving { value, holder, target: value, per_second: 20.0 }; ACTUATOR_COUNT]
    }

    #[test]
    fn golden_bytes() {
        let region = SharedRegion::leaked(REGION_BYTES);
        Writer::new(region).unwrap().publish(7, &all(1.0, Some(3))).unwrap();
        let mut bytes = [0; 64];
        region.copy_out(0, &mut bytes).unwrap();
        let mut golden = std::vec::Vec::new();
        golden.extend_from_slice(b"Coffouts");
        golden.extend_from_slice(&[4, 0, 0, 0, 9, 0, 0, 0]);
        for word in [2u64, 7, 0x3ff0 << 48, 4, 0x3ff0 << 48, 0x4034 << 48] {
            golden.extend_from_slice(&word.to_le_bytes());
        }
        assert_eq!(bytes.as_slice(), golden);
    }

    #[test]
    fn outputs_come_through() {
        let region = SharedRegion::leaked(REGION_BYTES);
        assert_eq!(read(&region), Err(ReadError::Unwritten));
        let mut writer = Writer::new(region).unwrap();
        assert_eq!(read(&region), Err(ReadError::Unwritten));
        for holder in [None, Some(0), Some(255)] {
            writer.publish(9, &all(0.5, holder)).unwrap();
            assert_eq!(read(&region), Ok(Outputs { time_us: 9, outputs: all(0.5, holder) }));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let region = SharedRegion::leaked(REGION_BYTES);
        let mut writer = Writer::new(region).unwrap();
        for value in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
            writer.publish(0, &all(value, None)).unwrap();
            assert_eq!(read(&region), Err(ReadError::BadValue { id: 0 }));
            let mut outputs = all(0.5, None);
            outputs[3].target = value;
            writer.publish(0, &outputs).unwrap();
            assert_eq!(read(&region), Err(ReadError::BadValue { id: 3 }));
        }
        for per_second in [f64::NAN, -1.0, f64::INFINITY] {
            let mut outputs = all(0.5, None);
            outputs[8].per_second = per_second;
            writer.publish(0, &outputs).unwrap();
            assert_eq!(read(&region), Err(ReadError::BadValue { id: 8 }));
        }
        region.store_u64_relaxed(offset_of!(Layout, sequence), 77).unwrap();
        assert_eq!(read(&region), Err(ReadError::Busy));
        region.store_u64_relaxed(0, 77).unwrap();
        assert_eq!(read(&region), Err(ReadError::UnknownLayout));
        let small = SharedRegion::leaked(16);
        small.store_u64_relaxed(0, MAGIC).unwrap();
        assert_eq!(read(&small), Err(ReadError::UnknownLayout));
        assert!(Writer::new(SharedRegion::leaked(64)).is_err());
    }

    #[test]
    fn a_concurrent_reader_never_sees_a_mixture() {
        let region = SharedRegion::leaked(REGION_BYTES);
        let mut writer = Writer::new(region).unwrap();
        writer.publish(0, &all(0.0, None)).unwrap();
        let thread = std::thread::spawn(move || {
            for step in 1..=100_000u32 {
                writer.publish(step.into(), &all(f64::from(step) / 100_000.0, None)).unwrap();
            }
        });
        loop {
            match read(&region) {
                Ok(seen) => {
                    assert_eq!(seen.outputs, all(seen.time_us as f64 / 100_000.0, None));
                    if seen.time_us == 100_000 {
                        break;
                    }
                }
                Err(error) => assert_eq!(error, ReadError::Busy),
            }
        }
        thread.join().unwrap();
    }
}
