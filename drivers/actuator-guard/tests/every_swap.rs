// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Two versions side by side, whole: every sequence of what they, `wasm_manager` and time can do up to a length, from a state
//! in which both hold the output and agree. What must hold is said without the guard's own words: who may move the output,
//! when that may change, and that a change leaves no gap.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "test code"
)]

use cofferdam_actuator_guard::Guard;
use cofferdam_device_protocol::permission::{ActuatorOrder, ActuatorPermission};
use cofferdam_device_protocol::swap::{SwapOrder, SwapPhase, SwapTerms};
use cofferdam_device_protocol::{ACTUATORS, Status};
use proptest::prelude::*;

/// Operations in a sequence.
const LENGTH: usize = 6;
const OLD: u8 = 0;
const NEW: u8 = 1;
/// Ticks and deadlines, far shorter than an output's freshness deadline.
const PERIOD_US: u64 = 1_000;
const DEADLINE_US: u64 = 800;
/// Leases of two ticks and a half, so that they run out, too.
const LEASE_US: u64 = 2_500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Acquire(u8),
    Write(u8),
    /// Something else.
    Differ(u8),
    ReleaseAll(u8),
    Revoke(u8),
    HandOver,
    ToDeadline,
    ToTick,
}
use Operation::*;

fn operations() -> Vec<Operation> {
    let of = |client| [Acquire(client), Write(client), Differ(client), ReleaseAll(client), Revoke(client)];
    [OLD, NEW].into_iter().flat_map(of).chain([HandOver, ToDeadline, ToTick]).collect()
}

fn brake() -> usize {
    ACTUATORS.iter().position(|actuator| actuator.name == "brake").unwrap()
}

fn order(guard: &mut Guard, order: ActuatorOrder, now_us: u64) {
    let message = order.encode();
    guard.obey(message.label, message.words(), now_us).unwrap();
}

fn swap_order(guard: &mut Guard, order: SwapOrder, now_us: u64) -> Result<(), Status> {
    let message = order.encode();
    guard.obey_swap(message.label, message.words(), now_us).map(drop)
}

fn begun(terms: SwapTerms) -> Guard {
    let mut guard = Guard::new();
    let permission = ActuatorPermission { min: 0.0, max: 1.0, writes_per_second: u32::MAX };
    for client in [OLD, NEW] {
        order(&mut guard, ActuatorOrder::Permit { client: client.into(), id: brake(), permission }, 0);
    }
    swap_order(&mut guard, SwapOrder::Begin(terms), 0).unwrap();
    guard
}

fn terms() -> SwapTerms {
    SwapTerms {
        old: OLD.into(),
        new: NEW.into(),
        period_us: PERIOD_US,
        deadline_us: DEADLINE_US,
        divergence_permille: 100,
        divergent_ticks_max: 0,
    }
}

/// What the test itself knows.
#[derive(Clone, Copy, Debug)]
struct Known {
    now_us: u64,
    /// When each one's lease, real or not, runs out.
    until_us: [u64; 2],
    revoked: [bool; 2],
    handed_back: bool,
}

fn apply(guard: &mut Guard, known: &mut Known, operation: Operation) {
    let id = brake();
    match operation {
        ToDeadline => {
            let at_us = known.now_us / PERIOD_US * PERIOD_US + DEADLINE_US;
            known.now_us = known.now_us.max(at_us);
        }
        ToTick => known.now_us = (known.now_us / PERIOD_US + 1) * PERIOD_US,
        _ => {}
    }
    let now_us = known.now_us;
    match operation {
        Acquire(client) => {
            if guard.acquire(client, id, LEASE_US, now_us).is_ok() {
                known.until_us[usize::from(client)] = now_us + LEASE_US;
            }
        }
        Write(client) => drop(guard.write(client, id, 0.5, now_us)),
        Differ(client) => drop(guard.write(client, id, 0.9, now_us)),
        ReleaseAll(client) => {
            guard.expire(now_us);
            guard.release_all(client, now_us);
            known.until_us[usize::from(client)] = 0;
        }
        Revoke(client) => {
            order(guard, ActuatorOrder::Revoke { client: client.into() }, now_us);
            known.until_us[usize::from(client)] = 0;
            known.revoked[usize::from(client)] = true;
        }
        HandOver => drop(swap_order(guard, SwapOrder::HandOver, now_us)),
        ToDeadline | ToTick => guard.expire(now_us),
    }
}

