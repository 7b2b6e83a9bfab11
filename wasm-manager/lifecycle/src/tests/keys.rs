// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Lists of keys, roles over the wire, and the event log.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use cofferdam_audit::{Entry, Export, Place, Proven, What};
use cofferdam_management_protocol::*;
use cofferdam_package::manifest::{class_id, vendor_id};
use cofferdam_package::{create, sha256};
use cofferdam_policy::list::{KeyList, LAYOUT, add_signature, unsigned};
use cofferdam_policy::{Anchor, Grant, Role};

use super::world::*;
use crate::saved::{EVENT_LOG, KEY_LISTS};
use crate::*;

fn disk() -> FakeDisk {
    FakeDisk::new(Medium::default(), Stops::Never)
}

/// A list for the bench with these anchors, of which key 1 is the root key.
fn list(version: u64, others: Vec<Anchor>) -> KeyList {
    let vendor_id = vendor_id("maker");
    let others = others.into_iter().map(|anchor| Anchor { root: false, ..anchor });
    KeyList {
        layout: LAYOUT,
        version,
        vendor_id,
        class_id: class_id(&vendor_id, "rig"),
        threshold: 1,
        stop_revoked: false,
        anchors: core::iter::once(anchor(1, Grant::everything())).chain(others).collect(),
    }
}

fn signed(list: &KeyList) -> Vec<u8> {
    add_signature(&unsigned(list), &key(1)).unwrap()
}

/// Sends a list as key `by`.
fn update(manager: &mut Manager<System>, by: u8, signed: &[u8]) -> DeviceMessage {
    let mut host = Host::connect(manager, 50, by);
    let (list_bytes, list_sha256) = (signed.len() as u32, sha256(signed));
    let ready = host.command(manager, &Command::UpdateKeys { list_bytes, list_sha256 });
    if !matches!(ready, DeviceMessage::Ready { .. }) {
        return ready;
    }
    let mut last = ready;
    for (i, bytes) in signed.chunks(CHUNK_BYTES_MAX).enumerate() {
        let offset = (i * CHUNK_BYTES_MAX) as u32;
        last = host.send(manager, &encode_host(&HostMessage::Chunk { offset, bytes }).unwrap()).remove(0);
    }
    last
}

/// A package of `name` signed by key `by`.
fn package_by(by: u8, name: &str, sequence: u64) -> Vec<u8> {
    create(manifest(name, sequence), &module(sequence as u32), &key(by)).unwrap()
}

fn push(manager: &mut Manager<System>, by: u8, package: &[u8]) -> DeviceMessage {
    Host::connect(manager, 51, by).push(manager, package)
}

fn is_installed(message: &DeviceMessage) -> bool {
    matches!(message, DeviceMessage::Installed(_))
}

/// The whole log, checked.
pub fn log_of(manager: &mut Manager<System>) -> Proven {
    let mut host = Host::connect(manager, 52, 1);
    let (mut export, mut after) = (None, 0);
    loop {
        let DeviceMessage::Audit(page) = host.command(manager, &Command::Audit { after }) else { panic!() };
        let first = Place { sequence: page.first_sequence, hash: page.first_hash };
        let export = export.get_or_insert_with(|| Export::new(DEVICE, first));
        for AuditEntry { entry, hash } in &page.entries {
            export.push(entry, *hash);
            after = Entry::decode(entry).unwrap().sequence;
        }
        if after == page.head_sequence {
            return export.verify().unwrap();
        }
    }
}

pub fn whats(proven: &Proven) -> Vec<What> {
    proven.entries.iter().map(|entry| entry.event.what).collect()
}

