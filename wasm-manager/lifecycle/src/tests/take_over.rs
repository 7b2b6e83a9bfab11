// SPDX-License-Identifier: Apache-2.0 OR MIT
//! wasm_manager is started again in the middle of everything.

use alloc::vec;
use alloc::vec::Vec;

use cofferdam_management_protocol::*;
use cofferdam_slot_protocol::Status;

use super::world::*;
use crate::*;

fn disk() -> FakeDisk {
    FakeDisk::new(Medium::default(), Stops::Never)
}

fn push(manager: &mut Manager<System>, package: &[u8]) {
    let message = Host::connect(manager, 78, 1).push(manager, package);
    assert!(matches!(message, DeviceMessage::Installed(_)), "{message:?}");
}

fn apps(manager: &mut Manager<System>) -> Vec<AppEntry> {
    Host::connect(manager, 77, 1).apps(manager)
}

/// The slot reports so many activations.
fn ticks(manager: &mut Manager<System>, slot: usize, activations: u64) {
    let mut status: Status = running(manager, slot);
    status.counters.activations = activations;
    manager.platform.report(slot, &status);
    hear_slots(manager);
}

#[test]
fn running_apps_are_taken_over_untouched() {
    let mut manager = boot(&disk());
    for name in ["one", "two", "stopper", "leaver"] {
        push(&mut manager, &package(name, 3));
    }
    push(&mut manager, &on_probation("two", 4));
    let mut host = Host::connect(&mut manager, 1, 1);
    assert_eq!(host.command(&mut manager, &Command::Stop { name: "stopper" }), DeviceMessage::Done);
    assert_eq!(host.command(&mut manager, &Command::Remove { name: "leaver" }), DeviceMessage::Done);
    let (before, orders) = (apps(&mut manager), manager.platform.orders.clone());
    let restarts = manager.platform.restarts;

    let mut manager = restart_manager(manager);
    assert_eq!(apps(&mut manager), before);
    assert_eq!(manager.platform.orders[..2], orders[..2], "those that run were not touched");
    assert_eq!(manager.platform.restarts, restarts + 1, "the stopped one idles anew");
    // They are managed as ever, under a new nonce.
    assert_ne!(Host::connect(&mut manager, 2, 1).nonce, NONCE);
    fail(&mut manager, 1);
    assert_eq!(apps(&mut manager)[1].version, "1.3", "its probation went on");
    let mut host = Host::connect(&mut manager, 3, 1);
    assert_eq!(host.command(&mut manager, &Command::Stop { name: "one" }), DeviceMessage::Done);
    let older = host.push(&mut manager, &package("leaver", 2));
    assert_eq!(refused(&older).0, Refusal::Ratchet);
}

#[test]
fn what_happened_meanwhile_is_heard() {
    let mut manager = boot(&disk());
    push(&mut manager, &package("app", 1));
    let stopped = Status {
        state: cofferdam_slot_protocol::AppState::Stopped,
        reason: Some(cofferdam_slot_protocol::StopReason::FuelExhausted),
        ..running(&manager, 0)
    };
    manager.platform.report(0, &stopped);
    manager.platform.notified.clear();
    let mut manager = restart_manager(manager);
    let app = apps(&mut manager).remove(0);
    assert_eq!((app.state, app.reason.as_str()), (AppState::Failed, "fuel exhausted"));
}

#[test]
fn a_slot_that_stands_still_is_started_again() {
    let mut manager = boot(&disk());
    push(&mut manager, &package_with("still", 1, |app| app.restarts = 1));
    push(&mut manager, &package_with("alive", 1, |app| app.restarts = 1));
    let mut manager = restart_manager(manager);
    ticks(&mut manager, 1, 8);
    pass(&mut manager, 2_000_000);
    let apps = apps(&mut manager);
    assert_eq!((apps[0].name.as_str(), apps[0].restarts), ("still", 1));
    assert_eq!((apps[1].name.as_str(), apps[1].restarts), ("alive", 0));
}

#[test]
fn what_is_not_exactly_the_kept_app_begins_anew() {
    let changes: [fn(&mut System); 3] = [
        // Other orders: the app runs longer than its manifest says.
        |system| {
            let mut orders = system.orders[0].clone().unwrap();
            orders.deadline_us -= 1;
            cofferdam_slot_protocol::write_orders(system.regions[0].orders, &orders).unwrap();
        },
        |system| system.regions[0].module.copy_in(8, &[0xff]).unwrap(),
        |system| system.regions[0].orders.store_u64_relaxed(0, 0).unwrap(),
    ];
    for change in changes {
        let mut manager = boot(&disk());
        push(&mut manager, &package("app", 1));
        change(&mut manager.platform);
        let before = manager.platform.restarts;
        let mut manager = restart_manager(manager);
        assert_eq!(manager.platform.restarts, before + 1);
        let mut bytes = vec![0; module(1).len()];
        manager.platform.regions[0].module.copy_out(0, &mut bytes).unwrap();
        assert_eq!(bytes, module(1));
        assert_eq!(apps(&mut manager)[0].state, AppState::Running);
    }
}

#[test]
fn what_nobody_kept_is_stopped() {
    let disk = disk();
    let mut manager = boot(&disk);
    push(&mut manager, &package("app", 1));
    *disk.0.borrow_mut() = (Medium::default(), Stops::Never);
    let mut manager = restart_manager(manager);
    assert!(apps(&mut manager).is_empty());
    let orders = manager.platform.orders[0].as_ref().unwrap();
    assert_eq!(orders.command, cofferdam_slot_protocol::Command::Idle);
    push(&mut manager, &package("app", 1));
}

#[test]
fn without_a_disk_apps_go_on_and_nothing_can_be_installed() {
    let mut manager = manager();
    push(&mut manager, &package("app", 2));
    let restarts = manager.platform.restarts;
    let mut manager = restart_manager(manager);
    assert_eq!(manager.platform.restarts, restarts, "not touched");
    let older = Host::connect(&mut manager, 1, 1).push(&mut manager, &package("app", 1));
    assert_eq!(refused(&older).0, Refusal::Storage, "its ratchet is lost");
    // A fault of its slot ends it.
    manager.slot_faulted(0, &"fault");
    hear_slots(&mut manager);
    assert_eq!(manager.platform.restarts, restarts + 1);
}