fn phase(guard: &Guard) -> SwapPhase {
    guard.swap_report().unwrap().phase
}

/// Who may move the output; nothing once both are clients like any.
fn authority(phase: SwapPhase) -> Option<u8> {
    match phase {
        SwapPhase::Shadow | SwapPhase::HandingOver | SwapPhase::HandedBack => Some(OLD),
        SwapPhase::Watching => Some(NEW),
        SwapPhase::Over => None,
    }
}

fn by(operation: Operation) -> Option<u8> {
    match operation {
        Acquire(client) | Write(client) | Differ(client) | ReleaseAll(client) | Revoke(client) => {
            Some(client)
        }
        HandOver | ToDeadline | ToTick => None,
    }
}

fn check(
    before: &Guard,
    was: &Known,
    after: &Guard,
    is: &mut Known,
    operation: Operation,
    trail: &[Operation],
) {
    let (from, to) = (phase(before), phase(after));
    let id = brake();
    let (out_before, out_after) =
        (before.output(id, is.now_us).unwrap(), after.output(id, is.now_us).unwrap());
    // A shadow moves nothing and holds nothing.
    if let (Some(client), Some(counts)) = (by(operation), authority(from))
        && client != counts
        && from == to
    {
        assert_eq!(out_after, out_before, "a shadow moved something: {trail:?}");
    }
    if let (Some(counts), Some(holder)) = (authority(to), out_after.holder) {
        assert_eq!(holder, counts, "{trail:?}");
    }
    use SwapPhase::*;
    let legal = matches!(
        (from, to),
        (Shadow, _)
            | (HandingOver, _)
            | (Watching, Watching | HandedBack | Over)
            | (HandedBack, HandedBack | Over)
    ) || (from, to) == (Over, Over);
    assert!(legal && (from, to) != (Shadow, Watching), "{from:?} to {to:?}: {trail:?}");
    is.handed_back |= to == HandedBack;
    assert!(!(is.handed_back && to == Watching), "back for good: {trail:?}");
    if (from, to) == (HandingOver, Watching) {
        let at_us = after.swap_report().unwrap().at_us;
        assert!(at_us.is_multiple_of(PERIOD_US) && at_us <= is.now_us && at_us > was.now_us, "{trail:?}");
        // By time alone; and the output was held all along, as both leases were live at the boundary.
        assert_eq!(by(operation), None, "{trail:?}");
        if is.until_us[usize::from(NEW)] > is.now_us && was.until_us[usize::from(OLD)] > at_us {
            assert_eq!(out_after.holder, Some(NEW), "{trail:?}");
            assert_eq!(out_after.value, out_before.value, "the boundary itself moves nothing: {trail:?}");
        }
    }
    if from == Watching && to != Watching && is.until_us[usize::from(OLD)] > is.now_us {
        assert_eq!(out_after.holder, Some(OLD), "handed back at once: {trail:?}");
    }
    // Who was revoked holds nothing.
    if let Some(holder) = out_after.holder {
        assert!(!is.revoked[usize::from(holder)], "{trail:?}");
    }
}

fn explore(guard: &Guard, known: Known, all: &[Operation], trail: &mut Vec<Operation>, seen: &mut [u64; 6]) {
    seen[phase(guard) as usize] += 1;
    if trail.len() == LENGTH {
        return;
    }
    for operation in all {
        trail.push(*operation);
        let (mut after, mut is) = (guard.clone(), known);
        apply(&mut after, &mut is, *operation);
        check(guard, &known, &after, &mut is, *operation, trail);
        explore(&after, is, all, trail, seen);
        trail.pop();
    }
}

#[test]
fn every_sequence_leaves_one_in_authority_and_no_gap() {
    let mut guard = begun(terms());
    let mut known = Known { now_us: 0, until_us: [0; 2], revoked: [false; 2], handed_back: false };
    for operation in [Acquire(OLD), Acquire(NEW), Write(OLD), Write(NEW), ToDeadline] {
        apply(&mut guard, &mut known, operation);
    }
    assert_eq!(guard.swap_report().unwrap().agreed_ticks, 1);
    let mut seen = [0; 6];
    explore(&guard, known, &operations(), &mut Vec::new(), &mut seen);
    println!("states by phase: {seen:?}");
    assert!(seen[1..].iter().all(|count| *count > 100), "every phase was gone through: {seen:?}");
}

