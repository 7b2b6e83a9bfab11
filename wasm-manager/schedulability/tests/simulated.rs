// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The analysis against a scheduler that is simulated microsecond by microsecond: no activation takes longer than its bound,
//! whatever the phases, and however long each runs within its demand. On a kernel with budgets each slot is a sporadic server
//! that keeps two pieces, as seL4's do.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "test code"
)]

use cofferdam_schedulability::{Budget, Demand, Place, Servers, response_us};
use proptest::prelude::*;

const SLOTS: usize = 4;
const STEPS: u64 = 30_000;

/// A slot as it runs.
struct Running {
    place: Place,
    phase_us: u64,
    /// Of what it may take, in sixteenths, by activation.
    takes: Vec<u64>,
    activation: usize,
    released_us: u64,
    left_us: u64,
    /// What it has, and what comes back when.
    budget_us: u64,
    back: Option<(u64, u64)>,
    /// When it began to run without a break.
    piece_us: Option<u64>,
    worst_us: u64,
}

impl Running {
    fn new(place: Place, phase_us: u64, takes: Vec<u64>) -> Self {
        let budget_us = place.budget.map_or(u64::MAX, |budget| budget.budget_us);
        Self {
            place,
            phase_us,
            takes,
            activation: 0,
            released_us: 0,
            left_us: 0,
            budget_us,
            back: None,
            piece_us: None,
            worst_us: 0,
        }
    }

    fn release(&mut self, now_us: u64) {
        let Some(demand) = self.place.demand else { return };
        if now_us < self.phase_us || !(now_us - self.phase_us).is_multiple_of(demand.period_us) {
            return;
        }
        // A release that comes while it is busy is skipped.
        if self.left_us == 0 {
            let sixteenths = self.takes[self.activation % self.takes.len()];
            self.activation += 1;
            self.left_us = (demand.execution_us * sixteenths).div_ceil(16);
            self.released_us = now_us;
        }
    }

    fn refill(&mut self, now_us: u64) {
        if let Some((amount_us, _)) = self.back.filter(|(_, at_us)| *at_us <= now_us) {
            self.budget_us += amount_us;
            self.back = None;
        }
    }

    fn can_run(&self) -> bool {
        self.left_us > 0 && self.budget_us > 0
    }

    /// Runs for a microsecond.
    fn run(&mut self, now_us: u64) {
        let began_us = *self.piece_us.get_or_insert(now_us);
        self.left_us -= 1;
        if let Some(budget) = self.place.budget {
            self.budget_us -= 1;
            // What is used comes back a period after the beginning of the last piece, all together.
            let (amount_us, _) = self.back.unwrap_or((0, 0));
            self.back = Some((amount_us + 1, began_us + budget.period_us));
        }
        if self.left_us == 0 {
            self.worst_us = self.worst_us.max(now_us + 1 - self.released_us);
        }
    }
}

/// The longest responses that were seen.
fn simulate(mut slots: Vec<Running>, servers: &Servers, servers_phase_us: u64) -> Vec<u64> {
    let mut serving_us = 0;
    for now_us in 0..STEPS {
        if (now_us + servers_phase_us).is_multiple_of(servers.period_us) {
            serving_us = servers.each_us;
        }
        for slot in &mut slots {
            slot.release(now_us);
            slot.refill(now_us);
        }
        let runs = if serving_us > 0 { None } else { slots.iter().position(Running::can_run) };
        serving_us = serving_us.saturating_sub(1);
        for (number, slot) in slots.iter_mut().enumerate() {
            if runs == Some(number) {
                slot.run(now_us);
            } else {
                slot.piece_us = None;
            }
        }
    }
    slots.iter().map(|slot| slot.worst_us).collect()
}

type Random = (u64, u64, u64, Vec<u64>);

fn a_slot() -> impl Strategy<Value = Random> {
    let takes = prop::collection::vec(prop_oneof![Just(16u64), 1u64..=16], 1..6);
    (5u64..60, 1u64..40, 0u64..4_000, takes)
}

fn places(random: &[Random], budgets: bool) -> Vec<Place> {
    let given = [(100, 500), (100, 500), (200, 1_000), (2_000, 10_000)];
    random
        .iter()
        .zip(given)
        .map(|((hundreds, share, ..), (budget_us, period_us))| {
            let period = hundreds * 100;
            let demand = Demand { period_us: period, execution_us: (period * share / 100).max(1) };
            Place { demand: Some(demand), budget: budgets.then_some(Budget { budget_us, period_us }) }
        })
        .collect()
}

fn hold(random: &[Random], budgets: bool, servers_phase_us: u64) -> Result<(usize, usize), TestCaseError> {
    let servers = Servers { once_us: 0, each_us: 20, period_us: 1_000 };
    let places = places(random, budgets);
    let slots = places
        .iter()
        .zip(random)
        .map(|(place, (_, _, phase_us, takes))| Running::new(*place, *phase_us, takes.clone()));
    let seen = simulate(slots.collect(), &servers, servers_phase_us);
    let mut bounded = 0;
    let mut tight = 0;
    for (slot, seen_us) in seen.iter().enumerate() {
        if let Some(bound_us) = response_us(&places, slot, &servers) {
            prop_assert!(
                *seen_us <= bound_us,
                "slot {}: {} us, at most {} us: {:?}",
                slot,
                seen_us,
                bound_us,
                places
            );
            bounded += 1;
            tight += usize::from(*seen_us * 10 >= bound_us * 9);
        }
    }
    Ok((bounded, tight))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn priorities_alone(random in prop::collection::vec(a_slot(), SLOTS), phase in 0u64..1_000) {
        hold(&random, false, phase)?;
    }

    #[test]
    fn priorities_and_budgets(random in prop::collection::vec(a_slot(), SLOTS), phase in 0u64..1_000) {
        hold(&random, true, phase)?;
    }
}

/// All released at once, all running as long as they may: the bound is what is seen, to the microsecond.
#[test]
fn the_worst_case_happens() {
    let random: Vec<Random> =
        [(10, 20), (20, 20), (40, 20), (80, 15)].map(|(period, share)| (period, share, 0, vec![16])).to_vec();
    let servers = Servers { once_us: 0, each_us: 20, period_us: 1_000 };
    let places = places(&random, false);
    let slots = places.iter().map(|place| Running::new(*place, 0, vec![16])).collect();
    let seen = simulate(slots, &servers, 0);
    let bounds: Vec<u64> = (0..SLOTS).map(|slot| response_us(&places, slot, &servers).unwrap()).collect();
    assert_eq!(seen, bounds);
}
