// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Apps of the image: at each boot without a disk, once with one, and never past a check.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cofferdam_management_protocol::*;
use cofferdam_policy::Grant;

use super::world::*;
use crate::*;

/// A device boots with this disk and these packages in its image.
fn boot_with(disk: Option<&FakeDisk>, packages: &[Vec<u8>]) -> Manager<System> {
    let anchors = alloc::vec![anchor(1, Grant::everything())];
    let mut manager = manager_on(disk.cloned(), anchors, Some(NONCE));
    manager.restore();
    preinstall(&mut manager, packages);
    manager
}

fn preinstall(manager: &mut Manager<System>, packages: &[Vec<u8>]) {
    let packages: Vec<&[u8]> = packages.iter().map(Vec::as_slice).collect();
    manager.preinstall(&packages);
    hear_slots(manager);
}

/// Name, sequence and state of every app.
fn apps(manager: &mut Manager<System>) -> Vec<(String, u64, AppState)> {
    let apps = Host::connect(manager, 99, 1).apps(manager);
    apps.into_iter().map(|app| (app.name, app.sequence, app.state)).collect()
}

fn disk() -> FakeDisk {
    FakeDisk::new(Medium::default(), Stops::Never)
}

#[test]
fn without_a_disk_they_run_after_every_boot_and_without_a_nonce() {
    let packages = [package("first", 1), package("exiter", 4)];
    for _ in 0..2 {
        let mut manager = boot_with(None, &packages);
        let expected =
            [("first".to_string(), 1, AppState::Running), ("exiter".to_string(), 4, AppState::Exited(3))];
        assert_eq!(apps(&mut manager), expected);
        assert_eq!(manager.platform.verifier_uses, 3, "each was verified, and so was the command");
    }
    // A board without entropy serves nobody, and runs them all the same.
    let mut manager = manager_on(None, alloc::vec![anchor(1, Grant::everything())], None);
    preinstall(&mut manager, &packages);
    assert_eq!(manager.platform.orders[0].as_ref().unwrap().name.as_str(), "first");
}

#[test]
fn one_that_is_refused_keeps_no_other_out() {
    let mut changed = package("changed", 1);
    *changed.last_mut().unwrap() ^= 1;
    let stranger = cofferdam_package::create(manifest("stranger", 1), &module(1), &key(2)).unwrap();
    let many = ["a", "b", "c", "d", "e"].map(|name| package(name, 1));
    let packages = [&[b"nothing".to_vec(), changed, stranger, Vec::new()][..], &many].concat();
    let mut manager = boot_with(None, &packages);
    let names: Vec<String> = apps(&mut manager).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["a", "b", "c", "d"], "four slots, and nothing of what is not signed");
}

#[test]
fn the_disk_decides_what_becomes_of_them() {
    let disk = disk();
    let packages = [package("stays", 2), package("leaves", 2), package("newer", 2), package("stands", 2)];
    let mut manager = boot_with(Some(&disk), &packages);
    assert_eq!(apps(&mut manager).len(), 4);
    let mut host = Host::connect(&mut manager, 1, 1);
    assert_eq!(host.command(&mut manager, &Command::Remove { name: "leaves" }), DeviceMessage::Done);
    assert_eq!(host.command(&mut manager, &Command::Stop { name: "stands" }), DeviceMessage::Done);
    assert!(matches!(host.push(&mut manager, &package("newer", 5)), DeviceMessage::Installed(_)));

    let expected = [
        ("stays".to_string(), 2, AppState::Running),
        ("newer".to_string(), 5, AppState::Running),
        ("stands".to_string(), 2, AppState::Stopped),
    ];
    let mut manager = boot_with(Some(&disk), &packages);
    assert_eq!(apps(&mut manager), expected);

    // A newer image updates what it brought, as a push would.
    let newer = [package("stays", 3), package("newer", 4), package("leaves", 3)];
    let mut manager = boot_with(Some(&disk), &newer);
    let found = apps(&mut manager);
    assert!(found.contains(&("stays".to_string(), 3, AppState::Running)), "{found:?}");
    assert!(found.contains(&("newer".to_string(), 5, AppState::Running)), "{found:?}");
    assert!(found.contains(&("leaves".to_string(), 3, AppState::Running)), "a new release is new: {found:?}");
}

#[test]
fn a_later_life_of_wasm_manager_installs_nothing_again() {
    let packages = [package("runner", 1)];
    let mut manager = restart_manager(boot_with(None, &packages));
    let restarts = manager.platform.restarts;
    preinstall(&mut manager, &packages);
    assert_eq!(manager.platform.restarts, restarts, "without a disk");
    let disk = disk();
    let mut manager = restart_manager(boot_with(Some(&disk), &packages));
    let restarts = manager.platform.restarts;
    preinstall(&mut manager, &packages);
    assert_eq!(manager.platform.restarts, restarts, "with a disk");
    assert_eq!(apps(&mut manager), [("runner".to_string(), 1, AppState::Running)]);
}

#[test]
fn a_disk_that_cannot_be_read_keeps_them_out() {
    let disk = disk();
    boot_with(Some(&disk), &[]);
    disk.0.borrow_mut().0.records.insert(crate::saved::RATCHETS, b"nonsense".to_vec());
    let manager = boot_with(Some(&disk), &[package("runner", 1)]);
    assert!(manager.platform.orders[0].is_none(), "any old release would pass");
}
