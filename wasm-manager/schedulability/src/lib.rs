// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How late loops end at worst, in slots of fixed priority that share one processor: response-time analysis.
//!
//! [`Demand`] is what an app takes at most in each period; [`Speed`] turns a manifest's figures into it. A [`Place`] is a slot with
//! what runs in it and, on a kernel with budgets, what the kernel gives it. [`response_us`] is the longest time from a release to
//! the end of its activation, whatever the phases of all loops are and however long each runs within its demand.
//!
//! Integers only, in microseconds, rounded up. Not here: who is refused (lifecycle), and the figures of `system.xml`
//! ([`Servers`] and budgets are handed in).
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;

/// The longest response that is looked for: the longest period of an app. What takes longer has no bound here.
pub const RESPONSE_US_MAX: u64 = 60_000_000;
/// Most slots that are looked at.
pub const SLOTS_MAX: usize = 8;
/// So often is a bound looked for: one that is not found by then is of a processor that is full, or nearly.
const STEPS_MAX: u32 = 4096;

/// What an app takes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Time from release to release; more than 0.
    pub period_us: u64,
    /// Time of the processor that an activation takes.
    pub execution_us: u64,
}

/// What the kernel gives a slot: so much in each period, as a sporadic server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// So much; more than 0, at most the period.
    pub budget_us: u64,
    /// In so long.
    pub period_us: u64,
}

/// A slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// What runs in it.
    pub demand: Option<Demand>,
    /// What it may take; nothing: as much as it likes, as far as slots above let it.
    pub budget: Option<Budget>,
}

/// Protection domains above all slots: what they take from a slot beside what they do when it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Servers {
    /// Once: a call of a lower slot that is under way, and the events of a release.
    pub once_us: u64,
    /// And again …
    pub each_us: u64,
    /// … in each of these.
    pub period_us: u64,
}

/// What things cost on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// Fuel that is burnt in a millisecond; more than 0.
    pub fuel_per_ms: u64,
    /// A call to a server and back, in nanoseconds.
    pub host_call_ns: u64,
    /// To begin and to end an activation, in microseconds.
    pub activation_us: u64,
}

impl Speed {
    /// The longest time that an activation can take of the processor.
    pub fn execution_us(&self, fuel: u64, host_calls: u32) -> u64 {
        let burning = u128::from(fuel).saturating_mul(1000).div_ceil(u128::from(self.fuel_per_ms.max(1)));
        let calling = u64::from(host_calls).saturating_mul(self.host_call_ns).div_ceil(1000);
        u64::try_from(burning).unwrap_or(u64::MAX).saturating_add(calling).saturating_add(self.activation_us)
    }
}

/// A deadline that might be missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// In which slot.
    pub slot: usize,
    /// The worst response, if there is a bound.
    pub response_us: Option<u64>,
    /// The deadline.
    pub deadline_us: u64,
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { response_us, deadline_us, .. } = self;
        match response_us {
            Some(us) => write!(f, "deadline might be missed: worst response {us} us of {deadline_us} us"),
            None => write!(f, "deadline might be missed: worst response without bound, of {deadline_us} us"),
        }
    }
}

/// The first slot whose loop might end after its deadline; `deadlines_us` are of those that must not, by slot.
///
/// # Errors
/// [`Late`].
pub fn check(places: &[Place], deadlines_us: &[Option<u64>], servers: &Servers) -> Result<(), Late> {
    for (slot, deadline_us) in deadlines_us.iter().enumerate() {
        let Some(deadline_us) = *deadline_us else { continue };
        let response_us = response_us(places, slot, servers);
        if response_us.is_none_or(|response_us| response_us > deadline_us) {
            return Err(Late { slot, response_us, deadline_us });
        }
    }
    Ok(())
}