/// What one version does in a tick: after how long it writes, and what.
fn a_tick() -> impl Strategy<Value = [(u64, f64); 2]> {
    let one = || (1..DEADLINE_US, 0.45..0.55f64);
    [one(), one()]
}

proptest! {
    #[test]
    fn two_that_agree_change_places_without_a_gap(ticks in prop::collection::vec(a_tick(), 8..60), over in 1usize..6) {
        let mut guard = begun(terms());
        let id = brake();
        for (tick, both) in (0u64..).zip(&ticks) {
            let begins_us = tick * PERIOD_US;
            let mut order = [OLD, NEW];
            order.sort_by_key(|client| both[usize::from(*client)].0);
            for client in order {
                let (after_us, value) = both[usize::from(client)];
                let now_us = begins_us + after_us;
                guard.acquire(client, id, 100_000, now_us).unwrap();
                guard.write(client, id, value, now_us).unwrap();
            }
            let at_us = begins_us + DEADLINE_US;
            guard.expire(at_us);
            if usize::try_from(tick).unwrap() == over {
                swap_order(&mut guard, SwapOrder::HandOver, at_us).unwrap();
            }
            let counts = if usize::try_from(tick).unwrap() > over { NEW } else { OLD };
            prop_assert_eq!(guard.output(id, at_us).unwrap().holder, Some(counts));
        }
        let report = guard.swap_report().unwrap();
        prop_assert_eq!((report.phase, report.missed_ticks, report.reason), (SwapPhase::Watching, 0, None));
        prop_assert!(report.longest_us < PERIOD_US + DEADLINE_US, "{:?}", report);
        prop_assert_eq!(report.at_us, (over as u64 + 1) * PERIOD_US);
        prop_assert_eq!(report.compared_ticks, ticks.len() as u64);
    }

    /// The new one ends, falls silent or writes something else in a tick: the old one's value of that tick is in effect before
    /// the tick is over, whichever of the two comes first in it.
    #[test]
    fn a_new_one_that_fails_costs_no_tick(
        old_us in 1..DEADLINE_US, new_us in 1..DEADLINE_US, how in 0..4u8, good in 1u64..5,
    ) {
        let mut guard = begun(terms());
        let id = brake();
        let bad = good + 2;
        for tick in 0..=bad + 3 {
            let begins_us = tick * PERIOD_US;
            let mut both = [(old_us, OLD), (new_us, NEW)];
            both.sort();
            for (after_us, client) in both {
                let now_us = begins_us + after_us;
                let fails = client == NEW && tick >= bad;
                match how {
                    0 if fails => { guard.expire(now_us); guard.release_all(NEW, now_us) } // a trap: its slot gives up
                    1 if fails => {} // silence
                    2 if fails => order(&mut guard, ActuatorOrder::Revoke { client: NEW.into() }, now_us), // a fault
                    _ => {
                        guard.acquire(client, id, 100_000, now_us).unwrap();
                        guard.write(client, id, if fails { 0.9 } else { 0.5 }, now_us).unwrap();
                    }
                }
            }
            let at_us = begins_us + DEADLINE_US;
            guard.expire(at_us);
            if tick == good {
                swap_order(&mut guard, SwapOrder::HandOver, at_us).unwrap();
            }
            let counts = if tick > good && tick < bad { NEW } else { OLD };
            prop_assert_eq!(guard.output(id, at_us).unwrap().holder, Some(counts), "tick {}", tick);
        }
        let report = guard.swap_report().unwrap();
        prop_assert_eq!(report.missed_ticks, 0, "{:?}", report);
        prop_assert!(report.longest_us <= PERIOD_US + DEADLINE_US, "{:?}", report);
        prop_assert!(report.reason.is_some());
        prop_assert!((guard.output(id, (bad + 4) * PERIOD_US + 200_000).unwrap().value - 0.5).abs() < 1e-9 );
    }
}

