// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What happens by itself is in the event log: failures, restarts, faults, giving up, probations, rollbacks.

use alloc::string::String;
use alloc::vec::Vec;

use cofferdam_audit::What::{self, *};
use cofferdam_management_protocol::*;
use cofferdam_package::manifest::{AfterRestarts, Restart};

use super::keys::{log_of, whats};
use super::world::*;
use crate::*;

fn disk() -> FakeDisk {
    FakeDisk::new(Medium::default(), Stops::Never)
}

fn push(manager: &mut Manager<System>, package: &[u8]) {
    let message = Host::connect(manager, 61, 1).push(manager, package);
    assert!(matches!(message, DeviceMessage::Installed(_)), "{message:?}");
}

/// What the log has since its first entry, the boot.
fn events(manager: &mut Manager<System>) -> Vec<What> {
    whats(&log_of(manager)).split_off(1)
}

/// Kind, app, number, text of the newest entry of a kind.
fn newest(manager: &mut Manager<System>, what: What) -> (Option<String>, Option<u64>, String) {
    let log = log_of(manager);
    let entry = log.entries.iter().rev().find(|entry| entry.event.what == what).unwrap();
    let event = entry.event.clone();
    assert_eq!(event.by, None, "nobody commanded it");
    assert_eq!(event.signer.is_some(), event.component.is_some());
    (event.component, event.number, event.text.unwrap_or_default())
}

#[test]
fn restarts_and_giving_up() {
    let disk = disk();
    let mut manager = boot(&disk);
    push(&mut manager, &package_with("app", 1, |app| app.restarts = 2));
    for _ in 0..3 {
        fail(&mut manager, 0);
    }
    assert_eq!(events(&mut manager), [Install, Fail, Restart, Fail, Restart, Fail, GiveUp]);
    assert_eq!(newest(&mut manager, Fail), (Some("app".into()), None, "fuel exhausted".into()));
    assert_eq!(newest(&mut manager, Restart), (Some("app".into()), Some(2), String::new()));
    let text = "it stays stopped: limit of 2 restarts";
    assert_eq!(newest(&mut manager, GiveUp), (Some("app".into()), None, text.into()));
    // All of it is on the disk, in the chain.
    assert_eq!(events(&mut boot(&disk)), [Install, Fail, Restart, Fail, Restart, Fail, GiveUp, Boot]);
}

#[test]
fn a_restart_behind_a_back_off_is_told_when_it_happens() {
    let mut manager = boot(&disk());
    let restart =
        Restart { delay_us: 1000, delay_max_us: 1000, window_us: 1_000_000, then: AfterRestarts::Stop };
    push(
        &mut manager,
        &package_with("app", 1, |app| {
            app.restarts = 1;
            app.restart = Some(restart);
        }),
    );
    fail(&mut manager, 0);
    assert_eq!(events(&mut manager), [Install, Fail]);
    pass(&mut manager, 1000);
    assert_eq!(events(&mut manager), [Install, Fail, Restart]);
}

#[test]
fn an_app_without_restarts_just_fails() {
    let mut manager = boot(&disk());
    push(&mut manager, &package("app", 1));
    fail(&mut manager, 0);
    assert_eq!(events(&mut manager), [Install, Fail]);
}

#[test]
fn faults_of_slots_with_and_without_an_app() {
    let mut manager = boot(&disk());
    push(&mut manager, &package_with("app", 1, |app| app.restarts = 1));
    manager.slot_faulted(0, &"at 0x40");
    assert_eq!(events(&mut manager), [Install, Fault, Restart]);
    let text = "protection domain fault: at 0x40";
    assert_eq!(newest(&mut manager, Fault), (Some("app".into()), Some(0), text.into()));
    for _ in 0..3 {
        manager.slot_faulted(3, &"at 0x44");
    }
    assert_eq!(events(&mut manager), [Install, Fault, Restart, Fault, Fault, Fault, GiveUp]);
    assert_eq!(newest(&mut manager, Fault), (None, Some(3), "at 0x44".into()));
    assert_eq!(newest(&mut manager, GiveUp).1, Some(3));
}

#[test]
fn ends_of_probations() {
    let mut manager = boot(&disk());
    push(&mut manager, &package("app", 1));
    push(&mut manager, &on_probation("app", 2));
    pass(&mut manager, 1_000_000);
    assert_eq!(events(&mut manager), [Install, Replace, Proven]);
    assert_eq!(newest(&mut manager, Proven).1, Some(2));
    push(&mut manager, &on_probation("app", 3));
    fail(&mut manager, 0);
    assert_eq!(events(&mut manager), [Install, Replace, Proven, Replace, Fail, RollBack]);
    let text = "1.3: fuel exhausted";
    assert_eq!(newest(&mut manager, RollBack), (Some("app".into()), Some(2), text.into()));
}

#[test]
fn a_rollback_that_is_impossible_is_told() {
    let mut manager = manager();
    manager.restore();
    push(&mut manager, &package("app", 1));
    push(&mut manager, &on_probation("app", 2));
    fail(&mut manager, 0);
    assert_eq!(events(&mut manager), [Install, Replace, Fail, GiveUp]);
    assert!(newest(&mut manager, GiveUp).2.starts_with("it stays stopped, not rolled back: no version"));
}

#[test]
fn a_second_life_of_wasm_manager_is_no_boot() {
    let mut manager = boot(&disk());
    push(&mut manager, &package("app", 1));
    let mut manager = restart_manager(manager);
    assert_eq!(events(&mut manager), [Install, Resume]);
    assert!(log_of(&mut manager).entries.iter().all(|entry| entry.boot == 1));
}

#[test]
fn what_apps_cause_without_end_washes_nothing_away() {
    let disk = disk();
    let mut manager = boot(&disk);
    for slot in 0..SLOTS {
        let name = alloc::format!("app-{slot}");
        let restart = Restart { delay_us: 1, delay_max_us: 1, window_us: 2, then: AfterRestarts::Stop };
        push(
            &mut manager,
            &package_with(&name, 1, |app| {
                app.restarts = 1;
                app.restart = Some(restart);
            }),
        );
    }
    for round in 0..600 {
        for slot in 0..SLOTS {
            match round % 2 {
                0 => fail(&mut manager, slot),
                _ => manager.slot_faulted(slot, &"a fault"),
            }
        }
        pass(&mut manager, 10);
    }
    let log = log_of(&mut manager);
    assert_eq!(log.first, cofferdam_audit::Place::BEGINNING, "the boot and the installs are still there");
    let newest = log.entries.iter().rev().find(|entry| entry.event.what == Restart).unwrap();
    assert_eq!(newest.event.count, Some(512));
}