/// The longest time from a release to the end of its activation in slot `which`, where slot 0 has the highest priority. Nothing:
/// it has no bound below [`RESPONSE_US_MAX`], or the slot is empty or beyond [`SLOTS_MAX`].
pub fn response_us(places: &[Place], which: usize, servers: &Servers) -> Option<u64> {
    let mut known = [None; SLOTS_MAX];
    // Highest first: what a slot takes from those below follows from when it is done.
    for slot in 0..places.len().min(SLOTS_MAX) {
        let response_us = Analysis { places, known: &known, servers }.response_us(slot);
        *known.get_mut(slot)? = response_us;
        if slot == which {
            return response_us;
        }
    }
    None
}

/// Of slots above, what is known already.
struct Analysis<'a> {
    places: &'a [Place],
    known: &'a [Option<u64>; SLOTS_MAX],
    servers: &'a Servers,
}

impl Analysis<'_> {
    fn response_us(&self, which: usize) -> Option<u64> {
        let place = self.places.get(which)?;
        let demand = place.demand?;
        let (waits_us, late_us) = match place.budget {
            None => (0, 0),
            Some(budget) => own_waits(&demand, &budget)?,
        };
        let own_us = demand.execution_us.saturating_add(waits_us);
        let whole_us = self.converge(own_us, which)?;
        match place.budget {
            // All that one activation took is there again before the next: each begins with a whole budget.
            Some(budget) if whole_us.saturating_add(budget.period_us) > demand.period_us => {
                self.converge(own_us.saturating_add(late_us), which)
            }
            _ => Some(whole_us),
        }
    }

    /// The smallest time in which `own_us` and all that comes before it are done.
    fn converge(&self, own_us: u64, which: usize) -> Option<u64> {
        let Servers { once_us, each_us, period_us } = *self.servers;
        let mut window_us = own_us.max(1);
        for _ in 0..STEPS_MAX {
            let served_us = window_us.div_ceil(period_us.max(1)).saturating_mul(each_us);
            let above = (0..which).map(|slot| self.interference_us(slot, window_us));
            let needed_us =
                above.fold(own_us.saturating_add(once_us).saturating_add(served_us), u64::saturating_add);
            if needed_us > RESPONSE_US_MAX {
                return None;
            }
            if needed_us <= window_us {
                return Some(needed_us);
            }
            window_us = needed_us;
        }
        None
    }

    /// What a slot takes of any time of this length, at most.
    fn interference_us(&self, slot: usize, window_us: u64) -> u64 {
        let Some(Place { demand: Some(demand), budget }) = self.places.get(slot) else { return 0 };
        let given_us = budget.map_or(u64::MAX, |budget| {
            // Of any time of a period's length it has one budget.
            let periods = (window_us / budget.period_us.max(1)).saturating_add(1);
            periods.saturating_mul(budget.budget_us)
        });
        let wanted_us = match self.known.get(slot).copied().flatten() {
            // What waits for its budget, or is late beyond its next release, has something left from before.
            Some(response_us) => {
                let is_punctual = budget.is_none() && response_us <= demand.period_us;
                let carried_us = if is_punctual { 0 } else { response_us };
                let releases = window_us.saturating_add(carried_us).div_ceil(demand.period_us.max(1));
                releases.saturating_mul(demand.execution_us)
            }
            None => u64::MAX,
        };
        wanted_us.min(given_us).min(RESPONSE_US_MAX.saturating_add(1))
    }
}

