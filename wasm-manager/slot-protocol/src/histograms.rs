// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Histograms of an app's activations, behind the status in the same region.
//!
//! They are no part of the status: an activation changes three words here, where a status is written anew as a whole.
//! A reader may see an activation in one histogram and not yet in the next. The numbers come from a slot, so they
//! mean what the slot says; each is only ever shown.

use cofferdam_shared_memory::{OutOfBounds, SharedRegion};

use crate::STATUS_BYTES;

/// Buckets of a histogram.
pub const BUCKETS: usize = 32;

/// Where the generation is; the counts follow, histogram by histogram.
const GENERATION_AT: usize = 512;
const COUNTS_AT: usize = GENERATION_AT + WORD_BYTES;
const WORD_BYTES: usize = size_of::<u64>();
const HISTOGRAM_BYTES: usize = BUCKETS * WORD_BYTES;

/// Bytes at the start of the status region that status and histograms take.
pub const REGION_BYTES: usize = COUNTS_AT + 3 * HISTOGRAM_BYTES;

const _: () = assert!(STATUS_BYTES <= GENERATION_AT && REGION_BYTES <= 4096);

/// How many values there were of each size: bucket `k` counts those with `k` significant bits, that is from
/// `2^(k-1)` to `2^k - 1`, bucket 0 the zeroes, and the last one all that are larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Histogram(pub [u64; BUCKETS]);

impl Histogram {
    /// The bucket of a value.
    pub const fn bucket(value: u64) -> usize {
        let bits = (u64::BITS - value.leading_zeros()) as usize;
        if bits < BUCKETS { bits } else { BUCKETS - 1 }
    }
}

/// Of one run of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Histograms {
    /// From a release to the start of its activation, in µs.
    pub jitter_us: Histogram,
    /// From the start of an activation to its end, in µs.
    pub execution_us: Histogram,
    /// Fuel of an activation.
    pub fuel: Histogram,
}

/// The slot's side.
#[derive(Debug)]
pub struct HistogramsWriter {
    region: SharedRegion,
    counts: [Histogram; 3],
}

impl HistogramsWriter {
    /// Begins anew, for the run with this generation; the region is large enough or this fails.
    pub fn new(region: SharedRegion, generation: u64) -> Result<Self, OutOfBounds> {
        // Nobody reads counts of generation 0.
        region.store_u64_relaxed(GENERATION_AT, 0)?;
        region.clear(COUNTS_AT, 3 * HISTOGRAM_BYTES)?;
        region.store_u64_release(GENERATION_AT, generation)?;
        Ok(Self { region, counts: [Histogram::default(); 3] })
    }

    /// Counts an activation.
    pub fn count(&mut self, jitter_us: u64, execution_us: u64, fuel: u64) -> Result<(), OutOfBounds> {
        let values = [jitter_us, execution_us, fuel];
        for (which, (histogram, value)) in self.counts.iter_mut().zip(values).enumerate() {
            let bucket = Histogram::bucket(value);
            if let Some(count) = histogram.0.get_mut(bucket) {
                *count = count.saturating_add(1);
                self.region.store_u64_relaxed(place(which, bucket), *count)?;
            }
        }
        Ok(())
    }
}

/// The manager's side: those of the run with this generation, if they are there.
pub fn read_histograms(region: SharedRegion, generation: u64) -> Option<Histograms> {
    if generation == 0 || region.load_u64_acquire(GENERATION_AT).ok()? != generation {
        return None;
    }
    let histogram = |which| {
        let mut histogram = Histogram::default();
        for (bucket, count) in histogram.0.iter_mut().enumerate() {
            *count = region.load_u64_relaxed(place(which, bucket)).ok()?;
        }
        Some(histogram)
    };
    Some(Histograms { jitter_us: histogram(0)?, execution_us: histogram(1)?, fuel: histogram(2)? })
}

const fn place(which: usize, bucket: usize) -> usize {
    COUNTS_AT + which * HISTOGRAM_BYTES + bucket * WORD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    #[test]
    fn buckets_are_powers_of_two() {
        let bucket = Histogram::bucket;
        assert_eq!([0, 1, 2, 3, 4, 7, 8].map(bucket), [0, 1, 2, 2, 3, 3, 4]);
        assert_eq!([(1 << 30) - 1, 1 << 30, 1 << 31, u64::MAX].map(bucket), [30, 31, 31, 31]);
    }

    #[test]
    fn a_run_begins_with_nothing() {
        let region = SharedRegion::leaked(4096);
        assert_eq!(read_histograms(region, 0), None, "nobody wrote any");
        let mut writer = HistogramsWriter::new(region, 3).unwrap();
        writer.count(0, 5, 1000).unwrap();
        let read = read_histograms(region, 3).unwrap();
        assert_eq!((read.jitter_us.0[0], read.execution_us.0[3], read.fuel.0[10]), (1, 1, 1));
        assert_eq!(read_histograms(region, 2), None, "of another run");
        HistogramsWriter::new(region, 4).unwrap();
        assert_eq!(read_histograms(region, 4), Some(Histograms::default()));
    }

    #[test]
    fn the_status_beside_them_stays() {
        let region = SharedRegion::leaked(4096);
        let status = crate::Status::idle(3);
        crate::StatusWriter::new(region).unwrap().publish(&status).unwrap();
        HistogramsWriter::new(region, 3).unwrap().count(1, 2, 3).unwrap();
        assert_eq!(crate::read_status(region), Ok(status));
        crate::StatusWriter::new(region).unwrap().publish(&status).unwrap();
        assert_eq!(read_histograms(region, 3).unwrap().jitter_us.0[1], 1);
    }

    #[test]
    fn a_small_region_is_an_error() {
        assert!(HistogramsWriter::new(SharedRegion::leaked(REGION_BYTES - 8), 1).is_err());
        let region = SharedRegion::leaked(GENERATION_AT + WORD_BYTES);
        region.store_u64_relaxed(GENERATION_AT, 1).unwrap();
        assert_eq!(read_histograms(region, 1), None);
    }

    proptest! {
        #[test]
        fn each_activation_is_counted_once(values in proptest::collection::vec(any::<(u64, u64, u64)>(), 0..60)) {
            let region = SharedRegion::leaked(4096);
            let mut writer = HistogramsWriter::new(region, 9).unwrap();
            for (jitter_us, execution_us, fuel) in &values {
                writer.count(*jitter_us, *execution_us, *fuel).unwrap();
            }
            let read = read_histograms(region, 9).unwrap();
            for (histogram, values) in [
                (read.jitter_us, values.iter().map(|v| v.0).collect::<std::vec::Vec<_>>()),
                (read.execution_us, values.iter().map(|v| v.1).collect()),
                (read.fuel, values.iter().map(|v| v.2).collect()),
            ] {
                for bucket in 0..BUCKETS {
                    let expected = values.iter().filter(|value| Histogram::bucket(**value) == bucket).count();
                    prop_assert_eq!(histogram.0[bucket], expected as u64);
                }
            }
        }
    }
}
