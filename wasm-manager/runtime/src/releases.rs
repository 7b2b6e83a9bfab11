// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Which release an activation belongs to, and what its timing says.

use cofferdam_slot_protocol::Counters;
use cofferdam_timer_protocol::releases_due;

/// The releases of one app: the first, then one per period, without drift.
#[derive(Debug, Clone, Copy)]
pub struct Releases {
    first_us: u64,
    period_us: u64,
    deadline_us: u64,
    handled: u64,
}

/// A release that an activation answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// When it was due.
    pub at_us: u64,
    /// When its activation should be over.
    pub deadline_us: u64,
    /// Earlier releases that nobody answered.
    pub missed: u64,
}

/// When an activation ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From its release to its start.
    pub jitter_us: u64,
    /// From its start to its end.
    pub execution_us: u64,
    /// Whether it was over after its deadline.
    pub overrun: bool,
}

impl Releases {
    /// From `first_us` on. `deadline_us` is relative to a release.
    pub const fn new(first_us: u64, period_us: u64, deadline_us: u64) -> Self {
        Self { first_us, period_us, deadline_us, handled: 0 }
    }

    /// When the first one is due.
    pub const fn first_us(&self) -> u64 {
        self.first_us
    }

    /// The latest release that has come and was not answered; those before it are missed. None if there is
    /// nothing to do: notifications may come early or twice.
    pub fn next(&mut self, now_us: u64) -> Option<Release> {
        let due = releases_due(self.first_us, self.period_us, now_us);
        let missed = due.checked_sub(self.handled)?.checked_sub(1)?;
        self.handled = due;
        let at_us = self.first_us.saturating_add((due - 1).saturating_mul(self.period_us));
        Some(Release { at_us, deadline_us: at_us.saturating_add(self.deadline_us), missed })
    }
}

impl Release {
    /// Counts an activation that ran from `start_us` to `end_us`.
    pub fn count(&self, start_us: u64, end_us: u64, counters: &mut Counters) -> Timing {
        let jitter_us = start_us.saturating_sub(self.at_us);
        let execution_us = end_us.saturating_sub(start_us);
        let overrun = end_us > self.deadline_us;
        counters.activations += 1;
        counters.missed_releases += self.missed;
        counters.overruns += u64::from(overrun);
        counters.execution_last_us = execution_us;
        counters.execution_max_us = counters.execution_max_us.max(execution_us);
        counters.execution_total_us += execution_us;
        counters.jitter_max_us = counters.jitter_max_us.max(jitter_us);
        counters.jitter_total_us += jitter_us;
        Timing { jitter_us, execution_us, overrun }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_answered_once_and_missed_ones_counted() {
        let mut releases = Releases::new(1000, 100, 80);
        assert_eq!(releases.next(999), None);
        assert_eq!(releases.next(1003), Some(Release { at_us: 1000, deadline_us: 1080, missed: 0 }));
        assert_eq!(releases.next(1050), None);
        assert_eq!(releases.next(1100), Some(Release { at_us: 1100, deadline_us: 1180, missed: 0 }));
        assert_eq!(releases.next(1410), Some(Release { at_us: 1400, deadline_us: 1480, missed: 2 }));
    }

    #[test]
    fn timing_is_counted() {
        let mut counters = Counters::default();
        let release = Release { at_us: 1000, deadline_us: 1080, missed: 2 };
        let in_time = Timing { jitter_us: 10, execution_us: 70, overrun: false };
        assert_eq!(release.count(1010, 1080, &mut counters), in_time);
        let late = Timing { jitter_us: 30, execution_us: 51, overrun: true };
        assert_eq!(release.count(1030, 1081, &mut counters), late);
        assert_eq!((counters.activations, counters.missed_releases, counters.overruns), (2, 4, 1));
        assert_eq!((counters.jitter_max_us, counters.jitter_total_us), (30, 40));
        assert_eq!((counters.execution_max_us, counters.execution_total_us), (70, 121));
    }
}
