// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What survives a reboot, and disks that stop, lie or hold nonsense.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use cofferdam_management_protocol::*;
use cofferdam_package::create;
use cofferdam_policy::Grant;
use proptest::prelude::*;

use super::world::*;
use crate::saved::{Previous, RATCHETS, Release, Saved, decode_ratchets, encode_ratchets, slot_record};
use crate::*;

fn disk() -> FakeDisk {
    FakeDisk::new(Medium::default(), Stops::Never)
}

fn installed(message: &DeviceMessage) -> &Installed {
    match message {
        DeviceMessage::Installed(installed) => installed,
        other => panic!("{other:?}"),
    }
}

/// Name, sequence, slot and state of every app.
fn apps(manager: &mut Manager<System>) -> Vec<(String, u64, u8, AppState)> {
    let apps = Host::connect(manager, 99, 1).apps(manager);
    apps.into_iter().map(|app| (app.name, app.sequence, app.slot, app.state)).collect()
}

#[test]
fn what_ran_runs_again_and_what_stood_stands() {
    let disk = disk();
    let mut manager = boot(&disk);
    let mut host = Host::connect(&mut manager, 1, 1);
    for name in ["runner", "stopper", "exiter", "leaver"] {
        installed(&host.push(&mut manager, &package(name, 3)));
    }
    assert_eq!(host.command(&mut manager, &Command::Stop { name: "stopper" }), DeviceMessage::Done);
    assert_eq!(host.command(&mut manager, &Command::Remove { name: "leaver" }), DeviceMessage::Done);
    installed(&host.push(&mut manager, &package("runner", 4)));
    let before = apps(&mut manager);

    let mut manager = boot(&disk);
    assert_eq!(apps(&mut manager), before);
    assert_eq!(before[0], ("runner".to_string(), 4, 0, AppState::Running));
    assert_eq!(before[1].3, AppState::Stopped);
    assert_eq!(before[2].3, AppState::Exited(3), "ran again, to its end");
    assert_eq!(before.len(), 3);
    // No way back by a reboot, not even for what was removed.
    let mut host = Host::connect(&mut manager, 1, 1);
    for name in ["runner", "stopper", "leaver"] {
        assert_eq!(refused(&host.push(&mut manager, &package(name, 2))).0, Refusal::Ratchet, "{name}");
    }
    let other = create(manifest("runner", 4), &module(77), &key(1)).unwrap();
    assert_eq!(refused(&host.push(&mut manager, &other)).0, Refusal::Ratchet);
    assert_eq!(host.command(&mut manager, &Command::Start { name: "stopper" }), DeviceMessage::Done);

    let mut manager = boot(&disk);
    assert_eq!(apps(&mut manager)[1].3, AppState::Running);
    // Nothing piles up: three apps, and what `runner` can go back to.
    let medium = disk.medium();
    assert_eq!((medium.packages.len(), medium.records.len()), (4, 5), "ratchets, event log, slots");
}

#[test]
fn failures_and_restarts_are_kept() {
    let disk = disk();
    let mut manager = boot(&disk);
    let mut host = Host::connect(&mut manager, 1, 1);
    let mut failing = manifest("trapper", 1);
    failing.app.restarts = 2;
    installed(&host.push(&mut manager, &create(failing, &module(1), &key(1)).unwrap()));
    let before = host.apps(&mut manager);
    assert_eq!((before[0].state, before[0].restarts), (AppState::Failed, 2));
    let mut manager = boot(&disk);
    let mut host = Host::connect(&mut manager, 1, 1);
    assert_eq!(host.apps(&mut manager), before, "and for the same reason");
    assert_eq!(manager.platform.restarts, 1, "its slot idles");
    // A new start begins to count anew.
    assert_eq!(host.command(&mut manager, &Command::Start { name: "trapper" }), DeviceMessage::Done);
    hear_slots(&mut manager);
    assert_eq!(manager.platform.restarts, 5, "a start, two restarts, and idle again");
}

#[test]
fn what_cannot_be_kept_is_not_installed() {
    let disk = disk();
    let mut manager = boot(&disk);
    let mut host = Host::connect(&mut manager, 1, 1);
    installed(&host.push(&mut manager, &package("app", 1)));
    disk.0.borrow_mut().1 = Stops::Before(0);
    let (code, text) = refused(&host.push(&mut manager, &package("app", 2)));
    assert_eq!((code, text.as_str()), (Refusal::Storage, "cannot be kept on the disk: the disk failed"));
    assert_eq!(apps(&mut manager), [("app".to_string(), 1, 0, AppState::Running)], "goes on");
    assert_eq!(refused(&host_remove(&mut manager)).0, Refusal::Storage);
    // Stopping is done whatever the disk does, and says that it will not last.
    let mut host = Host::connect(&mut manager, 3, 1);
    assert_eq!(refused(&host.command(&mut manager, &Command::Stop { name: "app" })).0, Refusal::Storage);
    assert_eq!(apps(&mut manager)[0].3, AppState::Stopped);
    // The ratchet has not moved.
    disk.0.borrow_mut().1 = Stops::Never;
    let mut host = Host::connect(&mut manager, 4, 1);
    installed(&host.push(&mut manager, &package("app", 1)));
}

