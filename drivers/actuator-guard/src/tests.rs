// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use std::vec::Vec;

use cofferdam_device_protocol::actuator::Request;
use cofferdam_device_protocol::permission::{ActuatorOrder, ActuatorPermission, CLIENTS};
use cofferdam_device_protocol::{
    ACTUATOR_COUNT, ACTUATORS, DEMAND_CUTS_ABOVE, LEASE_MAX_US, SafeState, Status,
};
use proptest::prelude::*;

use super::*;

const BRAKE: usize = 4;
const MOTOR: usize = 0;
/// Long enough for any output to get anywhere at its slew limit.
const SLEW_US: u64 = 200_000;
/// As long as an output's last value counts.
const FRESH_US: u64 = ACTUATORS[BRAKE].fresh_us;
const ALICE: u8 = 1;
const MALLORY: u8 = 2;
const ALL: ActuatorPermission = ActuatorPermission { min: 0.0, max: 1.0, writes_per_second: u32::MAX };

fn permit(guard: &mut Guard, client: u8, id: usize, permission: ActuatorPermission, now_us: u64) {
    let order = ActuatorOrder::Permit { client: client.into(), id, permission }.encode();
    guard.obey(order.label, order.words(), now_us).unwrap();
}

fn revoke(guard: &mut Guard, client: u8, now_us: u64) {
    let order = ActuatorOrder::Revoke { client: client.into() }.encode();
    guard.obey(order.label, order.words(), now_us).unwrap();
}

fn value(guard: &Guard, id: usize, now_us: u64) -> f64 {
    guard.output(id, now_us).unwrap().value
}

/// A guard that permits everybody everything.
fn open() -> Guard {
    let mut guard = Guard::new();
    for client in 0..CLIENTS as u8 {
        (0..ACTUATOR_COUNT).for_each(|id| permit(&mut guard, client, id, ALL, 0));
    }
    guard
}

#[test]
fn nothing_is_permitted_at_boot() {
    let mut guard = Guard::new();
    for client in 0..CLIENTS as u8 {
        for id in 0..ACTUATOR_COUNT {
            assert_eq!(guard.acquire(client, id, 100, 0).unwrap_err(), Status::NotPermitted);
            assert_eq!(guard.write(client, id, 0.5, 0).unwrap_err(), Status::NotPermitted);
            assert_eq!(guard.serve(client, 5, &[id as u64], 0).unwrap_err(), Status::NotPermitted);
        }
    }
    assert_eq!(guard.acquire(CLIENTS as u8, 0, 100, 0).unwrap_err(), Status::NotAClient);
}

#[test]
fn a_permission_bounds_value_and_rate() {
    let mut guard = Guard::new();
    permit(&mut guard, ALICE, BRAKE, ActuatorPermission { min: 0.2, max: 0.5, writes_per_second: 2 }, 0);
    assert_eq!(guard.acquire(ALICE, 0, 100, 0).unwrap_err(), Status::NotPermitted, "another actuator");
    assert_eq!(guard.acquire(MALLORY, BRAKE, 100, 0).unwrap_err(), Status::NotPermitted, "another client");
    guard.acquire(ALICE, BRAKE, LEASE_MAX_US, 1).unwrap();
    for (value, status) in
        [(0.1, Status::NotPermitted), (0.51, Status::NotPermitted), (1.1, Status::OutOfRange)]
    {
        assert_eq!(guard.write(ALICE, BRAKE, value, 1).unwrap_err(), status);
    }
    guard.write(ALICE, BRAKE, 0.2, 2).unwrap();
    guard.write(ALICE, BRAKE, 0.5, 3).unwrap();
    assert_eq!(guard.write(ALICE, BRAKE, 0.3, 4).unwrap_err(), Status::TooOften);
    assert_eq!(value(&guard, BRAKE, 4 + SLEW_US), 0.5);
    guard.acquire(ALICE, BRAKE, LEASE_MAX_US, 999_999).unwrap();
    assert_eq!(guard.acquire(ALICE, BRAKE, LEASE_MAX_US, 999_999).unwrap_err(), Status::TooOften);
    guard.write(ALICE, BRAKE, 0.3, 1_000_000).unwrap();
}

