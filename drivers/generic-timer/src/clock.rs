// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Ticks and microseconds.

use core::num::NonZeroU64;

const US_PER_SECOND: u64 = 1_000_000;

/// How fast the counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frequency(NonZeroU64);

impl Frequency {
    /// A counter of `hertz` ticks per second; nothing if that is zero.
    pub const fn new(hertz: u64) -> Option<Self> {
        match NonZeroU64::new(hertz) {
            Some(hertz) => Some(Self(hertz)),
            None => None,
        }
    }

    /// The time at a tick, rounded down: what `sel4_microkit::now_us` says at that tick.
    pub const fn us_at(self, ticks: u64) -> u64 {
        let hertz = self.0.get();
        let seconds = (ticks / hertz).saturating_mul(US_PER_SECOND);
        // The rest is below one second; a counter of 18 THz would overflow here.
        seconds.saturating_add((ticks % hertz).saturating_mul(US_PER_SECOND) / hertz)
    }

    /// The first tick at which [`Frequency::us_at`] is `us` or more.
    pub const fn first_tick_at(self, us: u64) -> u64 {
        let hertz = self.0.get();
        let seconds = (us / US_PER_SECOND).saturating_mul(hertz);
        seconds.saturating_add((us % US_PER_SECOND).saturating_mul(hertz).div_ceil(US_PER_SECOND))
    }
}
