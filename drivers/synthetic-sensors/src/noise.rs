// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Noise that repeats: a generator with a seed.

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). Not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    state: u64,
}

impl Noise {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A number from -1 to 1; small ones are likelier (the mean of two uniform ones).
    pub(crate) fn next(&mut self) -> f64 {
        let bits = self.next_u64();
        // Two 32-bit numbers, each as a fraction of 2^32.
        let fraction = |half: u64| half as f64 / 4_294_967_296.0;
        fraction(bits >> 32) + fraction(bits & 0xffff_ffff) - 1.0
    }

    const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