fn host_remove(manager: &mut Manager<System>) -> DeviceMessage {
    Host::connect(manager, 2, 1).command(manager, &Command::Remove { name: "app" })
}

const STEPS: usize = 10;

/// A life with installs, updates and all other changes; gives the states between them.
fn story(manager: &mut Manager<System>, mut after: impl FnMut(&mut Manager<System>)) {
    let steps: [fn(&mut Manager<System>, &mut Host); STEPS] = [
        |manager, host| drop(host.push(manager, &package("one", 1))),
        |manager, host| drop(host.push(manager, &package("two", 5))),
        |manager, host| drop(host.push(manager, &package("one", 2))),
        |manager, host| drop(host.command(manager, &Command::Stop { name: "two" })),
        |manager, host| drop(host.push(manager, &package("one", 3))),
        |manager, host| drop(host.command(manager, &Command::RollBack { name: "one" })),
        |manager, host| drop(host.push(manager, &on_probation("one", 4))),
        |manager, _| {
            // Behind a broken disk it may never have been installed.
            if manager.platform.orders[0].is_some() {
                fail(manager, 0);
            }
        },
        |manager, host| drop(host.command(manager, &Command::Start { name: "two" })),
        |manager, host| drop(host.command(manager, &Command::Remove { name: "one" })),
    ];
    for (number, step) in (1..).zip(steps) {
        let mut host = Host::connect(manager, number, 1);
        step(manager, &mut host);
        hear_slots(manager);
        after(manager);
    }
}

/// The sequence number below which nothing gets in after so many steps.
fn newest_of_one(steps: usize) -> u64 {
    [0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4][steps]
}

#[test]
fn power_can_go_at_every_change() {
    let mut states = vec![vec![]];
    let whole = disk();
    story(&mut boot(&whole), |manager| states.push(apps(manager)));
    let (mut cuts, mut seen) = (0, 0);
    for changes in 0..=STEPS {
        for stops in [Stops::Before(changes), Stops::Behind(changes)] {
            let disk = FakeDisk::new(Medium::default(), stops);
            // Power goes: what the manager does afterwards touches nothing that lasts.
            story(&mut boot(&disk), |_| ());
            let medium = disk.medium();
            let mut manager = boot(&FakeDisk::new(medium.clone(), Stops::Never));
            // The first change is the boot's entry in the event log.
            let expected = (changes + usize::from(matches!(stops, Stops::Behind(_)))).saturating_sub(1);
            assert_eq!(apps(&mut manager), states[expected], "{stops:?}");
            // No ratchet is behind what runs, and none is lost.
            let mut host = Host::connect(&mut manager, 1, 1);
            for (name, sequence, _, _) in &states[expected] {
                // What has been rolled back from, too.
                let sequence = &if name == "one" { newest_of_one(expected) } else { *sequence };
                if *sequence > 1 {
                    let older = host.push(&mut manager, &package(name, sequence - 1));
                    assert_eq!(refused(&older).0, Refusal::Ratchet);
                    seen += 1;
                }
            }
            cuts += 1;
        }
    }
    assert!(cuts == 2 * (STEPS + 1) && seen > 15);
    let one: Vec<u64> = states[..STEPS].iter().filter_map(|apps| Some(apps.first()?.1)).collect();
    assert_eq!(one, [1, 1, 2, 2, 3, 2, 4, 2, 2], "with both rollbacks");
}

#[test]
fn a_kept_package_is_verified_again() {
    let disk = disk();
    let mut manager = boot(&disk);
    let mut host = Host::connect(&mut manager, 1, 1);
    installed(&host.push(&mut manager, &package("good", 2)));
    installed(&host.push(&mut manager, &package("bad", 2)));
    let good = disk.medium();
    let bad_package = good.packages.iter().find(|(_, bytes)| **bytes == package("bad", 2)).unwrap();
    let number = *bad_package.0;
    let tampered = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut medium = good.clone();
        change(medium.packages.get_mut(&number).unwrap());
        FakeDisk::new(medium, Stops::Never)
    };
    let by_another = create(manifest("bad", 2), &module(2), &key(9)).unwrap();
    for disk in [
        tampered(&|bytes| *bytes.last_mut().unwrap() ^= 1),
        tampered(&|bytes| bytes.truncate(100)),
        tampered(&|bytes| bytes.clear()),
        tampered(&|bytes| *bytes = package("bad", 1)), // an older one, rightly signed
        tampered(&|bytes| *bytes = package("good", 2)), // another app's
        tampered(&|bytes| *bytes = by_another.clone()),
    ] {
        let mut manager = boot(&disk);
        assert_eq!(apps(&mut manager), [("good".to_string(), 2, 0, AppState::Running)]);
        // Its slot can be used, and then the bad package is gone.
        let mut host = Host::connect(&mut manager, 1, 1);
        installed(&host.push(&mut manager, &package("next", 1)));
        assert_eq!(disk.medium().packages.len(), 2);
        assert_eq!(apps(&mut boot(&disk)).len(), 2);
    }
}

