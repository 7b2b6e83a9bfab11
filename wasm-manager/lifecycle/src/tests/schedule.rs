// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Hard deadlines at install, in a swap, at boot; and measuring how fast apps run.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cofferdam_host_abi::Shape;
use cofferdam_management_protocol::*;
use cofferdam_slot_protocol::{AppState as SlotState, Command as Order, Status};

use super::world::*;
use crate::schedule::{MODULE, orders};
use crate::*;

/// A loop that takes `execution_us` of each `period_us` at the speed that is assumed until it is measured: 100 fuel a µs.
fn looping(name: &str, sequence: u64, period_us: u64, execution_us: u64, hard: bool) -> Vec<u8> {
    package_with(name, sequence, |app| {
        (app.period_us, app.deadline_us) = (period_us, period_us);
        // Beginning and ending take 40 µs, its ten calls 50 µs.
        app.fuel_per_activation = (execution_us - 90) * 100;
        app.hard_deadline = hard.then_some(true);
    })
}

fn push(manager: &mut Manager<System>, package: &[u8]) -> DeviceMessage {
    Host::connect(manager, 71, 1).push(manager, package)
}

fn admitted(manager: &mut Manager<System>, package: &[u8]) {
    let reply = push(manager, package);
    assert!(matches!(reply, DeviceMessage::Installed(_)), "{reply:?}");
}

fn refused_for_deadline(reply: &DeviceMessage) -> String {
    let (code, text) = refused(reply);
    assert_eq!(code, Refusal::Deadline, "{text}");
    text
}

#[test]
fn what_could_be_late_is_refused_with_the_figures() {
    let mut manager = manager();
    admitted(&mut manager, &looping("fast", 1, 2_000, 500, true));
    admitted(&mut manager, &looping("slow", 1, 10_000, 2_000, true));
    let before = manager.platform.orders.clone();
    // 600 of its own, 100 and 4 · 25 of servers, 2 · 500 of the first, 2,000 of the second.
    let text = refused_for_deadline(&push(&mut manager, &looping("third", 1, 3_000, 600, true)));
    assert_eq!(
        text,
        "a hard deadline cannot be kept: in slot 2: deadline might be missed: worst response 3800 us of 3000 us"
    );
    assert_eq!(manager.platform.orders, before, "nothing has changed");
    // Without the promise it may run, and be late.
    admitted(&mut manager, &looping("third", 1, 3_000, 600, false));
    // A version of one that is installed is looked at in its own place.
    admitted(&mut manager, &looping("slow", 2, 10_000, 2_500, true));
}

#[test]
fn one_that_would_make_another_late_is_refused() {
    let mut manager = manager();
    admitted(&mut manager, &looping("first", 1, 10_000, 200, false));
    admitted(&mut manager, &looping("second", 1, 2_000, 500, true));
    // In its place, with so much more to do, the one below would be late: whether this one cares or not.
    let text = refused_for_deadline(&push(&mut manager, &looping("first", 2, 10_000, 1_500, false)));
    assert!(text.contains("second in slot 1: deadline might be missed: worst response 2"), "{text}");
    // So would what is in its period but too long for the kernel's budgets.
    manager.platform.budgets = true;
    let text = refused_for_deadline(&push(&mut manager, &looping("second", 2, 2_000, 500, true)));
    assert!(text.contains("in slot 1: deadline might be missed: worst response without bound"), "{text}");
}

#[test]
fn a_swap_is_looked_at_beside_the_one_that_runs() {
    let mut manager = manager();
    admitted(&mut manager, &looping("app", 1, 2_000, 960, true));
    let text = refused_for_deadline(
        &Host::connect(&mut manager, 72, 1).swap(&mut manager, &looping("app", 2, 2_000, 960, true)),
    );
    assert!(text.contains("in slot 1: deadline might be missed"), "{text}");
}

#[test]
fn what_is_kept_is_only_warned_of() {
    let disk = FakeDisk::new(Medium::default(), Stops::Never);
    let mut manager = boot(&disk);
    admitted(&mut manager, &looping("app", 1, 2_000, 900, true));
    let mut manager =
        manager_on(Some(disk), [anchor(1, cofferdam_policy::Grant::everything())].into(), Some(NONCE));
    manager.speed.fuel_per_ms = 10_000;
    manager.restore();
    hear_slots(&mut manager);
    assert_eq!(manager.slots[0].app.as_ref().unwrap().state, AppState::Running);
}

#[test]
fn the_program_that_measures_is_what_it_says() {
    let text = r#"(module (func (export "_start") (local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add
        (local.get 0) (i32.const 1))) (i32.const 200000))))) (memory (export "memory") 1))"#;
    assert_eq!(wat::parse_str(text).unwrap(), MODULE);
    let orders = orders();
    assert_eq!((orders.shape, orders.command), (Shape::Command, Order::Run));
    assert_eq!(orders.limits.check(), Ok(()));
}

/// The slot that measures says so much.
fn measures(manager: &mut Manager<System>, fuel: u64, time_us: u64) {
    let slot = SLOTS - 1;
    let mut status = Status { state: SlotState::Exited, ..running(manager, slot) };
    (status.counters.fuel_total, status.counters.execution_total_us) = (fuel, time_us);
    manager.platform.report(slot, &status);
    hear_slots(manager);
}

#[test]
fn a_free_slot_measures_and_stays_free() {
    let mut manager = manager();
    manager.calibrate();
    assert_eq!(manager.platform.orders[SLOTS - 1].as_ref().unwrap().name.as_str(), "calibration");
    measures(&mut manager, 1_600_000, 10_000);
    assert_eq!(manager.speed.fuel_per_ms, 140_000, "seven eighths");
    assert_eq!(manager.platform.orders[SLOTS - 1].as_ref().unwrap().command, Order::Idle);
    // What was too much at the speed that is assumed is not at this one.
    admitted(&mut manager, &looping("app", 1, 1_000, 480, true));
    assert!(manager.slots.iter().filter(|slot| slot.is_free()).count() == SLOTS - 1);
    // A slot under an attacker's control has its say about this one figure, within reason; and nobody asked it again.
    measures(&mut manager, u64::MAX, 1);
    assert_eq!(manager.speed.fuel_per_ms, 140_000);
}

#[test]
fn nonsense_is_not_believed_and_who_wants_the_slot_gets_it() {
    for (fuel, time_us) in [(0, 0), (1, 0), (0, 1), (u64::MAX, u64::MAX), (u64::MAX, 1), (1, u64::MAX)] {
        let mut manager = manager();
        manager.calibrate();
        measures(&mut manager, fuel, time_us);
        assert_eq!(manager.speed.fuel_per_ms, 100_000, "{fuel} {time_us}");
    }
    let mut manager = manager();
    manager.calibrate();
    let background =
        package_with("app", 1, |app| app.priority = cofferdam_package::manifest::Priority::Background);
    admitted(&mut manager, &background);
    assert_eq!(manager.slots[SLOTS - 1].app.as_ref().unwrap().state, AppState::Running);
    assert_eq!(manager.speed.fuel_per_ms.to_string(), "100000");
}
