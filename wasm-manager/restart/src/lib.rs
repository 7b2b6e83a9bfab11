// SPDX-License-Identifier: Apache-2.0 OR MIT
//! When an app that failed is started again, rolled back or stopped: a state machine that knows time and numbers and
//! nothing else.
//!
//! ```text
//!              failed, under the limit        limit reached
//!   running ───────────────────────> waiting      │ then stop ──> stopped
//!      ^  │                             │         └ then roll back ──> the previous version
//!      │  └ failed, or too many missed  │ back-off over
//!      │    deadlines, on probation ──> the previous version
//!      └────────────────────────────────┘
//! ```
//!
//! Time is in microseconds since boot and only grows: an earlier time than one seen counts as that one. Across boots the
//! clock stands still while the power is off: what is saved is how long ago each restart was *when it was saved*, so a
//! loss of power can keep a restart in its window for longer and never for less.
//!
//! Not here: slots, packages, storage (`cofferdam-lifecycle`); how a manifest says it (`cofferdam-package`).
#![no_std]
#![forbid(unsafe_code)]

mod probation;
mod times;

pub use probation::Probation;
use probation::Trial;
pub use times::RESTARTS_MAX;
use times::Times;

/// What happens when the limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterLimit {
    /// The app is stopped.
    Stop,
    /// The version before takes its place.
    RollBack,
}

/// What a manifest says about failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Most restarts in a window; more than [`RESTARTS_MAX`] counts as that.
    pub limit: u8,
    /// Length of the window; `None`: all restarts since somebody started the app count.
    pub window_us: Option<u64>,
    /// Time from the first failure in a window to the restart. It doubles with each restart that is in the window.
    pub delay_us: u64,
    /// The longest such time.
    pub delay_max_us: u64,
    /// What happens at the limit.
    pub then: AfterLimit,
}

/// What to do with an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Start it again at this time.
    Restart {
        /// When.
        at_us: u64,
    },
    /// Put the version before in its place.
    RollBack,
    /// It stays stopped.
    Stop,
}

/// What has become due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The back-off is over: start the app.
    Restart,
    /// It has been good for as long as it had to.
    ProbationPassed,
}

/// How an app has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supervision {
    /// The latest time seen.
    now_us: u64,
    times: Times,
    /// Restarts since somebody started the app.
    restarts: u32,
    restart_at_us: Option<u64>,
    trial: Option<Trial>,
}

/// The part of a [`Supervision`] that is kept over a loss of power.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Restarts since somebody started the app.
    pub restarts: u32,
    /// How long ago the restarts were, oldest first; only the first [`Record::count`] mean something.
    pub ages_us: [u64; RESTARTS_MAX],
    /// How many of them.
    pub count: u8,
    /// What is left of the probation, if the app is on probation.
    pub probation_left_us: Option<u64>,
}

impl Supervision {
    /// An app that begins, on probation if so told.
    #[must_use]
    pub fn new(now_us: u64, probation: Option<Probation>) -> Self {
        Self { now_us, trial: probation.map(Trial::new), ..Self::default() }
    }

    /// An app of which this is known. It is on probation if it was, for what was left, under the rules of `probation`.
    #[must_use]
    pub fn restored(now_us: u64, record: &Record, probation: Option<Probation>) -> Self {
        let trial = probation.zip(record.probation_left_us).map(|(rules, left)| Trial::resumed(rules, left));
        Self {
            now_us,
            times: Times::restored(now_us, record.ages_us.iter().copied().take(record.count.into())),
            restarts: record.restarts,
            restart_at_us: None,
            trial,
        }
    }

    /// What has to be kept.
    #[must_use]
    pub fn record(&self, now_us: u64) -> Record {
        let now_us = self.now_us.max(now_us);
        let mut record = Record {
            restarts: self.restarts,
            probation_left_us: self.trial.as_ref().map(|trial| trial.left_us(now_us)),
            ..Record::default()
        };
        for (place, age_us) in record.ages_us.iter_mut().zip(self.times.ages_us(now_us)) {
            *place = age_us;
            record.count = record.count.saturating_add(1);
        }
        record
    }