#[test]
fn more_ticks_than_the_terms_bear_hand_back() {
    for bears in 0..3u32 {
        let mut guard = begun(SwapTerms { divergent_ticks_max: bears, ..terms() });
        let id = brake();
        let mut diverging = 0;
        for tick in 0..20u64 {
            let now_us = tick * PERIOD_US + 10;
            for client in [OLD, NEW] {
                guard.acquire(client, id, 100_000, now_us).unwrap();
                let differs = client == NEW && tick >= 5;
                guard.write(client, id, if differs { 0.9 } else { 0.5 }, now_us).unwrap();
            }
            let at_us = tick * PERIOD_US + DEADLINE_US;
            guard.expire(at_us);
            if tick == 2 {
                swap_order(&mut guard, SwapOrder::HandOver, at_us).unwrap();
            }
            diverging += u32::from(tick >= 5 && phase(&guard) == SwapPhase::Watching);
        }
        assert_eq!((phase(&guard), diverging), (SwapPhase::HandedBack, bears));
    }
}

#[test]
fn who_does_not_agree_does_not_take_over() {
    let mut guard = begun(terms());
    let id = brake();
    assert_eq!(swap_order(&mut guard, SwapOrder::HandOver, 0), Err(Status::NotAgreed));
    assert_eq!(swap_order(&mut guard, SwapOrder::Begin(terms()), 0), Err(Status::BadSwap), "one at a time");
    for client in [OLD, NEW] {
        guard.acquire(client, id, 100_000, 1).unwrap();
    }
    guard.write(OLD, id, 0.5, 2).unwrap();
    guard.write(NEW, id, 0.7, 2).unwrap();
    guard.expire(DEADLINE_US);
    assert_eq!(swap_order(&mut guard, SwapOrder::HandOver, DEADLINE_US), Err(Status::NotAgreed));
    // It agrees, and is to take over with the next tick; it does not if it differs before that.
    let tick = |guard: &mut Guard, number: u64, value: f64, ordered: bool| {
        let begins_us = number * PERIOD_US;
        guard.write(OLD, id, 0.5, begins_us + 1).unwrap();
        if ordered {
            swap_order(guard, SwapOrder::HandOver, begins_us + 1).unwrap();
        }
        guard.write(NEW, id, value, begins_us + 1).unwrap();
        guard.expire(begins_us + DEADLINE_US);
        phase(guard)
    };
    assert_eq!(tick(&mut guard, 1, 0.5, false), SwapPhase::Shadow);
    assert_eq!(tick(&mut guard, 2, 0.7, true), SwapPhase::Shadow);
    assert_eq!(tick(&mut guard, 3, 0.5, false), SwapPhase::Shadow);
    assert_eq!(tick(&mut guard, 4, 0.5, true), SwapPhase::HandingOver);
    guard.expire(5 * PERIOD_US - 1);
    assert_eq!(phase(&guard), SwapPhase::HandingOver);
    guard.expire(5 * PERIOD_US);
    assert_eq!(phase(&guard), SwapPhase::Watching);
}

#[test]
fn a_shadow_is_held_to_its_own_permission() {
    let mut guard = begun(terms());
    let id = brake();
    guard.acquire(OLD, id, 100_000, 0).unwrap();
    guard.write(OLD, id, 0.5, 0).unwrap();
    assert_eq!(guard.write(NEW, id, 0.5, 1), Err(Status::NoLease));
    guard.acquire(NEW, id, 100_000, 1).unwrap();
    assert_eq!(guard.write(NEW, id, 1.5, 1), Err(Status::OutOfRange));
    assert_eq!(guard.acquire(NEW, 0, 100_000, 1), Err(Status::NotPermitted));
    // A third client is in its way as it would be in anybody's.
    let permission = ActuatorPermission { min: 0.0, max: 1.0, writes_per_second: u32::MAX };
    for client in [usize::from(NEW), 2] {
        order(&mut guard, ActuatorOrder::Permit { client, id: 0, permission }, 1);
    }
    guard.acquire(2, 0, 100_000, 2).unwrap();
    assert_eq!(guard.acquire(NEW, 0, 100_000, 2), Err(Status::HeldByAnother));
}
