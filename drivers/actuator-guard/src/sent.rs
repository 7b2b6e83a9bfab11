// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What an output was sent to: last, and on average of late. A flying vehicle neither rises nor sinks on average, so the average is
//! what carries it, whatever its weight and its battery are.

/// How long it remembers, µs: longer than a manoeuvre pushes, shorter than a battery sags.
const MEMORY_US: f64 = 1e6;

/// What an output was sent to, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sent {
    last: f64,
    mean: f64,
    at_us: u64,
}

impl Sent {
    /// Always to `value`, up to now.
    pub const fn at(value: f64, now_us: u64) -> Self {
        Self { last: value, mean: value, at_us: now_us }
    }

    /// To `value` from now on.
    pub fn send(&mut self, value: f64, now_us: u64) {
        let passed_us = now_us.saturating_sub(self.at_us) as f64;
        self.mean += (self.last - self.mean) * passed_us / (MEMORY_US + passed_us);
        (self.last, self.at_us) = (value, now_us.max(self.at_us));
    }

    /// To where it was sent last.
    pub const fn last(&self) -> f64 {
        self.last
    }

    /// On average, up to when it was sent last.
    pub const fn mean(&self) -> f64 {
        self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sends `values`, one each 4 ms from `from_us` on; gives the time behind them.
    fn send(sent: &mut Sent, values: impl Iterator<Item = f64>, from_us: u64) -> u64 {
        values.fold(from_us, |now_us, value| {
            sent.send(value, now_us);
            now_us + 4_000
        })
    }

    #[test]
    fn it_follows_in_its_time_and_forgets_a_push() {
        let mut sent = Sent::at(0.0, 0);
        let end_us = send(&mut sent, (0..250).map(|_| 0.7), 0);
        assert!((sent.mean() - 0.7 * (1.0 - (-1.0f64).exp())).abs() < 0.01, "{}", sent.mean());
        let end_us = send(&mut sent, (0..1_500).map(|_| 0.7), end_us);
        assert!((sent.mean() - 0.7).abs() < 0.002, "{}", sent.mean());
        send(&mut sent, (0..25).map(|_| 1.0), end_us);
        assert!(
            sent.last() == 1.0 && sent.mean() < 0.74,
            "a tenth of a second of full output: {}",
            sent.mean()
        );
    }

    #[test]
    fn what_turns_by_turn_is_higher_and_lower_is_its_middle() {
        let mut sent = Sent::at(0.7, 0);
        send(&mut sent, (0..2_000).map(|tick| if tick % 2 == 0 { 0.6 } else { 0.8 }), 0);
        assert!((sent.mean() - 0.7).abs() < 0.002, "{}", sent.mean());
    }

    proptest! {
        #[test]
        fn the_average_is_between_what_was_sent(
            from in 0.0..=1.0f64, steps in proptest::collection::vec((0.0..=1.0f64, any::<u64>()), 0..50),
        ) {
            let mut sent = Sent::at(from, 0);
            let (mut low, mut high) = (from, from);
            for (value, now_us) in steps {
                sent.send(value, now_us);
                (low, high) = (low.min(value), high.max(value));
                prop_assert!((low - 1e-9..=high + 1e-9).contains(&sent.mean()), "{}", sent.mean());
            }
        }
    }
}
