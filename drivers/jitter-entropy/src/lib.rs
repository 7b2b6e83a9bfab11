// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Bytes that differ from boot to boot, out of how long the same work takes: for boards whose entropy source nobody has
//! written a driver for.
//!
//! **This is no entropy source.** Nobody has measured how much chance there is in these times on any board; on an emulator whose
//! clock follows instructions there is none. It is good enough for trying management on a board, where the boot nonce has to be
//! another one at each boot, and not for a product. What is too regular is refused, not stretched.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;

use sha2::{Digest as _, Sha256};

/// How many times are taken.
const SAMPLES: usize = 8192;
/// Of these, so many must differ from what the two before let expect. One is taken for a quarter of a bit.
const SURPRISES_MIN: usize = 512;

/// The times say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooRegular {
    /// How many times were a surprise.
    pub surprises: usize,
}

impl fmt::Display for TooRegular {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {SAMPLES} times were a surprise, {SURPRISES_MIN} are needed", self.surprises)
    }
}

impl core::error::Error for TooRegular {}

/// A pool that was filled once.
pub struct Jitter {
    pool: [u8; 32],
    given: u64,
}

impl Jitter {
    /// Fills it from a clock that `now` reads, with `work` in between.
    ///
    /// # Errors
    /// When the times are too regular to be of use.
    pub fn gather(mut now: impl FnMut() -> u64, mut work: impl FnMut(u64)) -> Result<Self, TooRegular> {
        let (mut digest, mut surprises) = (Sha256::new(), 0);
        let (mut before, mut last, mut last_but_one) = (now(), 0_u64, 0_u64);
        for _ in 0..SAMPLES {
            work(before ^ last);
            let at = now();
            let time = at.wrapping_sub(before);
            if time != last && time != last_but_one {
                surprises += 1;
            }
            digest.update(at.to_le_bytes());
            (before, last_but_one, last) = (at, last, time);
        }
        if surprises < SURPRISES_MIN {
            return Err(TooRegular { surprises });
        }
        Ok(Self { pool: digest.finalize().into(), given: 0 })
    }

    /// Fills `bytes`; no two calls give the same.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block: [u8; 32] = Sha256::new()
                .chain_update(self.pool)
                .chain_update(self.given.to_le_bytes())
                .finalize()
                .into();
            self.given = self.given.wrapping_add(1);
            chunk.iter_mut().zip(block).for_each(|(byte, new)| *byte = new);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::cell::Cell;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_regular_clock_is_refused() {
        for step in [0, 1, 1000] {
            let at = Cell::new(0_u64);
            let outcome = Jitter::gather(|| at.replace(at.get() + step), |_| ());
            assert!(outcome.is_err_and(|error| error.surprises < 3), "{step}");
        }
        // Two steps in turn are as regular.
        let at = Cell::new(0_u64);
        let tick = || at.replace(at.get() + if at.get().is_multiple_of(7) { 3 } else { 4 });
        assert!(Jitter::gather(tick, |_| ()).is_err());
    }

    #[test]
    fn calls_and_gatherings_differ() {
        let start = Instant::now();
        let gather = || {
            let now = || u64::try_from(start.elapsed().as_nanos()).unwrap();
            Jitter::gather(now, |_| drop(std::hint::black_box(std::vec![0_u8; 64]))).unwrap()
        };
        let (mut one, mut other) = (gather(), gather());
        let mut bytes = [[0; 40]; 3];
        one.fill(&mut bytes[0]);
        one.fill(&mut bytes[1]);
        other.fill(&mut bytes[2]);
        assert_ne!(bytes[0], bytes[1]);
        assert_ne!(bytes[0], bytes[2]);
        assert_ne!(bytes[0][..8], bytes[0][32..], "each block is its own");
    }
}