/// How long a slot waits for its own budget in an activation that begins with a whole one, and how much longer if it does not:
/// what it used comes back a period after the beginning of its last piece, all together, and slots above cut it into pieces.
fn own_waits(demand: &Demand, budget: &Budget) -> Option<(u64, u64)> {
    // In the long run it must not take more than it is given.
    let taken = u128::from(demand.execution_us).saturating_mul(u128::from(budget.period_us));
    let given = u128::from(budget.budget_us).saturating_mul(u128::from(demand.period_us));
    if budget.budget_us == 0 || taken > given {
        return None;
    }
    let budgets = demand.execution_us.div_ceil(budget.budget_us);
    Some((budgets.saturating_sub(1).saturating_mul(budget.period_us), budget.period_us))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;

    const NOTHING: Servers = Servers { once_us: 0, each_us: 0, period_us: 1 };

    const fn place(period_us: u64, execution_us: u64) -> Place {
        Place { demand: Some(Demand { period_us, execution_us }), budget: None }
    }

    #[test]
    fn the_example_of_every_textbook() {
        // Joseph and Pandya's recurrence by hand: 3; 3 + 3 = 6; 5 + 2·3 + … = 20.
        let places = [place(7, 3), place(12, 3), place(20, 5)];
        let responses = [0, 1, 2].map(|slot| response_us(&places, slot, &NOTHING));
        assert_eq!(responses, [Some(3), Some(6), Some(20)]);
        let more = [place(7, 3), place(12, 3), place(20, 6)];
        assert!(response_us(&more, 2, &NOTHING).is_none_or(|us| us > 20));
        assert_eq!(check(&places, &[None, None, Some(20)], &NOTHING), Ok(()));
        let late = check(&places, &[Some(3), None, Some(19)], &NOTHING).unwrap_err();
        assert_eq!(late, Late { slot: 2, response_us: Some(20), deadline_us: 19 });
        assert_eq!(late.to_string(), "deadline might be missed: worst response 20 us of 19 us");
    }

    #[test]
    fn too_much_has_no_bound() {
        let places = [place(10, 10), place(100, 1), Place::default()];
        assert_eq!(response_us(&places, 1, &NOTHING), None);
        assert_eq!(response_us(&places, 2, &NOTHING), None, "nothing runs there");
        let both = [place(10, 6), place(10, 6), place(1_000, 1)];
        assert_eq!(
            response_us(&both, 1, &NOTHING),
            Some(18),
            "late beyond its next release, which is skipped"
        );
        assert_eq!(response_us(&places, 3, &NOTHING), None, "no such slot");
        assert_eq!(response_us(&[place(10, 11)], 0, &NOTHING), Some(11), "late, and by how much");
    }

    #[test]
    fn a_budget_bounds_what_is_above_and_delays_its_own() {
        let with = |demand: Place, budget_us, period_us| Place {
            budget: Some(Budget { budget_us, period_us }),
            ..demand
        };
        // Endless above, but for its budget: 100 of each 500.
        let places = [with(place(1_000, 1_000_000), 100, 500), place(10_000, 1_000)];
        assert_eq!(response_us(&places, 0, &NOTHING), None);
        assert_eq!(response_us(&places, 1, &NOTHING), Some(1_300));
        // 250 is 100, 100 and 50: two waits.
        let alone = |period_us| response_us(&[with(place(period_us, 250), 100, 500)], 0, &NOTHING);
        assert_eq!(alone(10_000), Some(1_250));
        // It is released again before all of it is back: it may find nothing at first.
        assert_eq!(alone(1_500), Some(1_750));
        assert_eq!(alone(1_249), None, "in the long run it has not so much");
        // A loop whose period is its budget's: if it was cut into pieces, its budget is not there again at its next release.
        assert_eq!(response_us(&[with(place(500, 40), 100, 500)], 0, &NOTHING), Some(540));
        assert_eq!(response_us(&[with(place(1_000, 40), 100, 500)], 0, &NOTHING), Some(40));
    }

    #[test]
    fn servers_come_first() {
        let servers = Servers { once_us: 100, each_us: 25, period_us: 1_000 };
        assert_eq!(response_us(&[place(10_000, 875)], 0, &servers), Some(1_000));
        assert_eq!(response_us(&[place(10_000, 876)], 0, &servers), Some(1_026));
    }

    #[test]
    fn execution_is_fuel_calls_and_the_rest() {
        let speed = Speed { fuel_per_ms: 150_000, host_call_ns: 5_000, activation_us: 30 };
        assert_eq!(speed.execution_us(0, 0), 30);
        assert_eq!(speed.execution_us(150_000, 0), 1_030);
        assert_eq!(speed.execution_us(150_001, 3), 1_046);
        assert_eq!(speed.execution_us(u64::MAX, u32::MAX), u64::MAX / 150 + 21_474_836_475 + 31);
    }
}
