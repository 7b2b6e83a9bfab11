// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How much a tyre holds for how much it slips.

use core::f64::consts::FRAC_PI_2;

/// The magic formula (Pacejka, Tire and Vehicle Dynamics, chapter 4), without shifts: friction as a function of slip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TyreCurve {
    /// Stiffness factor.
    pub b: f64,
    /// Shape factor.
    pub c: f64,
    /// Peak friction.
    pub d: f64,
    /// Curvature factor.
    pub e: f64,
}

impl TyreCurve {
    /// Dry asphalt.
    pub const DRY: Self = Self { b: 10.0, c: 1.9, d: 1.0, e: 0.97 };
    /// Wet asphalt.
    pub const WET: Self = Self { b: 12.0, c: 2.3, d: 0.82, e: 1.0 };
    /// Ice.
    pub const ICE: Self = Self { b: 4.0, c: 2.0, d: 0.1, e: 1.0 };

    /// The same friction at every slip but the smallest.
    pub const fn constant(friction: f64) -> Self {
        Self { b: 1_000.0, c: 1.0, d: friction, e: 0.0 }
    }

    /// Friction at this slip, which is not negative: 0 rolls, 1 is locked.
    pub fn friction(&self, slip: f64) -> f64 {
        let x = self.b * slip;
        self.d * libm::sin(self.c * libm::atan(x - self.e * (x - libm::atan(x))))
    }

    /// Longitudinal and lateral friction for a slip along and across the wheel (similarity: the friction of the whole slip,
    /// in its direction).
    pub fn combined(&self, along: f64, across: f64) -> (f64, f64) {
        let slip = libm::hypot(along, across);
        if slip < 1e-9 {
            return (0.0, 0.0);
        }
        let friction = self.friction(slip);
        (friction * along / slip, -friction * across / slip)
    }

    /// The slip of most friction; 1 if friction rises up to there.
    pub fn peak_slip(&self) -> f64 {
        // The sine is one where its argument is a quarter turn.
        let wanted = libm::tan(FRAC_PI_2 / self.c);
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            let x = self.b * middle;
            if x - self.e * (x - libm::atan(x)) < wanted { low = middle } else { high = middle }
        }
        high
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROADS: [TyreCurve; 3] = [TyreCurve::DRY, TyreCurve::WET, TyreCurve::ICE];

    #[test]
    fn the_peak_is_where_and_what_the_formula_says() {
        // With e = 1 the peak can be written down: tan(tan(π / 2c)) / b.
        for road in [TyreCurve::WET, TyreCurve::ICE] {
            let exact = libm::tan(libm::tan(FRAC_PI_2 / road.c)) / road.b;
            assert!((road.peak_slip() - exact).abs() < 1e-9, "{road:?}");
        }
        for road in ROADS {
            let peak = road.peak_slip();
            assert!((road.friction(peak) - road.d).abs() < 1e-9, "{road:?}");
            for other in [peak * 0.8, peak * 1.2] {
                assert!(road.friction(other) < road.d, "{road:?} at {other}");
            }
        }
    }

    #[test]
    fn small_slip_holds_in_proportion() {
        for road in ROADS {
            let stiffness = road.b * road.c * road.d;
            assert!((road.friction(1e-5) / (stiffness * 1e-5) - 1.0).abs() < 1e-3, "{road:?}");
        }
    }

    #[test]
    fn a_locked_wheel_holds_less_than_the_peak_and_does_not_steer() {
        for road in ROADS {
            assert!(road.friction(1.0) < 0.97 * road.d, "{road:?}: {}", road.friction(1.0));
            let (_, rolling) = road.combined(0.0, 0.1);
            let (_, locked) = road.combined(1.0, 0.1);
            assert!(locked.abs() < 0.35 * rolling.abs(), "{road:?}: {locked} {rolling}");
        }
    }

    proptest! {
        #[test]
        fn friction_stays_within_its_circle(along in -2.0f64..2.0, across in -2.0f64..2.0) {
            for road in ROADS {
                let (x, y) = road.combined(along, across);
                prop_assert!(libm::hypot(x, y) <= road.d + 1e-12);
                prop_assert!(x * along >= 0.0 && y * across <= 0.0);
            }
        }
    }
}
