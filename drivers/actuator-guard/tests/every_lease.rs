// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The state machine of leases, whole: every sequence of operations of two clients on one actuator up to a length, each
//! compared with a model that says the rules in a few lines. Values are not its concern, only who may move the output
//! and until when.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "test code"
)]

use cofferdam_actuator_guard::Guard;
use cofferdam_device_protocol::permission::{ActuatorOrder, ActuatorPermission};
use cofferdam_device_protocol::{ACTUATORS, Status};

/// Operations in a sequence.
const LENGTH: usize = 5;
/// From one moment to the next.
const STEP_US: u64 = 10;
const CLIENTS: [u8; 2] = [1, 2];

#[derive(Clone, Copy, Debug)]
enum Operation {
    Acquire(u8, u64),
    Write(u8),
    WriteTooMuch(u8),
    Release(u8),
    ReleaseAll(u8),
    Revoke,
    Permit,
    Pass,
}
use Operation::*;

fn operations() -> Vec<Operation> {
    let of = |client| {
        [
            Acquire(client, STEP_US),
            Acquire(client, 2 * STEP_US),
            Write(client),
            WriteTooMuch(client),
            Release(client),
            ReleaseAll(client),
        ]
    };
    CLIENTS.into_iter().flat_map(of).chain([Revoke, Permit, Pass]).collect()
}

fn order(permit: bool) -> ActuatorOrder {
    let (client, id) = (CLIENTS[0].into(), brake());
    let permission = ActuatorPermission { min: 0.0, max: 1.0, writes_per_second: u32::MAX };
    if permit { ActuatorOrder::Permit { client, id, permission } } else { ActuatorOrder::Revoke { client } }
}

fn brake() -> usize {
    ACTUATORS.iter().position(|actuator| actuator.name == "brake").unwrap()
}

/// What the rules say. The second client is always permitted.
#[derive(Clone, Copy, Debug, Default)]
struct Model {
    holder: Option<(u8, u64)>,
    first_is_permitted: bool,
    now_us: u64,
}

impl Model {
    fn apply(&mut self, operation: Operation) -> Result<(), Status> {
        if let Pass = operation {
            self.now_us += STEP_US;
        }
        self.holder = self.holder.filter(|(_, until_us)| *until_us > self.now_us);
        let permitted = |client| client != CLIENTS[0] || self.first_is_permitted;
        let held = |client| match self.holder {
            None => Err(Status::NoLease),
            Some((holder, _)) if holder != client => Err(Status::HeldByAnother),
            Some(_) => Ok(()),
        };
        match operation {
            Acquire(client, _) | Write(client) | WriteTooMuch(client) if !permitted(client) => {
                return Err(Status::NotPermitted);
            }
            Acquire(client, duration_us) => {
                if held(client) == Err(Status::HeldByAnother) {
                    return Err(Status::HeldByAnother);
                }
                self.holder = Some((client, self.now_us + duration_us));
            }
            Write(client) => held(client)?,
            WriteTooMuch(client) => {
                held(client)?;
                return Err(Status::OutOfRange);
            }
            Release(client) => {
                held(client)?;
                self.holder = None;
            }
            ReleaseAll(client) => self.holder = self.holder.filter(|(holder, _)| *holder != client),
            Revoke | Permit => {
                self.first_is_permitted = matches!(operation, Permit);
                self.holder = self.holder.filter(|(holder, _)| *holder != CLIENTS[0]);
            }
            Pass => {}
        }
        Ok(())
    }
}

fn apply(guard: &mut Guard, operation: Operation, now_us: u64) -> Result<(), Status> {
    let id = brake();
    match operation {
        Acquire(client, duration_us) => guard.acquire(client, id, duration_us, now_us).map(|_| ()),
        Write(client) => guard.write(client, id, 0.5, now_us).map(|_| ()),
        WriteTooMuch(client) => guard.write(client, id, 2.0, now_us).map(|_| ()),
        Release(client) => guard.release(client, id, now_us),
        ReleaseAll(client) => {
            guard.expire(now_us);
            guard.release_all(client, now_us);
            Ok(())
        }
        Revoke | Permit => {
            let order = order(matches!(operation, Permit)).encode();
            guard.obey(order.label, order.words(), now_us)
        }
        Pass => {
            guard.expire(now_us);
            Ok(())
        }
    }
}

/// Goes through every continuation of a state; gives how many operations were tried.
fn explore(guard: &Guard, model: Model, all: &[Operation], trail: &mut Vec<Operation>) -> u64 {
    if trail.len() == LENGTH {
        return 0;
    }
    let mut tried = 0;
    for operation in all {
        trail.push(*operation);
        let (mut guard, mut model) = (guard.clone(), model);
        let before = guard.output(brake(), model.now_us).unwrap();
        let expected = model.apply(*operation);
        let outcome = apply(&mut guard, *operation, model.now_us);
        let output = guard.output(brake(), model.now_us).unwrap();
        assert_eq!(outcome, expected, "{trail:?}");
        assert_eq!(output.holder, model.holder.map(|(holder, _)| holder), "{trail:?}");
        assert_eq!(guard.next_expiry_us(), model.holder.map(|(_, until_us)| until_us), "{trail:?}");
        if outcome.is_err() && before.holder == output.holder {
            assert_eq!(output.value, before.value, "what is refused moves nothing: {trail:?}");
        }
        tried += 1 + explore(&guard, model, all, trail);
        trail.pop();
    }
    tried
}

#[test]
fn every_sequence_of_operations_keeps_the_rules() {
    let mut guard = Guard::new();
    let permission = ActuatorPermission { min: 0.0, max: 1.0, writes_per_second: u32::MAX };
    let client = CLIENTS[1].into();
    let order = ActuatorOrder::Permit { client, id: brake(), permission }.encode();
    guard.obey(order.label, order.words(), 0).unwrap();
    let all = operations();
    let tried = explore(&guard, Model::default(), &all, &mut Vec::new());
    let expected: u64 = (1..=LENGTH as u32).map(|length| (all.len() as u64).pow(length)).sum();
    assert_eq!(tried, expected, "all of them");
    println!("{tried} operations tried");
}