#[test]
fn revoking_and_changing_end_leases() {
    let mut guard = open();
    guard.acquire(MALLORY, MOTOR, LEASE_MAX_US, 0).unwrap();
    guard.acquire(ALICE, BRAKE, LEASE_MAX_US, 0).unwrap();
    guard.write(MALLORY, MOTOR, 1.0, 0).unwrap();
    guard.write(ALICE, BRAKE, 1.0, 0).unwrap();
    permit(&mut guard, ALICE, BRAKE, ActuatorPermission { max: 0.5, ..ALL }, SLEW_US);
    assert_eq!(guard.output(BRAKE, SLEW_US).unwrap().holder, None, "the old value may not stay");
    assert_eq!((value(&guard, MOTOR, SLEW_US), value(&guard, BRAKE, SLEW_US)), (1.0, 0.0));
    revoke(&mut guard, ALICE, SLEW_US);
    assert_eq!(guard.acquire(ALICE, BRAKE, 100, SLEW_US).unwrap_err(), Status::NotPermitted);
    guard.write(MALLORY, MOTOR, 0.5, SLEW_US).unwrap();
    revoke(&mut guard, MALLORY, SLEW_US);
    assert_eq!(guard.output(MOTOR, SLEW_US).unwrap().holder, None);
}

#[test]
fn nothing_moves_without_a_lease() {
    let mut guard = open();
    assert_eq!(guard.write(ALICE, BRAKE, 0.5, 0).unwrap_err(), Status::NoLease);
    assert_eq!(guard.release(ALICE, BRAKE, 0), Err(Status::NoLease));
    guard.acquire(ALICE, BRAKE, 100, 0).unwrap();
    assert_eq!(guard.write(MALLORY, BRAKE, 0.5, 1).unwrap_err(), Status::HeldByAnother);
    assert_eq!(guard.acquire(MALLORY, BRAKE, 100, 1).unwrap_err(), Status::HeldByAnother);
    assert_eq!(guard.release(MALLORY, BRAKE, 1), Err(Status::HeldByAnother));
    guard.release_all(MALLORY, 1);
    assert_eq!(guard.write(ALICE, BRAKE, 0.5, 1).unwrap().value, 0.0, "it is on its way");
    assert!(value(&guard, BRAKE, 50) > 0.0);
}

#[test]
fn a_lease_runs_out_by_itself() {
    let mut guard = open();
    assert_eq!(guard.acquire(ALICE, BRAKE, 100_000, 1_000).unwrap().until_us, 101_000);
    guard.write(ALICE, BRAKE, 1.0, 1_000).unwrap();
    assert_eq!(guard.next_expiry_us(), Some(101_000));
    assert_eq!(guard.acquire(ALICE, BRAKE, 100_000, 51_000).unwrap().until_us, 151_000, "renewed");
    guard.expire(150_999);
    assert_eq!(value(&guard, BRAKE, 150_999), 1.0);
    guard.expire(151_000);
    assert_eq!(value(&guard, BRAKE, 151_000), 0.0);
    let end = End { holder: ALICE, at_us: 151_000, stale: false };
    assert_eq!(guard.take_expired().iter().collect::<Vec<_>>(), [(BRAKE, end)]);
    assert_eq!(guard.take_expired(), Expired::default());
    assert_eq!(guard.write(ALICE, BRAKE, 1.0, 151_000).unwrap_err(), Status::NoLease);
}

