// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Two versions of an app side by side: what each wrote in each tick, whether they agree, and what was missed. Leases are the
//! guard's (`guard/authority.rs`).
//!
//! A tick is a period of the device's clock that begins at a multiple of itself, as releases of reactors do. It is judged once
//! the new version's deadline is over, and closed at its end.

use cofferdam_device_protocol::swap::{SwapPhase, SwapReason, SwapReport, SwapTerms};
use cofferdam_device_protocol::{ACTUATOR_COUNT, ACTUATORS};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Old,
    New,
}

/// What one side wrote to one actuator.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    /// Last.
    value: Option<f64>,
    /// In the present tick.
    now: bool,
}

/// What a tick shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Nothing to compare.
    Nothing,
    /// The new one did what the old one did.
    Agreed,
    /// It did not.
    Differs(SwapReason, usize),
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Nothing,
    HandBack(SwapReason, usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Swap {
    pub(crate) terms: SwapTerms,
    pub(crate) phase: SwapPhase,
    reason: Option<SwapReason>,
    actuator: Option<usize>,
    at_us: u64,
    tick: u64,
    judged: bool,
    old: [Written; ACTUATOR_COUNT],
    new: [Written; ACTUATOR_COUNT],
    /// Outputs that were written with effect in this tick.
    counted: [bool; ACTUATOR_COUNT],
    last_us: [Option<u64>; ACTUATOR_COUNT],
    agreed: u32,
    divergent: u32,
    compared: u64,
    missed: u64,
    worst_permille: u32,
    longest_us: u64,
}

impl Swap {
    pub(crate) fn begin(terms: SwapTerms, now_us: u64) -> Self {
        Self {
            terms,
            phase: SwapPhase::Shadow,
            reason: None,
            actuator: None,
            at_us: 0,
            tick: now_us / terms.period_us.max(1),
            judged: false,
            old: [Written::default(); ACTUATOR_COUNT],
            new: [Written::default(); ACTUATOR_COUNT],
            counted: [false; ACTUATOR_COUNT],
            last_us: [None; ACTUATOR_COUNT],
            agreed: 0,
            divergent: 0,
            compared: 0,
            missed: 0,
            worst_permille: 0,
            longest_us: 0,
        }
    }

    /// Whether the two are still bound to each other.
    pub(crate) fn is_under_way(&self) -> bool {
        self.phase != SwapPhase::Over
    }

    /// Which side a client is, while they are bound to each other.
    pub(crate) fn side(&self, client: usize) -> Option<Side> {
        match client {
            _ if !self.is_under_way() => None,
            _ if client == self.terms.old => Some(Side::Old),
            _ if client == self.terms.new => Some(Side::New),
            _ => None,
        }
    }

    /// The side whose writes count.
    pub(crate) fn authority(&self) -> Side {
        if self.phase == SwapPhase::Watching { Side::New } else { Side::Old }
    }

    fn written(&mut self, side: Side) -> &mut [Written; ACTUATOR_COUNT] {
        match side {
            Side::Old => &mut self.old,
            Side::New => &mut self.new,
        }
    }

    /// What `side` wrote to `id` last, while it had a lease.
    pub(crate) fn value(&self, side: Side, id: usize) -> Option<f64> {
        let all = match side {
            Side::Old => &self.old,
            Side::New => &self.new,
        };
        all.get(id).and_then(|written| written.value)
    }

    /// `side` has written.
    pub(crate) fn wrote(&mut self, side: Side, id: usize, value: f64, now_us: u64) {
        if let Some(written) = self.written(side).get_mut(id) {
            *written = Written { value: Some(value), now: true };
        }
        if side == self.authority() {
            self.count(id, now_us);
        }
    }

    /// A value came into effect.
    fn count(&mut self, id: usize, now_us: u64) {
        // What comes later is not of this tick.
        let in_time = now_us < self.end_us();
        if let Some(counted) = self.counted.get_mut(id) {
            *counted |= in_time;
        }
        if let Some(last_us) = self.last_us.get_mut(id) {
            let since_us = last_us.map_or(0, |last_us| now_us.saturating_sub(last_us));
            self.longest_us = self.longest_us.max(since_us);
            *last_us = Some(now_us);
        }
    }

    /// `side` has no lease on `id` any more.
    pub(crate) fn released(&mut self, side: Side, id: usize) {
        if let Some(written) = self.written(side).get_mut(id) {
            written.value = None;
        }
        // From here on nobody is expected to write.
        if side == self.authority()
            && let Some(last_us) = self.last_us.get_mut(id)
        {
            *last_us = None;
        }
    }

    /// When the present tick is to be judged; nothing if it was.
    pub(crate) fn judge_us(&self) -> Option<u64> {
        let begun_us = self.tick.saturating_mul(self.terms.period_us);
        (!self.judged).then(|| begun_us.saturating_add(self.terms.deadline_us))
    }

    /// When the present tick is over.
    pub(crate) fn end_us(&self) -> u64 {
        self.tick.saturating_add(1).saturating_mul(self.terms.period_us)
    }

    /// Judges the present tick. `uncovered` is an output that the old one holds and the new one does not.
    pub(crate) fn judge(&mut self, uncovered: Option<usize>) -> Act {
        self.judged = true;
        if !matches!(self.phase, SwapPhase::Shadow | SwapPhase::HandingOver | SwapPhase::Watching) {
            return Act::Nothing;
        }
        let (judgement, worst) = self.compare(uncovered);
        let watching = self.phase == SwapPhase::Watching;
        match judgement {
            Judgement::Nothing => {}
            Judgement::Agreed => {
                self.compared = self.compared.saturating_add(1);
                self.agreed = self.agreed.saturating_add(1);
                self.divergent = 0;
                self.worst_permille = self.worst_permille.max(worst);
            }
            Judgement::Differs(reason, id) => {
                self.compared = self.compared.saturating_add(1);
                self.agreed = 0;
                self.worst_permille = worst;
                self.divergent = self.divergent.saturating_add(1);
                let borne =
                    reason == SwapReason::Diverged && self.divergent <= self.terms.divergent_ticks_max;
                if watching && !borne {
                    return Act::HandBack(reason, id);
                }
                (self.reason, self.actuator) = (Some(reason), Some(id));
                if !watching {
                    // What was to come is not to come.
                    self.phase = SwapPhase::Shadow;
                    self.at_us = 0;
                }
            }
        }
        Act::Nothing
    }

    fn compare(&self, uncovered: Option<usize>) -> (Judgement, u32) {
        // It has to begin before it can be late.
        let begun = self.new.iter().any(|written| written.value.is_some());
        if !begun && self.phase != SwapPhase::Watching {
            return (Judgement::Nothing, 0);
        }
        if let Some(id) = uncovered {
            return (Judgement::Differs(SwapReason::NoLease, id), 0);
        }
        let mut outcome = Judgement::Nothing;
        let mut worst = 0;
        for (id, ((old, new), limits)) in self.old.iter().zip(&self.new).zip(&ACTUATORS).enumerate() {
            if old.now && !new.now {
                return (Judgement::Differs(SwapReason::Missing, id), worst);
            }
            // Where the old one alone is late, there is nothing to say about the new one.
            let (Some(was), Some(is), true) = (old.value, new.value, old.now == new.now) else { continue };
            let share = permille((was - is).abs(), limits.max - limits.min);
            worst = worst.max(share);
            if share > self.terms.divergence_permille {
                outcome = Judgement::Differs(SwapReason::Diverged, id);
            } else if outcome == Judgement::Nothing {
                outcome = Judgement::Agreed;
            }
        }
        (outcome, worst)
    }

    /// The present tick is over. `held` are the outputs that the side with authority holds.
    pub(crate) fn close(&mut self, held: &[bool; ACTUATOR_COUNT], now_us: u64) {
        let outputs = self.old.iter().zip(&self.new).zip(&self.counted).zip(held);
        let missed = |(((old, new), counted), held): (((&Written, &Written), &bool), &bool)| {
            (old.now || new.now) && !counted && *held
        };
        self.missed = self.missed.saturating_add(u64::from(outputs.into_iter().any(missed)));
        self.tick = now_us / self.terms.period_us.max(1);
        self.judged = false;
        self.counted = [false; ACTUATOR_COUNT];
        self.old.iter_mut().chain(&mut self.new).for_each(|written| written.now = false);
    }

    /// The new one is to take over with the next tick; gives when that is.
    pub(crate) fn hand_over_next(&mut self) -> u64 {
        self.phase = SwapPhase::HandingOver;
        self.at_us = self.end_us();
        self.at_us
    }

    /// Whether the new one takes over by `now_us`.
    pub(crate) fn hands_over(&self, now_us: u64) -> Option<u64> {
        (self.phase == SwapPhase::HandingOver && self.at_us <= now_us).then_some(self.at_us)
    }

    /// It does not, because of this output.
    pub(crate) fn cancel(&mut self, id: usize) {
        self.phase = SwapPhase::Shadow;
        (self.reason, self.actuator) = (Some(SwapReason::NoLease), Some(id));
        (self.at_us, self.agreed) = (0, 0);
    }

    /// The new one has authority.
    pub(crate) fn handed_over(&mut self) {
        self.phase = SwapPhase::Watching;
        (self.reason, self.actuator) = (None, None);
        (self.agreed, self.divergent, self.worst_permille) = (0, 0, 0);
    }

    /// The old one has authority again, or for good. What it wrote in this tick counts from now on.
    pub(crate) fn handed_back(&mut self, reason: SwapReason, id: Option<usize>, now_us: u64) {
        let had = self.phase == SwapPhase::Watching;
        self.phase = SwapPhase::HandedBack;
        (self.reason, self.actuator) = (Some(reason), id);
        if had {
            for id in 0..ACTUATOR_COUNT {
                if self.old.get(id).is_some_and(|written| written.now) {
                    self.count(id, now_us);
                }
            }
        }
    }

    /// One of the two was revoked.
    pub(crate) fn over(&mut self) {
        self.phase = SwapPhase::Over;
    }

    pub(crate) fn agrees(&self) -> bool {
        self.phase == SwapPhase::Shadow && self.agreed > 0
    }

    pub(crate) fn report(&self) -> SwapReport {
        SwapReport {
            phase: self.phase,
            reason: self.reason,
            actuator: self.actuator,
            agreed_ticks: self.agreed,
            compared_ticks: self.compared,
            missed_ticks: self.missed,
            worst_permille: self.worst_permille,
            longest_us: self.longest_us,
            at_us: self.at_us,
        }
    }
}

/// `part` of `whole` in thousandths, rounded up; what is not a number is more than any bound.
fn permille(part: f64, whole: f64) -> u32 {
    let share = part / whole * 1000.0;
    if share.is_nan() {
        return u32::MAX;
    }
    let whole_part = share as u32; // saturates
    if share > f64::from(whole_part) { whole_part.saturating_add(1) } else { whole_part }
}
