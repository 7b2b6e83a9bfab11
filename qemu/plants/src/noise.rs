// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Chance that repeats.

use core::f64::consts::TAU;

use rand_core::Rng;
use rand_pcg::Pcg64;

/// Which stream of the generator; any odd number of one's own.
const STREAM: u128 = 0xc0ff_e7da_0000_0001;

/// Normally distributed numbers from a seed.
#[derive(Clone, Debug)]
pub struct Noise {
    generator: Pcg64,
    spare: Option<f64>,
}

impl Noise {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self { generator: Pcg64::new(seed.into(), STREAM), spare: None }
    }

    /// From 0 to 1, without 0.
    fn uniform(&mut self) -> f64 {
        // 53 bits, as many as an f64 has.
        ((self.generator.next_u64() >> 11) as f64 + 1.0) / (1u64 << 53) as f64
    }

    /// The next number of mean 0 and this standard deviation (Box and Muller, 1958).
    pub fn normal(&mut self, deviation: f64) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare * deviation;
        }
        let radius = libm::sqrt(-2.0 * libm::log(self.uniform()));
        let angle = TAU * self.uniform();
        self.spare = Some(radius * libm::sin(angle));
        radius * libm::cos(angle) * deviation
    }

    /// Three independent ones.
    pub fn vector(&mut self, deviation: f64) -> glam::DVec3 {
        let x = self.normal(deviation);
        let y = self.normal(deviation);
        glam::DVec3::new(x, y, self.normal(deviation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_are_as_asked() {
        let mut noise = Noise::new(3);
        let numbers: Vec<f64> = (0..100_000).map(|_| noise.normal(2.0)).collect();
        let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
        let variance = numbers.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / numbers.len() as f64;
        assert!(mean.abs() < 0.03 && (variance - 4.0).abs() < 0.1, "{mean} {variance}");
        let outside = numbers.iter().filter(|n| n.abs() > 4.0).count() as f64 / numbers.len() as f64;
        assert!((outside - 0.0455).abs() < 0.005, "beyond two deviations: {outside}");
    }

    #[test]
    fn a_seed_is_a_sequence() {
        let take = |seed| {
            let mut noise = Noise::new(seed);
            (0..10).map(|_| noise.normal(1.0).to_bits()).collect::<Vec<_>>()
        };
        assert_eq!(take(1), take(1));
        assert_ne!(take(1), take(2));
    }
}