#[test]
fn without_its_ratchets_a_device_takes_no_app() {
    let disk = disk();
    let mut manager = boot(&disk);
    installed(&Host::connect(&mut manager, 1, 1).push(&mut manager, &package("app", 2)));
    disk.0.borrow_mut().0.records.get_mut(&RATCHETS).unwrap().truncate(50);
    let mut manager = boot(&disk);
    assert!(apps(&mut manager).is_empty());
    let refusal = Host::connect(&mut manager, 1, 1).push(&mut manager, &package("app", 1));
    assert_eq!(refused(&refusal).0, Refusal::Storage);
    assert_eq!(disk.medium().packages.len(), 1, "left alone");
}

#[test]
fn the_keys_of_this_boot_decide() {
    let disk = disk();
    let mut manager = boot(&disk);
    installed(&Host::connect(&mut manager, 1, 1).push(&mut manager, &package("app", 2)));
    let mut manager = manager_on(Some(disk), vec![anchor(2, Grant::everything())], Some(NONCE));
    manager.restore();
    assert!(Host::connect(&mut manager, 1, 2).apps(&mut manager).is_empty());
}

#[test]
fn records_have_their_form() {
    let mut saved = Saved::decode(&[1, 7, 0, 0, 0, 1, 0, 2, 3, 0, b'w', b'h', b'y']).unwrap();
    assert_eq!((saved.package, saved.wanted, saved.failed, saved.reason.as_str()), (7, true, false, "why"));
    assert_eq!((saved.record.restarts, saved.record.count, saved.record.ages_us[1]), (2, 2, 0));
    saved.record.ages_us[0] = 5;
    saved.record.probation_left_us = Some(9);
    saved.rolled_back = "b".into();
    saved.back_at = Some(Release { sequence: 3, digest: [4; 32] });
    saved.previous =
        Some(Previous { package: 8, release: Release { sequence: 1, digest: [6; 32] }, version: "v".into() });
    let number = |value: u64| value.to_le_bytes().to_vec();
    let bytes = [
        vec![2, 7, 0, 0, 0, 1, 0, 2, 0, 0, 0, 2],
        number(5),
        number(0),
        vec![1],
        number(9),
        vec![3, 0, b'w', b'h', b'y', 1, 0, b'b', 1],
        number(3),
        vec![4; 32],
        vec![1, 8, 0, 0, 0],
        number(1),
        vec![6; 32],
        vec![1, 0, b'v'],
    ];
    assert_eq!(saved.encode(), bytes.concat());
    assert_eq!(Saved::decode(&bytes.concat()), Some(saved));
    assert_eq!(slot_record(3), 19);
    let mut ratchet = crate::ratchet::Ratchet::default();
    for number in 0..crate::ratchet::ENTRIES_MAX as u64 {
        let longest = format!("{number:064}");
        ratchet.commit(&manifest(&longest, number).common, number);
    }
    let bytes = encode_ratchets(&ratchet);
    assert!(bytes.len() <= 0x4000, "{} bytes are more than a record takes", bytes.len());
    assert_eq!(decode_ratchets(&bytes).unwrap().entries(), ratchet.entries());
    assert!(decode_ratchets(&[bytes.clone(), bytes[1..].to_vec()].concat()).is_none(), "twice");
}

proptest! {
    #[test]
    fn records_of_nonsense_are_refused_or_read(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        first in prop_oneof![Just(1u8), Just(2u8), any::<u8>()],
    ) {
        let bytes = [vec![first], bytes].concat();
        if let Some(saved) = Saved::decode(&bytes) {
            prop_assert!(saved.package != 0);
            prop_assert_eq!(Saved::decode(&saved.encode()), Some(saved));
        }
        if let Some(ratchet) = decode_ratchets(&bytes) {
            prop_assert_eq!(encode_ratchets(&ratchet), bytes);
        }
    }

    #[test]
    fn a_disk_of_nonsense_harms_nobody(
        records in proptest::collection::btree_map(
            prop_oneof![Just(1u32), 16u32..20], proptest::collection::vec(any::<u8>(), 0..40), 0..5
        ),
        package in any::<u32>(),
        packages in proptest::collection::btree_map(1u32..9, proptest::collection::vec(any::<u8>(), 0..40), 0..5),
    ) {
        let mut medium = Medium { records, packages };
        let record = [&[1][..], &package.to_le_bytes(), &[1, 0, 0, 0, 0]].concat();
        medium.records.insert(slot_record(1), record);
        let mut manager = boot(&FakeDisk::new(medium, Stops::Never));
        prop_assert!(apps(&mut manager).is_empty());
    }
}