#[test]
fn a_value_that_is_too_old_ends_the_lease() {
    let mut guard = open();
    guard.acquire(ALICE, BRAKE, LEASE_MAX_US, 0).unwrap();
    guard.write(ALICE, BRAKE, 1.0, 100_000).unwrap();
    guard.acquire(ALICE, BRAKE, LEASE_MAX_US, 200_000).unwrap();
    guard.expire(100_000 + FRESH_US - 1);
    assert_eq!(value(&guard, BRAKE, 100_000 + FRESH_US - 1), 1.0);
    guard.expire(500_000);
    let end = End { holder: ALICE, at_us: 100_000 + FRESH_US, stale: true };
    assert_eq!(guard.take_expired().iter().collect::<Vec<_>>(), [(BRAKE, end)]);
    assert_eq!(value(&guard, BRAKE, 500_000), 0.0);
    assert_eq!(guard.write(ALICE, BRAKE, 1.0, 500_000).unwrap_err(), Status::NoLease);
}

/// Share, how long they descend, and how long they take to stop.
fn descent() -> (f64, u64, u64) {
    let SafeState::Descent { share_permille, lasts_us, stop_us } = ACTUATORS[MOTOR].safe_state else {
        panic!("motors descend")
    };
    (f64::from(share_permille) / 1_000.0, lasts_us, stop_us)
}

const MOTORS: core::ops::Range<usize> = 0..4;

/// Sends the motors to `values`, 250 times a second for `duration_us`, with leases up to its end, which is given.
fn fly(guard: &mut Guard, values: [f64; 4], from_us: u64, duration_us: u64) -> u64 {
    let end_us = from_us + duration_us;
    for now_us in (from_us..end_us).step_by(4_000) {
        for id in MOTORS {
            let lease_us = (end_us - now_us).min(100_000);
            guard.acquire(ALICE, id, lease_us, now_us).unwrap();
            guard.write(ALICE, id, values[id], now_us).unwrap();
        }
    }
    end_us
}

#[test]
fn motors_let_the_vehicle_sink_and_stop() {
    let (share, lasts_us, stop_us) = descent();
    let mut guard = open();
    let end_us = fly(&mut guard, [0.8, 0.8, 0.6, 0.6], 0, 10_000_000);
    // Asked late: it has been on its way since the end of the lease all the same.
    guard.expire(end_us + lasts_us / 2);
    let motors = |guard: &mut Guard, now_us: u64| {
        guard.expire(now_us);
        MOTORS.map(|id| value(guard, id, now_us)).collect::<Vec<f64>>()
    };
    let near = |values: &[f64], expected: f64| values.iter().all(|value| (value - expected).abs() < 1e-3);
    let level = motors(&mut guard, end_us + 50_000);
    assert!(near(&level, 0.7 * share), "all the same: {level:?}");
    assert_eq!(guard.next_event_us(end_us + lasts_us / 2), Some(end_us + lasts_us));
    // Taking it and losing it again makes the way down no longer.
    guard.acquire(ALICE, MOTOR, 1, end_us + lasts_us / 2).unwrap();
    guard.expire(end_us + lasts_us / 2 + 1);
    for (after_us, part) in [(lasts_us, 1.0), (lasts_us + stop_us / 4, 0.75), (lasts_us + stop_us, 0.0)] {
        let values = motors(&mut guard, end_us + after_us);
        assert!(near(&values, 0.7 * share * part), "after {after_us} us: {values:?}");
    }
    assert_eq!(motors(&mut guard, end_us + lasts_us + stop_us), [0.0; 4]);
    assert_eq!(guard.next_event_us(end_us + lasts_us + stop_us), None);
}

#[test]
fn a_push_at_the_end_does_not_make_it_rise() {
    let (share, ..) = descent();
    let mut guard = open();
    let flown_us = fly(&mut guard, [0.7; 4], 0, 10_000_000);
    let end_us = fly(&mut guard, [1.0; 4], flown_us, 40_000);
    guard.expire(end_us);
    let pushed = value(&guard, MOTOR, end_us + SLEW_US);
    assert!((0.7 * share..0.7).contains(&pushed), "{pushed}");
}