#[test]
fn a_new_list_rotates_keys_and_lasts() {
    let disk = disk();
    let mut manager = boot(&disk);
    assert_eq!(refused(&push(&mut manager, 2, &package("app", 1))).0, Refusal::UnknownKey);
    assert_eq!(
        update(&mut manager, 1, &signed(&list(1, vec![anchor(2, Grant::everything())]))),
        DeviceMessage::Done
    );
    assert!(is_installed(&push(&mut manager, 2, &package_by(2, "app", 1))));
    let part = Host::connect(&mut manager, 1, 2).command(&mut manager, &Command::Keys { offset: 0 });
    let DeviceMessage::Keys(part) = part else { panic!("{part:?}") };
    assert_eq!((part.version, part.from_image, part.bytes.len()), (1, false, part.list_bytes as usize));
    assert_eq!(KeyList::decode(&part.bytes).unwrap().anchors.len(), 2);

    let mut manager = boot(&disk);
    assert_eq!(Host::connect(&mut manager, 1, 2).apps(&mut manager)[0].state, AppState::Running);
    for version in [0, 1] {
        let older = update(&mut manager, 1, &signed(&list(version, vec![])));
        assert_eq!(refused(&older).0, Refusal::KeyListOlder);
    }
    // Key 2 goes. It is no root key, so it cannot prevent it, and not sign lists either.
    let by_two = add_signature(&unsigned(&list(2, vec![anchor(2, Grant::everything())])), &key(2)).unwrap();
    assert_eq!(refused(&update(&mut manager, 2, &by_two)).0, Refusal::KeyListQuorum);
    assert_eq!(update(&mut manager, 2, &signed(&list(2, vec![]))), DeviceMessage::Done, "whoever brings it");
    assert_eq!(refused(&push(&mut manager, 2, &package("next", 1))).0, Refusal::UnknownKey);
    let (code, text) = refused(&push(&mut manager, 1, &package_by(2, "app", 2)));
    assert_eq!(code, Refusal::UnknownKey, "{text}");
    // Its app goes on, and does not start again, now or at the next boot.
    let mut host = Host::connect(&mut manager, 1, 1);
    assert_eq!(host.apps(&mut manager)[0].state, AppState::Running);
    assert_eq!(host.command(&mut manager, &Command::Stop { name: "app" }), DeviceMessage::Done);
    let start = host.command(&mut manager, &Command::Start { name: "app" });
    assert_eq!(refused(&start).0, Refusal::Revoked);
    let mut manager = boot(&disk);
    assert!(Host::connect(&mut manager, 1, 1).apps(&mut manager).is_empty());
    assert_eq!(refused(&update(&mut manager, 1, &signed(&list(2, vec![])))).0, Refusal::KeyListOlder);
}

#[test]
fn a_list_can_stop_what_it_revokes() {
    let disk = disk();
    let mut manager = boot(&disk);
    update(&mut manager, 1, &signed(&list(1, vec![anchor(2, Grant::everything())])));
    for (by, name) in [(1, "mine"), (2, "other"), (2, "kept")] {
        assert!(is_installed(&push(&mut manager, 1, &package_by(by, name, 1))));
    }
    // Not the key goes here, but its right to one of two components.
    let narrowed = Grant { components: vec!["kep*".into()], ..Grant::everything() };
    let stopping = KeyList { stop_revoked: true, ..list(2, vec![anchor(2, narrowed)]) };
    assert_eq!(update(&mut manager, 1, &signed(&stopping)), DeviceMessage::Done);
    let states: Vec<(String, AppState)> = Host::connect(&mut manager, 1, 1)
        .apps(&mut manager)
        .into_iter()
        .map(|app| (app.name, app.state))
        .collect();
    let state = |name: &str| states.iter().find(|(other, _)| other == name).unwrap().1;
    assert_eq!(
        (state("mine"), state("other"), state("kept")),
        (AppState::Running, AppState::Stopped, AppState::Running)
    );
    // A later list can give it back.
    update(&mut manager, 1, &signed(&list(3, vec![anchor(2, Grant::everything())])));
    let mut host = Host::connect(&mut manager, 1, 1);
    assert_eq!(host.command(&mut manager, &Command::Start { name: "other" }), DeviceMessage::Done);
}

#[test]
fn power_can_go_while_a_list_is_taken() {
    let before = {
        let disk = disk();
        update(&mut boot(&disk), 1, &signed(&list(1, vec![anchor(2, Grant::everything())])));
        disk.medium()
    };
    let mut seen = Vec::new();
    // Changes: the boot's entry, then the list.
    for stops in (0..3).flat_map(|changes| [Stops::Before(changes), Stops::Behind(changes)]) {
        let disk = FakeDisk::new(before.clone(), stops);
        let mut manager = boot(&disk);
        update(&mut manager, 1, &signed(&list(2, vec![anchor(3, Grant::everything())])));
        let mut manager = boot(&FakeDisk::new(disk.medium(), Stops::Never));
        let part = Host::connect(&mut manager, 1, 1).command(&mut manager, &Command::Keys { offset: 0 });
        let DeviceMessage::Keys(part) = part else { panic!("{part:?}") };
        assert!(!part.from_image);
        let known = |seed: u8| manager.anchors.key(&key(seed).key_id()).is_some();
        assert_eq!((known(2), known(3)), (part.version == 1, part.version == 2), "old or new");
        seen.push(part.version);
        assert_eq!(refused(&update(&mut manager, 1, &signed(&list(1, vec![])))).0, Refusal::KeyListOlder);
        // What the log says and what counts are the same.
        let changes = whats(&log_of(&mut manager)).into_iter().filter(|what| *what == What::Keys).count();
        assert_eq!(changes as u64, part.version);
    }
    assert_eq!(seen, [1, 1, 1, 2, 2, 2]);
}

