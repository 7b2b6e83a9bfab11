// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use std::vec::Vec;

use cofferdam_device_protocol::actuator::Request;
use cofferdam_device_protocol::permission::{ActuatorOrder, ActuatorPermission, CLIENTS};
use cofferdam_device_protocol::{ACTUATOR_COUNT, ACTUATORS, LEASE_MAX_US, Status};
use proptest::prelude::*;

use super::*;

const BRAKE: usize = 4;
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
    assert_eq!(guard.output(BRAKE).unwrap().value, 0.5);
    guard.acquire(ALICE, BRAKE, LEASE_MAX_US, 999_999).unwrap();
    assert_eq!(guard.acquire(ALICE, BRAKE, LEASE_MAX_US, 999_999).unwrap_err(), Status::TooOften);
    guard.write(ALICE, BRAKE, 0.3, 1_000_000).unwrap();
}

#[test]
fn revoking_and_changing_end_leases() {
    let mut guard = open();
    for id in 0..ACTUATOR_COUNT {
        guard.acquire(if id == 0 { MALLORY } else { ALICE }, id, 1_000, 0).unwrap();
    }
    guard.write(MALLORY, 0, 1.0, 0).unwrap();
    guard.write(ALICE, 1, 1.0, 0).unwrap();
    guard.write(ALICE, BRAKE, 1.0, 0).unwrap();
    permit(&mut guard, ALICE, BRAKE, ActuatorPermission { max: 0.5, ..ALL }, 1);
    assert_eq!(guard.output(BRAKE).unwrap().holder, None, "the old value may not stay");
    revoke(&mut guard, ALICE, 2);
    let mut values = [0.0; ACTUATOR_COUNT];
    values[0] = 1.0;
    assert_eq!(guard.outputs().map(|output| output.value), values);
    assert_eq!(guard.acquire(ALICE, 1, 100, 3).unwrap_err(), Status::NotPermitted);
    guard.write(MALLORY, 0, 0.5, 3).unwrap();
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
    guard.release_all(MALLORY);
    assert_eq!(guard.write(ALICE, BRAKE, 0.5, 1).unwrap().value, 0.5);
    assert_eq!(guard.output(BRAKE).unwrap().value, 0.5);
}

#[test]
fn a_lease_runs_out_by_itself() {
    let mut guard = open();
    assert_eq!(guard.acquire(ALICE, BRAKE, 100, 1_000).unwrap().until_us, 1_100);
    guard.write(ALICE, BRAKE, 1.0, 1_000).unwrap();
    assert_eq!(guard.next_expiry_us(), Some(1_100));
    assert_eq!(guard.acquire(ALICE, BRAKE, 100, 1_050).unwrap().until_us, 1_150, "renewed");
    guard.expire(1_149);
    assert_eq!(guard.output(BRAKE).unwrap().value, 1.0);
    guard.expire(1_150);
    assert_eq!(guard.output(BRAKE).unwrap().value, 0.0);
    assert_eq!(guard.take_expired().iter().collect::<Vec<_>>(), [(BRAKE, ALICE)]);
    assert_eq!(guard.take_expired(), Expired::default());
    assert_eq!(guard.write(ALICE, BRAKE, 1.0, 1_150).unwrap_err(), Status::NoLease);
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
    for (value, status) in [
        (f64::NAN, Status::NotANumber),
        (f64::INFINITY, Status::OutOfRange),
        (1.0 + f64::EPSILON, Status::OutOfRange),
        (-f64::MIN_POSITIVE, Status::OutOfRange),
    ] {
        assert_eq!(guard.write(ALICE, 0, value, 0).unwrap_err(), status);
        assert_eq!(guard.output(0).unwrap().value, 0.25);
    }
    for duration_us in [0, LEASE_MAX_US + 1, u64::MAX] {
        assert_eq!(guard.acquire(ALICE, 0, duration_us, 0).unwrap_err(), Status::BadDuration);
    }
    assert_eq!(guard.acquire(ALICE, ACTUATOR_COUNT, 1, 0).unwrap_err(), Status::UnknownDevice);
}

#[test]
fn giving_back_makes_safe() {
    let mut guard = open();
    for id in 0..ACTUATOR_COUNT {
        guard.acquire(ALICE, id, 1_000, 0).unwrap();
        guard.write(ALICE, id, 1.0, 0).unwrap();
    }
    guard.release(ALICE, 2, 1).unwrap();
    let mut values = [1.0; ACTUATOR_COUNT];
    values[2] = 0.0;
    assert_eq!(guard.outputs().map(|output| output.value), values);
    guard.release_all(ALICE);
    assert_eq!(guard.outputs().map(|output| (output.value, output.holder)), [(0.0, None); ACTUATOR_COUNT]);
    assert_eq!(guard.next_expiry_us(), None);
    assert_eq!(guard.take_expired(), Expired::default(), "given back is not run out");
}