#[test]
fn who_has_landed_does_not_start_again() {
    let mut guard = open();
    let flown_us = fly(&mut guard, [0.7; 4], 0, 10_000_000);
    let end_us = fly(&mut guard, [0.0; 4], flown_us, 100_000);
    guard.expire(end_us);
    for after_us in [0, SLEW_US, descent().1, 2 * descent().1] {
        guard.expire(end_us + after_us);
        assert_eq!(MOTORS.map(|id| value(&guard, id, end_us + after_us)).sum::<f64>(), 0.0, "{after_us}");
    }
}

#[test]
fn the_brake_cuts_a_descent() {
    let mut guard = open();
    let end_us = fly(&mut guard, [0.7; 4], 0, 10_000_000);
    let (_, lasts_us, _) = descent();
    guard.expire(end_us);
    // Just before it would stop by itself, more slowly.
    guard.demand(1.0, end_us + lasts_us - 1_000).unwrap();
    guard.expire(end_us + lasts_us + SLEW_US);
    assert_eq!(value(&guard, MOTOR, end_us + lasts_us + SLEW_US), 0.0);
}

#[test]
fn the_brake_is_the_drivers_while_nobody_holds_it() {
    let mut guard = open();
    guard.demand(0.4, 0).unwrap();
    assert_eq!(value(&guard, BRAKE, 0), 0.4, "at once, and exactly");
    guard.acquire(ALICE, BRAKE, 100_000, 0).unwrap();
    guard.write(ALICE, BRAKE, 0.1, 0).unwrap();
    guard.demand(0.7, 50_000).unwrap();
    assert_eq!(value(&guard, BRAKE, 50_000), 0.1, "its holder modulates it");
    guard.expire(100_000);
    assert_eq!(value(&guard, BRAKE, 100_000), 0.7);
    for (bad, status) in
        [(f64::NAN, Status::NotANumber), (1.1, Status::OutOfRange), (-0.1, Status::OutOfRange)]
    {
        assert_eq!(guard.demand(bad, 100_000), Err(status));
    }
    assert_eq!(value(&guard, BRAKE, 100_000), 0.7);
}

#[test]
fn motors_are_cut_while_the_driver_brakes() {
    let mut guard = open();
    guard.acquire(ALICE, MOTOR, LEASE_MAX_US, 0).unwrap();
    guard.write(ALICE, MOTOR, 1.0, 0).unwrap();
    guard.demand(DEMAND_CUTS_ABOVE, SLEW_US).unwrap();
    assert_eq!(guard.write(ALICE, MOTOR, 1.0, SLEW_US).map(|applied| applied.value), Ok(1.0));
    guard.demand(1.0, SLEW_US).unwrap();
    assert_eq!(guard.write(ALICE, MOTOR, 1.0, SLEW_US + 1).unwrap_err(), Status::Interlocked);
    guard.write(ALICE, MOTOR, 0.0, SLEW_US + 2).unwrap();
    assert_eq!(value(&guard, MOTOR, 2 * SLEW_US), 0.0);
    guard.demand(0.0, 2 * SLEW_US).unwrap();
    guard.write(ALICE, MOTOR, 1.0, 2 * SLEW_US).unwrap();
}

#[test]
fn one_client_at_a_time_has_a_group() {
    let mut guard = open();
    guard.acquire(ALICE, 0, 1_000, 0).unwrap();
    assert_eq!(guard.acquire(MALLORY, 3, 1_000, 1).unwrap_err(), Status::HeldByAnother);
    guard.acquire(ALICE, 3, 1_000, 1).unwrap();
    guard.acquire(MALLORY, BRAKE, 1_000, 1).unwrap();
    guard.release(ALICE, 0, 2).unwrap();
    assert_eq!(guard.acquire(MALLORY, 0, 1_000, 2).unwrap_err(), Status::HeldByAnother);
    guard.expire(1_001);
    guard.acquire(MALLORY, 0, 1_000, 1_001).unwrap();
}

