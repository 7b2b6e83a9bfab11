// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use std::vec::Vec;

use cofferdam_device_protocol::actuator::Request;
use cofferdam_device_protocol::{ACTUATOR_COUNT, ACTUATORS, LEASE_MAX_US, Status};
use proptest::prelude::*;

use super::*;

const BRAKE: usize = 4;
const ALICE: u8 = 1;
const MALLORY: u8 = 2;

#[test]
fn nothing_moves_without_a_lease() {
    let mut guard = Guard::new();
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
    let mut guard = Guard::new();
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
    let mut guard = Guard::new();
    guard.acquire(ALICE, BRAKE, 100, 0).unwrap();
    assert_eq!(guard.write(ALICE, BRAKE, 1.0, 100).unwrap_err(), Status::NoLease);
    guard.acquire(MALLORY, BRAKE, 100, 101).unwrap();
}

#[test]
fn bad_values_change_nothing() {
    let mut guard = Guard::new();
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
    let mut guard = Guard::new();
    for id in 0..ACTUATOR_COUNT {
        guard.acquire(ALICE, id, 1_000, 0).unwrap();
        guard.write(ALICE, id, 1.0, 0).unwrap();
    }
    guard.release(ALICE, 2, 1).unwrap();
    assert_eq!(guard.outputs().map(|output| output.value), [1.0, 1.0, 0.0, 1.0, 1.0]);
    guard.release_all(ALICE);
    assert_eq!(guard.outputs().map(|output| (output.value, output.holder)), [(0.0, None); ACTUATOR_COUNT]);
    assert_eq!(guard.next_expiry_us(), None);
    assert_eq!(guard.take_expired(), Expired::default(), "given back is not run out");
}

#[test]
fn changes_are_told_once() {
    let mut guard = Guard::new();
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

proptest! {
    /// The rules in the crate's documentation, against a model that keeps who may and until when.
    #[test]
    fn rules_hold_against_random_clients(steps in steps()) {
        let mut guard = Guard::new();
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
        let mut guard = Guard::new();
        let message = guard.answer(client, label, &words, now_us);
        prop_assert!(Status::from_code(message.label).is_some());
    }
}
