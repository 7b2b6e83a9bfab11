// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Who may command.

use alloc::vec;

use cofferdam_management_protocol::*;
use cofferdam_policy::Grant;

use super::world::*;

#[test]
fn a_command_counts_once() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    host.push(&mut manager, &package("runner", 1));
    let stop = host.signed(&Command::Stop { name: "runner" });
    host.sequence += 1;
    assert_eq!(host.send(&mut manager, &stop), [DeviceMessage::Done]);
    assert_eq!(host.command(&mut manager, &Command::Start { name: "runner" }), DeviceMessage::Done);
    // Somebody who has recorded it plays it again, on the same connection and on a new one.
    assert_eq!(refused(&host.send(&mut manager, &stop)[0]).0, Refusal::WrongSequence);
    let mut host = Host::connect(&mut manager, 2, 1);
    assert_eq!(refused(&host.send(&mut manager, &stop)[0]).0, Refusal::WrongSequence);
    assert_eq!(host.apps(&mut manager)[0].state, AppState::Running);
    // Nor does one from the future count.
    host.sequence += 1;
    let ahead = host.signed(&Command::List);
    assert_eq!(refused(&host.send(&mut manager, &ahead)[0]).0, Refusal::WrongSequence);
}

#[test]
fn a_command_counts_for_one_device_and_one_boot() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    host.device_id = "another".into();
    let frame = host.signed(&Command::List);
    assert_eq!(refused(&host.send(&mut manager, &frame)[0]).0, Refusal::OtherDevice);
    host.device_id = DEVICE.into();
    host.nonce[15] ^= 1;
    let frame = host.signed(&Command::List);
    assert_eq!(refused(&host.send(&mut manager, &frame)[0]).0, Refusal::OtherBoot);
    // None of these used up the sequence number.
    host.nonce = NONCE;
    assert!(host.apps(&mut manager).is_empty());
}

#[test]
fn keys_have_roles() {
    let anchors = vec![anchor(1, Grant::everything()), anchor(2, read_only())];
    let mut manager = manager_with(anchors, Some(NONCE));
    let mut unknown = Host::connect(&mut manager, 1, 3);
    let frame = unknown.signed(&Command::List);
    let (code, text) = refused(&unknown.send(&mut manager, &frame)[0]);
    assert_eq!((code, text.contains(&alloc::format!("{}", key(3).key_id()))), (Refusal::UnknownKey, true));
    unknown.key = key(1);
    assert!(unknown.apps(&mut manager).is_empty());

    let mut reader = Host::connect(&mut manager, 2, 2);
    assert!(reader.apps(&mut manager).is_empty());
    let refusal = reader.push(&mut manager, &package("runner", 1));
    assert_eq!(refused(&refusal).0, Refusal::NotAuthorised);
    let refusal = reader.command(&mut manager, &Command::Stop { name: "runner" });
    assert_eq!(refused(&refusal).0, Refusal::NotAuthorised);
}

#[test]
fn a_package_cannot_stand_for_a_command() {
    let mut manager = manager();
    let host = Host::connect(&mut manager, 1, 1);
    let package = package("runner", 1);
    // The signed manifest is the container's first item: two bytes of head, then it.
    let signed = cofferdam_package::sign::sign(
        cofferdam_package::sign::Purpose::Package,
        manifest("runner", 1).encode(),
        &key(1),
    );
    for bytes in [&package[..], &signed[..]] {
        let frame = encode_host(&HostMessage::Command(bytes)).unwrap();
        assert_eq!(refused(&host.send(&mut manager, &frame)[0]).0, Refusal::MalformedCommand);
    }
}

#[test]
fn without_entropy_nobody_is_served() {
    let mut manager = manager_with(vec![anchor(1, Grant::everything())], None);
    manager.address([10, 0, 2, 15]);
    manager.opened(1);
    assert!(replies(&mut manager).is_empty());
    assert!(manager.output().take_close());
}

#[test]
fn without_anchors_every_key_is_unknown() {
    let mut manager = manager_with(vec![], Some(NONCE));
    let host = Host::connect(&mut manager, 1, 1);
    let frame = host.signed(&Command::Status);
    assert_eq!(refused(&host.send(&mut manager, &frame)[0]).0, Refusal::UnknownKey);
}

#[test]
fn guessing_ends_the_connection() {
    let mut manager = manager();
    let host = Host::connect(&mut manager, 1, 9);
    let frame = host.signed(&Command::List);
    for _ in 0..7 {
        assert_eq!(host.send(&mut manager, &frame).len(), 1);
        assert!(!manager.output().take_close());
    }
    assert_eq!(host.send(&mut manager, &frame).len(), 1);
    assert!(manager.output().take_close());
    assert!(host.send(&mut manager, &frame).is_empty());
}
