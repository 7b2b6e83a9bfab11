// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Probation: a new version has to do well for some time while it runs.

/// What a manifest says about an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probation {
    /// How long it has to run without a failure.
    pub time_us: u64,
    /// How many deadlines it may miss in one run meanwhile.
    pub missed_deadlines_max: u64,
}

/// A probation under way. Its time counts only while the app runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trial {
    missed_deadlines_max: u64,
    /// Of the time when it last stood still.
    left_us: u64,
    /// Since when it goes on, if it does.
    since_us: Option<u64>,
}

impl Trial {
    pub(crate) fn new(rules: Probation) -> Self {
        Self::resumed(rules, rules.time_us)
    }

    /// One of which so much is left.
    pub(crate) fn resumed(rules: Probation, left_us: u64) -> Self {
        Self {
            missed_deadlines_max: rules.missed_deadlines_max,
            left_us: left_us.min(rules.time_us),
            since_us: None,
        }
    }

    pub(crate) fn left_us(&self, now_us: u64) -> u64 {
        let gone_us = self.since_us.map_or(0, |since_us| now_us.saturating_sub(since_us));
        self.left_us.saturating_sub(gone_us)
    }

    /// When it is passed; `None` while it stands still.
    pub(crate) fn ends_us(&self) -> Option<u64> {
        self.since_us.map(|since_us| since_us.saturating_add(self.left_us))
    }

    pub(crate) fn go_on(&mut self, now_us: u64) {
        self.pause(now_us);
        self.since_us = Some(now_us);
    }

    pub(crate) fn pause(&mut self, now_us: u64) {
        self.left_us = self.left_us(now_us);
        self.since_us = None;
    }

    pub(crate) fn is_too_late(&self, missed_deadlines: u64) -> bool {
        missed_deadlines > self.missed_deadlines_max
    }
}
