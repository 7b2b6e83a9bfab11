// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A board whose entropy source nobody has written a driver for, for trying management on it.

use core::convert::Infallible;
use core::hint::black_box;

use cofferdam_jitter_entropy::Jitter;
use sel4_microkit::{Channel, now};

/// Words that the work in between goes through, so that caches have their part in how long it takes.
const WORDS: usize = 512;

/// The pool.
pub struct Source(Jitter);

impl Source {
    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8], _in_time: impl Fn() -> bool) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }

    /// There is no interrupt.
    pub fn acknowledge_interrupt(&mut self) {}
}

/// Gathers it, and says what it is.
pub fn find() -> Option<Source> {
    let mut words = [0_u64; WORDS];
    let work = |seed: u64| {
        let mut at = seed as usize % WORDS;
        for _ in 0..32 {
            if let Some(word) = words.get_mut(at) {
                *word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed | 1);
                at = (black_box(*word) >> 33) as usize % WORDS;
            }
        }
    };
    match Jitter::gather(now, work) {
        Ok(jitter) => {
            log::warn!(
                "no entropy source: the boot nonce is made of timing jitter, for trying management only"
            );
            Some(Source(jitter))
        }
        Err(error) => {
            log::error!("no entropy: {error}");
            None
        }
    }
}

/// It does not interrupt.
pub fn interrupt() -> Option<Channel> {
    None
}