#[test]
fn a_kept_list_that_makes_no_sense_lowers_nothing() {
    let disk = disk();
    let mut manager = boot(&disk);
    let two = || vec![anchor(2, Grant::everything())];
    update(&mut manager, 1, &signed(&list(4, two())));
    update(&mut manager, 1, &signed(&list(5, vec![])));
    push(&mut manager, 1, &package("app", 1));
    let good = disk.medium();
    for cut in [0, 1, 40, good.records[&KEY_LISTS].len() - 1] {
        let mut medium = good.clone();
        medium.records.get_mut(&KEY_LISTS).unwrap().truncate(cut);
        let disk = FakeDisk::new(medium.clone(), Stops::Never);
        let mut manager = boot(&disk);
        assert!(Host::connect(&mut manager, 1, 1).apps(&mut manager).is_empty());
        for list in [list(4, two()), list(9, vec![])] {
            assert_eq!(refused(&update(&mut manager, 1, &signed(&list))).0, Refusal::Storage);
        }
        assert_eq!(refused(&push(&mut manager, 1, &package("app", 2))).0, Refusal::Storage);
        assert_eq!(disk.medium(), medium, "left alone");
    }
    // One that somebody else made and put there counts for nothing either.
    let mut medium = good;
    let foreign = add_signature(&unsigned(&list(9, two())), &key(2)).unwrap();
    let mut record = vec![0x81, 0x59];
    record.extend((foreign.len() as u16).to_be_bytes());
    record.extend(foreign);
    medium.records.insert(KEY_LISTS, record);
    let mut manager = boot(&FakeDisk::new(medium, Stops::Never));
    assert_eq!(refused(&push(&mut manager, 2, &package_by(2, "app", 2))).0, Refusal::UnknownKey);
}

#[test]
fn every_role_does_what_it_says() {
    let role = |seed: u8, commands: &[Role]| {
        anchor(seed, Grant { commands: commands.to_vec(), ..Grant::everything() })
    };
    let supplier = Grant { commands: vec![], components: vec!["sup-*".into()], ..Grant::everything() };
    let fitter = Grant { components: vec!["sup-a".into()], ..Grant::everything() };
    let disk = disk();
    let mut manager = boot(&disk);
    let anchors = vec![
        role(2, &[Role::Read]),
        role(3, &[Role::Control]),
        role(4, &[Role::Install]),
        anchor(5, supplier),
        anchor(6, fitter),
        anchor(7, Grant { sign_packages: false, ..Grant::everything() }),
    ];
    assert_eq!(update(&mut manager, 1, &signed(&list(1, anchors))), DeviceMessage::Done);
    assert!(is_installed(&push(&mut manager, 4, &package_by(5, "sup-a", 1))));
    assert!(is_installed(&push(&mut manager, 4, &package_by(5, "sup-b", 1))));

    let (stop, start) = (Command::Stop { name: "sup-a" }, Command::Start { name: "sup-a" });
    let all = [
        (Command::Status, Role::Read),
        (Command::List, Role::Read),
        (Command::Logs { name: "sup-a", since: 0 }, Role::Read),
        (Command::Stats { name: "sup-a" }, Role::Read),
        (Command::Keys { offset: 0 }, Role::Read),
        (Command::Audit { after: 0 }, Role::Read),
        (stop, Role::Control),
        (start, Role::Control),
        (Command::Install { package_bytes: 9, package_sha256: [0; 32], start: true }, Role::Install),
        (Command::Remove { name: "sup-b" }, Role::Install),
    ];
    for (seed, has) in [(2, Some(Role::Read)), (3, Some(Role::Control)), (4, Some(Role::Install)), (5, None)]
    {
        for (command, needs) in &all {
            let reply = Host::connect(&mut manager, 60, seed).command(&mut manager, command);
            let allowed = has == Some(*needs);
            assert_eq!(
                matches!(&reply, DeviceMessage::Refused { .. }),
                !allowed,
                "{seed} {command:?}: {reply:?}"
            );
            if !allowed {
                assert_eq!(refused(&reply).0, Refusal::NotAuthorised);
            }
        }
    }
    // Components: a supplier signs its own only, and a fitter has to do with its own only.
    let foreign = push(&mut manager, 4, &package_by(5, "brake", 1));
    assert_eq!(refused(&foreign).0, Refusal::PermissionNotGranted);
    assert_eq!(refused(&push(&mut manager, 4, &package_by(7, "brake", 1))).0, Refusal::NotAuthorised);
    assert!(is_installed(&push(&mut manager, 6, &package_by(5, "sup-a", 2))));
    let (code, text) = refused(&push(&mut manager, 6, &package_by(5, "sup-b", 2)));
    assert_eq!(code, Refusal::NotAuthorised);
    assert!(text.contains("sup-b"), "{text}");
    assert!(is_installed(&push(&mut manager, 4, &package_by(5, "sup-b", 2))));
    let mut host = Host::connect(&mut manager, 61, 6);
    for command in [
        Command::Stop { name: "sup-b" },
        Command::Start { name: "sup-b" },
        Command::Remove { name: "sup-b" },
        Command::Remove { name: "\x1b[2J" },
    ] {
        let (code, text) = refused(&host.command(&mut manager, &command));
        assert_eq!(code, Refusal::NotAuthorised);
        assert!(!text.contains('\x1b'));
    }
    assert_eq!(host.command(&mut manager, &Command::Remove { name: "sup-a" }), DeviceMessage::Done);
}