#[test]
fn a_late_timer_does_not_make_a_lease_longer() {
    let mut guard = open();
    guard.acquire(ALICE, BRAKE, 100, 0).unwrap();
    assert_eq!(guard.write(ALICE, BRAKE, 1.0, 100).unwrap_err(), Status::NoLease);
    guard.acquire(MALLORY, BRAKE, 100, 101).unwrap();
}

#[test]
fn bad_values_change_nothing() {
    let mut guard = open();
    guard.acquire(ALICE, 0, LEASE_MAX_US, 0).unwrap();
    guard.write(ALICE, 0, 0.25, 0).unwrap();
    guard.write(ALICE, 0, 0.25, SLEW_US).unwrap();
    for (value, status) in [
        (f64::NAN, Status::NotANumber),
        (f64::INFINITY, Status::OutOfRange),
        (1.0 + f64::EPSILON, Status::OutOfRange),
        (-f64::MIN_POSITIVE, Status::OutOfRange),
    ] {
        assert_eq!(guard.write(ALICE, 0, value, SLEW_US).unwrap_err(), status);
        assert_eq!(guard.output(0, SLEW_US).unwrap().value, 0.25);
    }
    for duration_us in [0, LEASE_MAX_US + 1, u64::MAX] {
        assert_eq!(guard.acquire(ALICE, 0, duration_us, SLEW_US).unwrap_err(), Status::BadDuration);
    }
    assert_eq!(guard.acquire(ALICE, ACTUATOR_COUNT, 1, SLEW_US).unwrap_err(), Status::UnknownDevice);
}

#[test]
fn giving_back_makes_safe() {
    let mut guard = open();
    for id in 0..ACTUATOR_COUNT {
        guard.acquire(ALICE, id, LEASE_MAX_US, 0).unwrap();
        guard.write(ALICE, id, 1.0, 0).unwrap();
    }
    guard.release(ALICE, 2, SLEW_US).unwrap();
    let held = guard.outputs(SLEW_US).map(|output| output.holder.is_some());
    assert_eq!(held, core::array::from_fn(|id| id != 2));
    guard.release_all(ALICE, SLEW_US);
    guard.expire(SLEW_US + LEASE_MAX_US * 10);
    let later = guard.outputs(SLEW_US + LEASE_MAX_US * 10).map(|output| (output.value, output.holder));
    assert_eq!(later, [(0.0, None); ACTUATOR_COUNT]);
    assert_eq!(guard.next_expiry_us(), None);
    assert_eq!(guard.take_expired(), Expired::default(), "given back is not run out");
}

#[test]
fn changes_are_told_once() {
    let mut guard = open();
    assert!(guard.take_changed(0), "the first outputs are to be published");
    assert!(!guard.take_changed(0));
    guard.acquire(ALICE, 0, LEASE_MAX_US, 0).unwrap();
    assert!(guard.take_changed(0), "a new holder");
    guard.acquire(ALICE, 0, LEASE_MAX_US, 0).unwrap();
    guard.write(ALICE, 0, 0.0, 0).unwrap();
    assert!(guard.take_changed(0), "it may go at its own speed now, though it is there");
    guard.write(ALICE, 0, 0.0, 0).unwrap();
    assert!(!guard.take_changed(0));
    guard.write(ALICE, 0, 0.5, 0).unwrap();
    assert!(guard.take_changed(0) && !guard.take_changed(0), "it goes elsewhere, and has not moved yet");
    assert!(guard.take_changed(1_000) && guard.take_changed(2_000), "it moves");
    assert!(guard.take_changed(SLEW_US) && !guard.take_changed(SLEW_US + 1), "it is there");
}

#[test]
fn the_same_is_told_once_a_second() {
    let mut log = Throttle::<2>::new();
    let told = |log: &mut Throttle<2>, client, now_us| log.happened(client, now_us).map(|count| count.get());
    assert_eq!(told(&mut log, 0, 5), Some(1));
    assert_eq!(told(&mut log, 0, 6), None);
    assert_eq!(told(&mut log, 1, 6), Some(1));
    assert_eq!(told(&mut log, 0, 1_000_005), Some(2));
    assert_eq!(told(&mut log, 99, 7), None, "shares the last place");
    assert!(Throttle::<0>::new().happened(0, 0).is_none());
}