    /// Restarts since somebody started the app.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// When the app is started again, if it waits for that.
    #[must_use]
    pub fn restart_at_us(&self) -> Option<u64> {
        self.restart_at_us
    }

    /// What is left of the probation, if the app is on probation.
    #[must_use]
    pub fn probation_left_us(&self, now_us: u64) -> Option<u64> {
        self.trial.as_ref().map(|trial| trial.left_us(self.now_us.max(now_us)))
    }

    /// When [`Self::tick`] has something to do, if nothing else happens.
    #[must_use]
    pub fn deadline_us(&self) -> Option<u64> {
        let probation = self.trial.as_ref().and_then(Trial::ends_us);
        self.restart_at_us.into_iter().chain(probation).min()
    }

    /// Somebody started it: earlier failures are forgotten, a probation is not.
    pub fn started(&mut self, now_us: u64) {
        self.see(now_us);
        self.times = Times::default();
        self.restarts = 0;
        self.restart_at_us = None;
    }

    /// It is being started: no other restart is due.
    pub fn starting(&mut self) {
        self.restart_at_us = None;
    }

    /// It runs: from here on time counts for its probation.
    pub fn running(&mut self, now_us: u64) {
        let now_us = self.see(now_us);
        self.restart_at_us = None;
        if let Some(trial) = &mut self.trial {
            trial.go_on(now_us);
        }
    }

    /// Somebody stopped it, or it has ended by itself: no restart is due, and its probation stands still.
    pub fn stopped(&mut self, now_us: u64) {
        let now_us = self.see(now_us);
        self.restart_at_us = None;
        if let Some(trial) = &mut self.trial {
            trial.pause(now_us);
        }
    }

    /// It failed.
    pub fn failed(&mut self, now_us: u64, policy: &Policy) -> Verdict {
        self.stopped(now_us);
        if self.trial.is_some() {
            return Verdict::RollBack;
        }
        let now_us = self.now_us;
        self.times.forget(now_us, policy.window_us);
        let limit = usize::from(policy.limit).min(RESTARTS_MAX);
        if self.times.count() >= limit {
            return match policy.then {
                AfterLimit::Stop => Verdict::Stop,
                AfterLimit::RollBack => Verdict::RollBack,
            };
        }
        let at_us = now_us.saturating_add(delay_us(policy, self.times.count()));
        self.times.add(now_us);
        self.restarts = self.restarts.saturating_add(1);
        self.restart_at_us = Some(at_us);
        Verdict::Restart { at_us }
    }

    /// Whether an app that has missed so many deadlines in this run has failed its probation.
    #[must_use]
    pub fn is_too_late(&self, missed_deadlines: u64) -> bool {
        self.trial.as_ref().is_some_and(|trial| trial.is_too_late(missed_deadlines))
    }

    /// The probation is over, whatever came of it: there is nothing to go back to, or it has been gone back to.
    pub fn end_probation(&mut self) {
        self.trial = None;
    }

    /// Whether it is on probation.
    #[must_use]
    pub fn is_on_probation(&self) -> bool {
        self.trial.is_some()
    }

    /// Time has passed. Each thing is due once.
    pub fn tick(&mut self, now_us: u64) -> Option<Due> {
        let now_us = self.see(now_us);
        if self.restart_at_us.take_if(|at_us| *at_us <= now_us).is_some() {
            return Some(Due::Restart);
        }
        let over = |trial: &mut Trial| trial.ends_us().is_some_and(|ends_us| ends_us <= now_us);
        self.trial.take_if(over).map(|_| Due::ProbationPassed)
    }

    fn see(&mut self, now_us: u64) -> u64 {
        self.now_us = self.now_us.max(now_us);
        self.now_us
    }
}

/// The back-off behind a failure with so many restarts in its window before it.
fn delay_us(policy: &Policy, before: usize) -> u64 {
    let factor = u32::try_from(before).ok().and_then(|before| 1u64.checked_shl(before)).unwrap_or(u64::MAX);
    policy.delay_us.saturating_mul(factor).min(policy.delay_max_us)
}

#[cfg(test)]
mod tests;