#[test]
fn what_happened_is_in_the_log() {
    let disk = disk();
    let mut manager = boot(&disk);
    push(&mut manager, 1, &package("app", 3));
    push(&mut manager, 1, &package("app", 4));
    push(&mut manager, 1, &package("app", 2));
    push(&mut manager, 1, &package("trapper", 1));
    let mut host = Host::connect(&mut manager, 1, 1);
    host.command(&mut manager, &Command::Stop { name: "app" });
    host.command(&mut manager, &Command::Start { name: "app" });
    host.command(&mut manager, &Command::Remove { name: "app" });
    Host::connect(&mut manager, 1, 9).command(&mut manager, &Command::List);
    update(&mut manager, 1, &signed(&list(1, vec![])));
    let before = log_of(&mut manager);
    use What::*;
    let expected = [Boot, Install, Replace, Refuse, Install, Fail, Stop, Start, Remove, Refuse, Keys];
    assert_eq!(whats(&before), expected);
    let event = |at: usize| &before.entries[at].event;
    let (me, digest) = (Some(key(1).key_id().0), |sequence| Some(sha256(&package("app", sequence))));
    assert_eq!(
        (event(1).by, event(1).signer, event(1).digest, event(1).number),
        (me, me, digest(3), Some(3))
    );
    assert_eq!(event(2).digest, digest(4));
    assert_eq!((event(3).by, event(3).number), (me, Some(Refusal::Ratchet.code().into())));
    assert_eq!(event(5).component.as_deref(), Some("trapper"));
    assert_eq!(event(9).by, None, "nobody who is trusted");
    // The next boot goes on with the same chain.
    let mut manager = boot(&disk);
    let after = log_of(&mut manager);
    assert_eq!(after.entries[..before.entries.len()], before.entries[..]);
    assert_eq!(
        after.entries.last().map(|entry| (entry.boot, entry.event.what)),
        Some((2, Boot)),
        "trapper stays out"
    );
    // One that cannot be read is said to be lost.
    disk.0.borrow_mut().0.records.get_mut(&EVENT_LOG).unwrap()[60] ^= 1;
    assert_eq!(whats(&log_of(&mut boot(&disk)))[..2], [LogLost, Boot]);
}

#[test]
fn strangers_cannot_wash_the_log_away() {
    let disk = disk();
    let mut manager = boot(&disk);
    push(&mut manager, 1, &package("app", 1));
    for attempt in 0..300u32 {
        let mut host = Host::connect(&mut manager, attempt, 9);
        host.command(&mut manager, &Command::Stop { name: &format!("x{attempt}") });
    }
    let log = log_of(&mut manager);
    assert_eq!(log.first, Place::BEGINNING);
    assert!(log.entries.len() < 20, "{}", log.entries.len());
    assert_eq!(log.entries.last().unwrap().event.count, Some(256));
}

#[test]
fn without_a_disk_keys_and_log_last_until_the_next_boot() {
    let mut manager = manager();
    manager.restore();
    assert_eq!(
        update(&mut manager, 1, &signed(&list(1, vec![anchor(2, Grant::everything())]))),
        DeviceMessage::Done
    );
    assert!(is_installed(&push(&mut manager, 2, &package_by(2, "app", 1))));
    assert_eq!(whats(&log_of(&mut manager)), [What::Boot, What::Keys, What::Install]);
    assert_eq!(refused(&update(&mut manager, 1, &signed(&list(1, vec![])))).0, Refusal::KeyListOlder);
    let unreadable = "x".repeat(100);
    assert_eq!(refused(&update(&mut manager, 1, unreadable.as_bytes())).0, Refusal::MalformedKeyList);
    assert!(
        refused(&update(&mut manager, 9, &signed(&list(2, vec![])))).1.to_string().contains("unknown key")
    );
}