/// A client that asks anything, at times that go on.
fn steps() -> impl Strategy<Value = Vec<(u8, Request, u64)>> {
    let id = 0..ACTUATOR_COUNT;
    let value = prop_oneof![0.0..=1.0, -2.0..3.0, Just(f64::NAN), Just(f64::NEG_INFINITY)];
    let request = prop_oneof![
        (id.clone(), 0u64..500_000).prop_map(|(id, duration_us)| Request::LeaseAcquire { id, duration_us }),
        (id.clone(), value).prop_map(|(id, value)| Request::Write { id, value }),
        id.clone().prop_map(|id| Request::LeaseRelease { id }),
        Just(Request::ReleaseAll),
        id.prop_map(|id| Request::Read { id }),
    ];
    proptest::collection::vec((0u8..3, request, 0u64..100_000), 1..100)
}

/// What may come to the guard: a client's message, or the manager's.
#[derive(Clone, Debug)]
enum Event {
    Call(u8, Request),
    Order(ActuatorOrder),
}

fn events_one() -> impl Strategy<Value = Event> {
    let order = prop_oneof![
        (0..CLIENTS).prop_map(|client| ActuatorOrder::Revoke { client }),
        (0..CLIENTS, 0..ACTUATOR_COUNT, 0.0..0.6f64, 0.0..0.4f64, 1u32..6).prop_map(
            |(client, id, min, width, writes_per_second)| ActuatorOrder::Permit {
                client,
                id,
                permission: ActuatorPermission { min, max: min + width, writes_per_second },
            }
        ),
    ];
    // Leases long enough for values to stay while permissions change.
    let call = prop_oneof![
        (0..ACTUATOR_COUNT, 1u64..=LEASE_MAX_US)
            .prop_map(|(id, duration_us)| Request::LeaseAcquire { id, duration_us }),
        (0..ACTUATOR_COUNT, prop_oneof![0.0..=1.0, Just(f64::NAN), Just(2.0)])
            .prop_map(|(id, value)| Request::Write { id, value }),
        (0..ACTUATOR_COUNT).prop_map(|id| Request::LeaseRelease { id }),
    ];
    prop_oneof![
        1 => order.prop_map(Event::Order),
        4 => (0..=CLIENTS as u8, call).prop_map(|(client, request)| Event::Call(client, request)),
    ]
}

/// What the driver may do meanwhile.
fn demands() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![6 => Just(None), 1 => prop_oneof![0.0..=1.0f64, Just(0.0), Just(f64::NAN)].prop_map(Some)]
}

/// Whether an output that nobody holds is where it is safe from that moment on.
fn is_at_once(id: usize) -> bool {
    !matches!(ACTUATORS[id].safe_state, SafeState::Descent { .. })
}

fn safe(id: usize, demand: f64) -> f64 {
    if ACTUATORS[id].safe_state == SafeState::Demand { demand } else { ACTUATORS[id].safe }
}

/// Rounding of a few operations on values around 1.
const ROUNDING: f64 = 1e-9;