#[test]
fn changes_are_told_once() {
    let mut guard = open();
    assert!(guard.take_changed(), "the first outputs are to be published");
    assert!(!guard.take_changed());
    guard.acquire(ALICE, 0, 1_000, 0).unwrap();
    assert!(guard.take_changed(), "a new holder");
    guard.acquire(ALICE, 0, 1_000, 0).unwrap();
    guard.write(ALICE, 0, 0.0, 0).unwrap();
    assert!(!guard.take_changed());
    guard.write(ALICE, 0, 0.5, 0).unwrap();
    assert!(guard.take_changed());
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
        (id.clone(), 0u64..5_000).prop_map(|(id, duration_us)| Request::LeaseAcquire { id, duration_us }),
        (id.clone(), value).prop_map(|(id, value)| Request::Write { id, value }),
        id.clone().prop_map(|id| Request::LeaseRelease { id }),
        Just(Request::ReleaseAll),
        id.prop_map(|id| Request::Read { id }),
    ];
    proptest::collection::vec((0u8..3, request, 0u64..2_000), 1..100)
}

/// What may come to the guard: a client's message, or the manager's.
#[derive(Clone, Debug)]
enum Event {
    Call(u8, Request),
    Order(ActuatorOrder),
}

fn events() -> impl Strategy<Value = Vec<(Event, u64)>> {
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
    let event = prop_oneof![
        1 => order.prop_map(Event::Order),
        4 => (0..=CLIENTS as u8, call).prop_map(|(client, request)| Event::Call(client, request)),
    ];
    proptest::collection::vec((event, 0u64..100_000), 1..200)
}

proptest! {
    /// Whatever comes from whom and when: an output is safe, or within what its holder is permitted; a client without a
    /// permission holds nothing; no second has more writes than are permitted; who is refused changes nothing.
    #[test]
    fn outputs_stay_within_permissions(events in events()) {
        let mut guard = Guard::new();
        let mut now_us = 0u64;
        let mut permitted = [[None::<ActuatorPermission>; ACTUATOR_COUNT]; CLIENTS];
        let mut writes = std::collections::BTreeMap::<(u8, usize, u64), u32>::new();
        for (event, wait_us) in events {
            now_us += wait_us;
            guard.expire(now_us);
            let before = guard.outputs();
            match event {
                Event::Call(client, request) => {
                    let message = request.encode();
                    let outcome = guard.serve(client, message.label, message.words(), now_us);
                    if outcome.is_err() {
                        prop_assert_eq!(guard.outputs(), before);
                    } else if let Request::Write { id, .. } = request {
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
            for (id, output) in guard.outputs().iter().enumerate() {
                let Some(holder) = output.holder else {
                    prop_assert_eq!(output.value, ACTUATORS[id].safe);
                    continue;
                };
                let permission = permitted[usize::from(holder)][id];
                prop_assert!(permission.is_some(), "client {} holds {} without a permission", holder, id);
                let permission = permission.unwrap();
                prop_assert!(
                    output.value == ACTUATORS[id].safe
                        || (permission.min..=permission.max).contains(&output.value)
                );
            }
        }
    }
}

proptest! {
    /// The rules in the crate's documentation, against a model that keeps who may and until when.
    #[test]
    fn rules_hold_against_random_clients(steps in steps()) {
        let mut guard = open();
        let mut now_us = 0u64;
        // The model: for each actuator the holder, the end of the lease, and the value.
        let mut model = [(None::<u8>, 0u64, 0.0f64); ACTUATOR_COUNT];
        for (client, request, wait_us) in steps {
            now_us += wait_us;
            for entry in &mut model {
                if entry.0.is_some() && now_us >= entry.1 {
                    *entry = (None, 0, 0.0);
                }
            }
            let message = request.encode();
            let ok = guard.serve(client, message.label, message.words(), now_us).is_ok();
            let expected = match request {
                Request::LeaseAcquire { id, duration_us } => {
                    let free = model[id].0.is_none_or(|holder| holder == client);
                    let ok = free && duration_us > 0;
                    if ok {
                        model[id] = (Some(client), now_us + duration_us, model[id].2);
                    }
                    ok
                }
                Request::Write { id, value } => {
                    let ok = model[id].0 == Some(client) && (0.0..=1.0).contains(&value);
                    if ok {
                        model[id].2 = value;
                    }
                    ok
                }
                Request::LeaseRelease { id } => {
                    let ok = model[id].0 == Some(client);
                    if ok {
                        model[id] = (None, 0, 0.0);
                    }
                    ok
                }
                Request::ReleaseAll => {
                    for entry in &mut model {
                        if entry.0 == Some(client) {
                            *entry = (None, 0, 0.0);
                        }
                    }
                    true
                }
                Request::Read { .. } => true,
            };
            prop_assert_eq!(ok, expected, "{:?} of {} at {}", request, client, now_us);
            for (id, output) in guard.outputs().iter().enumerate() {
                prop_assert!((ACTUATORS[id].min..=ACTUATORS[id].max).contains(&output.value));
                prop_assert_eq!((output.holder, output.value), (model[id].0, model[id].2));
            }
            let next_us = model.iter().filter(|entry| entry.0.is_some()).map(|entry| entry.1).min();
            prop_assert_eq!(guard.next_expiry_us(), next_us);
        }
        // Whoever went silent: one call and all is safe.
        guard.expire(now_us + LEASE_MAX_US);
        for output in guard.outputs() {
            prop_assert_eq!((output.holder, output.value), (None, 0.0));
        }
    }

    #[test]
    fn any_message_is_answered(client: u8, label in 0u64..8, words in proptest::collection::vec(any::<u64>(), 0..4), now_us: u64) {
        let mut guard = open();
        let message = guard.answer(client, label, &words, now_us);
        prop_assert!(Status::from_code(message.label).is_some());
    }
}
