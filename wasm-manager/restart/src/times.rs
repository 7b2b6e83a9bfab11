// SPDX-License-Identifier: Apache-2.0 OR MIT
//! When an app was restarted, on a clock that began before this boot if need be.

/// Most restarts that are remembered, and so the highest limit.
pub const RESTARTS_MAX: usize = 16;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    /// How far this clock is ahead of the device's: what was saved lies before its boot.
    ahead_us: u64,
    /// Oldest first; only the first `count` mean something.
    at_us: [u64; RESTARTS_MAX],
    count: usize,
}

impl Times {
    /// Restarts that are so long ago now. Ages do not grow from one to the next; one that does counts as the one before.
    pub(crate) fn restored(now_us: u64, ages_us: impl Iterator<Item = u64>) -> Self {
        let mut times = Self::default();
        let mut oldest_us = None;
        for age_us in ages_us {
            let oldest_us = *oldest_us.get_or_insert(age_us);
            // On this clock now is `now_us + oldest_us`.
            times.ahead_us = oldest_us;
            let at_us = now_us.saturating_add(oldest_us).saturating_sub(age_us.min(oldest_us));
            times.push(at_us.max(times.newest_us()));
        }
        times
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn add(&mut self, now_us: u64) {
        let at_us = self.clock(now_us).max(self.newest_us());
        if self.count >= RESTARTS_MAX {
            self.drop_oldest();
        }
        self.push(at_us);
    }

    /// Forgets what has left the window.
    pub(crate) fn forget(&mut self, now_us: u64, window_us: Option<u64>) {
        let Some(window_us) = window_us else { return };
        let now_us = self.clock(now_us);
        while self.known().first().is_some_and(|at_us| now_us.saturating_sub(*at_us) >= window_us) {
            self.drop_oldest();
        }
    }

    /// How long ago they were, oldest first.
    pub(crate) fn ages_us(&self, now_us: u64) -> impl Iterator<Item = u64> {
        let now_us = self.clock(now_us);
        self.known().iter().map(move |at_us| now_us.saturating_sub(*at_us))
    }

    fn known(&self) -> &[u64] {
        self.at_us.get(..self.count).unwrap_or_default()
    }

    fn newest_us(&self) -> u64 {
        self.known().last().copied().unwrap_or(0)
    }

    fn clock(&self, now_us: u64) -> u64 {
        now_us.saturating_add(self.ahead_us)
    }

    fn push(&mut self, at_us: u64) {
        if let Some(place) = self.at_us.get_mut(self.count) {
            *place = at_us;
            self.count = self.count.saturating_add(1);
        }
    }

    fn drop_oldest(&mut self) {
        self.at_us.rotate_left(1);
        self.count = self.count.saturating_sub(1);
    }
}
