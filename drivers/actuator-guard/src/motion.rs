// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How one output moves: towards a target, no faster than a rate.

/// A value on its way to a target. What it is at any time follows from this alone; nobody has to step it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    from: f64,
    from_us: u64,
    target: f64,
    per_second: f64,
}

impl Motion {
    /// A value that stays as it is.
    pub const fn at(value: f64) -> Self {
        Self { from: value, from_us: 0, target: value, per_second: 0.0 }
    }

    /// The value at `now_us`. Before the beginning it is what it was there.
    pub fn value(&self, now_us: u64) -> f64 {
        let seconds = now_us.saturating_sub(self.from_us) as f64 / 1e6;
        let most = self.per_second * seconds;
        let way = self.target - self.from;
        // Arrived exactly, whatever rounding does on the way.
        if way.abs() <= most { self.target } else { self.from + most.copysign(way) }
    }

    /// Whether it has arrived by `now_us`.
    pub fn rests(&self, now_us: u64) -> bool {
        self.value(now_us) == self.target
    }

    /// Where it goes.
    pub const fn target(&self) -> f64 {
        self.target
    }

    /// How fast it goes there; zero for a value that stays.
    pub const fn per_second(&self) -> f64 {
        self.per_second
    }

    /// From where it is at `now_us` to `target`, at `per_second` at most.
    pub fn steer(&mut self, target: f64, per_second: f64, now_us: u64) {
        *self = Self { from: self.value(now_us), from_us: now_us, target, per_second };
    }

    /// From where it is at `now_us` to `target` in `duration_us`, whatever the way.
    pub fn ramp(&mut self, target: f64, duration_us: u64, now_us: u64) {
        let way = (target - self.value(now_us)).abs();
        self.steer(target, way * 1e6 / duration_us.max(1) as f64, now_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_arrives_and_stays() {
        let mut motion = Motion::at(0.0);
        motion.steer(1.0, 10.0, 1_000);
        assert_eq!(
            [0, 1_000, 51_000, 101_000, u64::MAX].map(|at| motion.value(at)),
            [0.0, 0.0, 0.5, 1.0, 1.0]
        );
        assert!(!motion.rests(100_999) && motion.rests(101_000));
        motion.ramp(0.0, 2_000_000, 101_000);
        assert_eq!([101_000, 1_101_000, 2_101_000].map(|at| motion.value(at)), [1.0, 0.5, 0.0]);
    }

    proptest! {
        #[test]
        fn never_faster_and_never_past(
            from in 0.0..1.0f64, target in 0.0..1.0f64, per_second in 0.0..100.0f64,
            begin_us in 0u64..1 << 50, waits in proptest::collection::vec(0u64..100_000, 1..50),
        ) {
            let mut motion = Motion::at(from);
            motion.steer(target, per_second, begin_us);
            let (mut now_us, mut before) = (begin_us, from);
            for wait_us in waits {
                now_us += wait_us;
                let value = motion.value(now_us);
                prop_assert!((value - before).abs() <= per_second * wait_us as f64 / 1e6 + 1e-9);
                prop_assert!((from.min(target)..=from.max(target)).contains(&value));
                before = value;
            }
        }
    }
}