proptest! {
    /// Whatever comes from whom and when: every output is in its range, and moves no faster than its slew limit but where the
    /// driver's demand passes through; a client without a permission holds nothing, and where its output is going is within its
    /// permission; no second has more writes than are permitted; who is refused changes nothing; one client has a group. Motors
    /// that nobody holds never go to more, all of them together, than where they were sent.
    #[test]
    fn outputs_stay_within_their_envelope(events in proptest::collection::vec((events_one(), demands(), 0u64..100_000), 1..200)) {
        let mut guard = Guard::new();
        let mut now_us = 0u64;
        let mut demand = 0.0;
        let mut permitted = [[None::<ActuatorPermission>; ACTUATOR_COUNT]; CLIENTS];
        let mut writes = std::collections::BTreeMap::<(u8, usize, u64), u32>::new();
        // The last value that was written since somebody took the lease.
        let mut targets = [None::<f64>; ACTUATOR_COUNT];
        // The last value that each motor was sent to, ever.
        let mut sent = [0.0; 4];
        let mut seen = guard.outputs(0);
        let mut seen_us = 0;
        for (event, new_demand, wait_us) in events {
            now_us += wait_us;
            guard.expire(now_us);
            let before = guard.outputs(now_us);
            let driver_brakes = demand > DEMAND_CUTS_ABOVE;
            for (id, output) in before.iter().enumerate() {
                let limits = &ACTUATORS[id];
                // Time passes.
                let most = limits.slew_per_second * (now_us - seen_us) as f64 / 1e6;
                let moved = (output.value - seen[id].value).abs();
                let let_go = is_at_once(id) && output.holder.is_none();
                prop_assert!(let_go || moved <= most + ROUNDING, "{} moved {} by {}", id, moved, now_us);
                let cut = limits.drives && driver_brakes;
                prop_assert!(!cut || output.value <= seen[id].value + ROUNDING, "it drives against the brake");
                targets[id] = targets[id].filter(|_| output.holder.is_some());
            }
            match event {
                Event::Call(client, request) => {
                    let message = request.encode();
                    let outcome = guard.serve(client, message.label, message.words(), now_us);
                    if outcome.is_err() {
                        prop_assert_eq!(guard.outputs(now_us), before);
                    } else if let Request::Write { id, value } = request {
                        targets[id] = Some(value);
                        sent.iter_mut().skip(id).take(1).for_each(|sent| *sent = value);
                        let count = writes.entry((client, id, now_us / 1_000_000)).or_default();
                        *count += 1;
                        let limit = permitted[usize::from(client)][id].unwrap().writes_per_second;
                        prop_assert!(*count <= limit);
                    }
                }
                Event::Order(order) => {
                    let message = order.encode();
                    guard.obey(message.label, message.words(), now_us).unwrap();
                    match order {
                        ActuatorOrder::Revoke { client } => permitted[client] = [None; ACTUATOR_COUNT],
                        ActuatorOrder::Permit { client, id, permission } => {
                            permitted[client][id] = Some(permission);
                            writes.retain(|(by, of, _), _| (usize::from(*by), *of) != (client, id));
                        }
                    }
                }
            }
            if let Some(value) = new_demand
                && guard.demand(value, now_us).is_ok()
            {
                demand = value;
            }
            let outputs = guard.outputs(now_us);
            let moving = guard.moving(now_us);
            let target: f64 = moving[MOTORS].iter().map(|motor| motor.target).sum();
            let all_sent = sent.iter().sum::<f64>();
            let let_go = moving[MOTORS].iter().all(|motor| motor.holder.is_none());
            prop_assert!(!let_go || target <= all_sent + ROUNDING, "to {} where {} was sent", target, all_sent);
            for (id, output) in outputs.iter().enumerate() {
                let limits = &ACTUATORS[id];
                prop_assert!((limits.min..=limits.max).contains(&output.value));
                // Nobody's call moves anything at once: only the driver's demand passes through.
                if is_at_once(id) && output.holder.is_none() {
                    prop_assert_eq!(output.value, safe(id, demand));
                } else {
                    prop_assert!((output.value - before[id].value).abs() <= ROUNDING);
                }
                targets[id] = targets[id].filter(|_| output.holder.is_some());
                let Some(holder) = output.holder else { continue };
                let permission = permitted[usize::from(holder)][id];
                prop_assert!(permission.is_some(), "client {} holds {} without a permission", holder, id);
                // Its holder can make it go only to where it may; without a word of it, it goes on to be safe.
                let permission = permission.unwrap();
                if let Some(target) = targets[id] {
                    prop_assert!((permission.min..=permission.max).contains(&target));
                }
                for (other, limits_of_other) in outputs.iter().zip(&ACTUATORS) {
                    let same = limits_of_other.group == limits.group;
                    prop_assert!(!same || other.holder.is_none_or(|other| other == holder));
                }
            }
            (seen, seen_us) = (outputs, now_us);
        }
        // Whoever went silent: all is safe in the time that it takes.
        now_us += LEASE_MAX_US;
        guard.expire(now_us);
        let longest = ACTUATORS.iter().map(|actuator| match actuator.safe_state {
            SafeState::Descent { lasts_us, stop_us, .. } => lasts_us + stop_us,
            SafeState::AtOnce | SafeState::Demand => 0,
        });
        now_us += longest.max().unwrap();
        guard.expire(now_us);
        for (id, output) in guard.outputs(now_us).iter().enumerate() {
            prop_assert_eq!((output.holder, output.value), (None, safe(id, demand)));
        }
    }
}

