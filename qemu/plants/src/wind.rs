// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Wind: a mean, turbulence, and a gust at a given time.

use core::f64::consts::TAU;

use glam::DVec3;

use crate::Noise;

/// A gust: it rises and falls as one minus a cosine does (the shape that aircraft are certified with).
#[derive(Clone, Copy, Debug)]
pub struct Gust {
    /// When it begins, s.
    pub start_s: f64,
    /// How long it lasts, s.
    pub lasts_s: f64,
    /// At its height, m/s.
    pub peak: DVec3,
}

impl Gust {
    fn at(&self, time_s: f64) -> DVec3 {
        let part = (time_s - self.start_s) / self.lasts_s;
        if (0.0..1.0).contains(&part) { self.peak * (1.0 - libm::cos(TAU * part)) / 2.0 } else { DVec3::ZERO }
    }
}

/// What the wind is like.
#[derive(Clone, Debug, Default)]
pub struct WindParameters {
    /// Mean, m/s.
    pub mean: DVec3,
    /// Standard deviation of the turbulence along each axis, m/s.
    pub turbulence: f64,
    /// Single gusts.
    pub gusts: Vec<Gust>,
}

/// How long turbulence remembers, s.
const CORRELATION_S: f64 = 1.5;

/// The wind.
#[derive(Clone, Debug)]
pub struct Wind {
    parameters: WindParameters,
    turbulent: DVec3,
    noise: Noise,
}

impl Wind {
    /// Calm at first.
    pub fn new(parameters: WindParameters, seed: u64) -> Self {
        Self { parameters, turbulent: DVec3::ZERO, noise: Noise::new(seed) }
    }

    /// Lets `step_s` pass; gives the wind's velocity at `time_s`.
    pub fn step(&mut self, time_s: f64, step_s: f64) -> DVec3 {
        // First-order Gauss-Markov process, exact for any step.
        let keeps = libm::exp(-step_s / CORRELATION_S);
        let drive = self.parameters.turbulence * libm::sqrt(1.0 - keeps * keeps);
        self.turbulent = self.turbulent * keeps + self.noise.vector(drive);
        let gusts: DVec3 = self.parameters.gusts.iter().map(|gust| gust.at(time_s)).sum();
        self.parameters.mean + self.turbulent + gusts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turbulence_has_its_deviation_whatever_the_step() {
        for step_s in [0.001, 0.1] {
            let mut wind = Wind::new(WindParameters { turbulence: 1.5, ..WindParameters::default() }, 5);
            let seen: Vec<f64> =
                (0..400_000).map(|step| wind.step(f64::from(step) * step_s, step_s).x).collect();
            let square = seen.iter().map(|x| x * x).sum::<f64>() / seen.len() as f64;
            assert!((square.sqrt() - 1.5).abs() < 0.2, "{step_s}: {}", square.sqrt());
        }
    }

    #[test]
    fn a_gust_peaks_half_way_and_ends() {
        let gust = Gust { start_s: 1.0, lasts_s: 2.0, peak: DVec3::X * 4.0 };
        let mut wind = Wind::new(WindParameters { gusts: vec![gust], ..WindParameters::default() }, 1);
        assert_eq!(wind.step(0.5, 0.1), DVec3::ZERO);
        assert!((wind.step(2.0, 0.1).x - 4.0).abs() < 1e-12);
        assert_eq!(wind.step(3.5, 0.1), DVec3::ZERO);
    }
}