proptest! {
    /// Leases alone, against a model that keeps who has which until when.
    #[test]
    fn rules_hold_against_random_clients(steps in steps()) {
        let mut guard = open();
        let mut now_us = 0u64;
        // The model: for each actuator the holder, the end of the lease, and until when its value is fresh.
        let mut model = [None::<(u8, u64, u64)>; ACTUATOR_COUNT];
        for (client, request, wait_us) in steps {
            now_us += wait_us;
            for entry in &mut model {
                *entry = entry.filter(|(_, until_us, fresh_us)| now_us < *until_us.min(fresh_us));
            }
            let message = request.encode();
            let ok = guard.serve(client, message.label, message.words(), now_us).is_ok();
            let holds = |entry: Option<(u8, u64, u64)>| entry.is_some_and(|(holder, ..)| holder == client);
            let expected = match request {
                Request::LeaseAcquire { id, duration_us } => {
                    let group = (0..ACTUATOR_COUNT).filter(|other| ACTUATORS[*other].group == ACTUATORS[id].group);
                    let free = group.into_iter().all(|other| model[other].is_none() || holds(model[other]));
                    let ok = free && duration_us > 0;
                    if ok {
                        let fresh_us = model[id].map_or(now_us + ACTUATORS[id].fresh_us, |(_, _, fresh_us)| fresh_us);
                        model[id] = Some((client, now_us + duration_us, fresh_us));
                    }
                    ok
                }
                Request::Write { id, value } => {
                    let ok = holds(model[id]) && (0.0..=1.0).contains(&value);
                    if let Some((_, _, fresh_us)) = model[id].as_mut().filter(|_| ok) {
                        *fresh_us = now_us + ACTUATORS[id].fresh_us;
                    }
                    ok
                }
                Request::LeaseRelease { id } => {
                    let ok = holds(model[id]);
                    model[id] = model[id].filter(|_| !ok);
                    ok
                }
                Request::ReleaseAll => {
                    for entry in &mut model {
                        *entry = entry.filter(|(holder, ..)| *holder != client);
                    }
                    true
                }
                Request::Read { .. } => true,
            };
            prop_assert_eq!(ok, expected, "{:?} of {} at {}", request, client, now_us);
            for (output, entry) in guard.outputs(now_us).iter().zip(&model) {
                prop_assert_eq!(output.holder, entry.map(|(holder, ..)| holder));
            }
            let next_us = model.iter().flatten().map(|(_, until_us, fresh_us)| *until_us.min(fresh_us)).min();
            prop_assert_eq!(guard.next_expiry_us(), next_us);
        }
    }

    #[test]
    fn any_message_is_answered(client: u8, label in 0u64..8, words in proptest::collection::vec(any::<u64>(), 0..4), now_us: u64) {
        let mut guard = open();
        let message = guard.answer(client, label, &words, now_us);
        prop_assert!(Status::from_code(message.label).is_some());
    }
}
