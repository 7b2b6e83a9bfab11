// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Bad uploads, lost connections, nonsense, and a slot and a network that lie.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use cofferdam_management_protocol::*;
use cofferdam_package::{PACKAGE_BYTES_MAX, sha256};
use cofferdam_slot_protocol::{AppState as SlotState, Status, StatusWriter, StopReason};
use proptest::prelude::*;

use super::world::*;
use crate::Manager;

fn chunk(offset: u32, bytes: &[u8]) -> Vec<u8> {
    encode_host(&HostMessage::Chunk { offset, bytes }).unwrap()
}

/// Announces a package of 5000 bytes and returns the refusal of these chunks, of which the last is refused.
fn refusal_of(chunks: &[(u32, usize)]) -> Refusal {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let package = vec![7; 5000];
    assert!(matches!(host.announce(&mut manager, &package, true), DeviceMessage::Ready { .. }));
    let mut last = None;
    for &(offset, length) in chunks {
        last = host.send(&mut manager, &chunk(offset, &vec![7; length])).pop();
    }
    // Chunks still on their way get no answer; the next command works.
    assert!(host.send(&mut manager, &chunk(0, b"late")).is_empty());
    assert!(host.apps(&mut manager).is_empty());
    refused(&last.unwrap()).0
}

#[test]
fn chunks_come_in_order_and_fit() {
    assert_eq!(refusal_of(&[(1, 10)]), Refusal::ChunkOutOfOrder);
    assert_eq!(refusal_of(&[(0, 10), (11, 10)]), Refusal::ChunkOutOfOrder);
    assert_eq!(refusal_of(&[(0, 10), (9, 10)]), Refusal::ChunkOutOfOrder, "overlapping");
    assert_eq!(refusal_of(&[(0, 10), (0, 10)]), Refusal::ChunkOutOfOrder, "again");
    assert_eq!(refusal_of(&[(u32::MAX, 10)]), Refusal::ChunkOutOfOrder);
    assert_eq!(refusal_of(&[(0, CHUNK_BYTES_MAX + 1)]), Refusal::ChunkLength);
    assert_eq!(refusal_of(&[(0, 0)]), Refusal::ChunkLength);
    assert_eq!(refusal_of(&[(0, 3000), (3000, 2001)]), Refusal::ChunkLength, "beyond the announced length");
}

#[test]
fn sizes_are_bounded_before_anything_is_sent() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let install = |package_bytes| Command::Install { package_bytes, package_sha256: [0; 32], start: true };
    for bytes in [PACKAGE_BYTES_MAX as u32 + 1, u32::MAX] {
        assert_eq!(refused(&host.command(&mut manager, &install(bytes))).0, Refusal::TooLarge);
    }
    assert_eq!(refused(&host.command(&mut manager, &install(0))).0, Refusal::Truncated);
    // A chunk without an install.
    assert_eq!(refused(&host.send(&mut manager, &chunk(0, b"x"))[0]).0, Refusal::OutOfTurn);
}

#[test]
fn bad_packages_are_refused_with_their_reason() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let good = package("runner", 1);
    let mut push = |package: &[u8]| refused(&host.push(&mut manager, package)).0;
    assert_eq!(push(&good[..good.len() - 1]), Refusal::Truncated);
    assert_eq!(push(&[&good[..], b"x"].concat()), Refusal::MalformedPackage);
    assert_eq!(push(b"hello"), Refusal::MalformedPackage);
    let mut manifest_changed = good.clone();
    let at = good.windows(6).position(|w| w == b"runner").unwrap();
    manifest_changed[at] = b'g';
    assert_eq!(push(&manifest_changed), Refusal::BadSignature);
    let mut module_changed = good.clone();
    *module_changed.last_mut().unwrap() ^= 1;
    assert_eq!(push(&module_changed), Refusal::DigestMismatch);
    let foreign = cofferdam_package::create(manifest("runner", 1), &module(1), &key(2)).unwrap();
    assert_eq!(push(&foreign), Refusal::UnknownKey);
    assert_eq!(manager.platform.restarts, 0, "nothing was disturbed");
}

#[test]
fn an_upload_that_is_not_the_announced_one_is_refused() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let (good, other) = (package("runner", 1), package("runner", 2));
    assert_eq!(good.len(), other.len());
    let (package_bytes, package_sha256) = (good.len() as u32, sha256(&good));
    host.command(&mut manager, &Command::Install { package_bytes, package_sha256, start: true });
    assert_eq!(refused(&host.send(&mut manager, &chunk(0, &other))[0]).0, Refusal::UploadDigest);
}

#[test]
fn a_lost_connection_drops_the_upload() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let package = package("runner", 1);
    host.announce(&mut manager, &package, true);
    host.send(&mut manager, &chunk(0, &package[..100]));
    manager.closed(1);
    assert!(host.send(&mut manager, &chunk(100, &package[100..])).is_empty());
    let mut host = Host::connect(&mut manager, 2, 1);
    assert!(host.apps(&mut manager).is_empty());
    assert_eq!(refused(&host.send(&mut manager, &chunk(100, &package[100..]))[0]).0, Refusal::OutOfTurn);
    assert!(matches!(host.push(&mut manager, &package), DeviceMessage::Installed(_)));
    // A late word about the old connection does not touch the new one.
    manager.closed(1);
    assert_eq!(host.apps(&mut manager).len(), 1);
}

#[test]
fn a_command_in_the_middle_of_an_upload_ends_it() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let package = package("runner", 1);
    host.announce(&mut manager, &package, true);
    let frame = host.signed(&Command::List);
    assert_eq!(refused(&host.send(&mut manager, &frame)[0]).0, Refusal::OutOfTurn);
    assert!(matches!(host.send(&mut manager, &frame)[..], [DeviceMessage::Apps(_)]));
}

#[test]
fn silence_ends_the_connection() {
    let mut manager = manager();
    manager.tick();
    assert_eq!(manager.deadline_us(), None);
    let mut host = Host::connect(&mut manager, 1, 1);
    let package = package("runner", 1);
    host.announce(&mut manager, &package, true);
    let deadline = manager.deadline_us().unwrap();
    manager.platform.now_us = deadline - 1;
    manager.tick();
    host.send(&mut manager, &chunk(0, &package[..10]));
    assert!(manager.deadline_us().unwrap() > deadline, "a chunk gives more time");
    manager.platform.now_us = manager.deadline_us().unwrap();
    manager.tick();
    assert!(manager.output().take_close());
    assert!(host.send(&mut manager, &chunk(10, &package[10..])).is_empty());
}

#[test]
fn a_host_that_does_not_read_is_cut_off_and_holds_no_memory() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    let package = vec![7; 100_000];
    host.announce(&mut manager, &package, true);
    for offset in 0..100_000 {
        manager.data(1, &chunk(offset, &[7]));
        assert!(manager.output().waiting().len() <= 0x2_0000);
    }
    assert!(!manager.output().is_idle());
}

#[test]
fn a_slot_that_lies_moves_only_its_own_app() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    host.push(&mut manager, &package("runner", 1));
    host.push(&mut manager, &package("other", 1));
    let generation = manager.platform.orders[0].as_ref().unwrap().generation;
    let region = manager.platform.regions[0].status;
    let mut writer = StatusWriter::new(region).unwrap();
    // About orders that never were.
    let lie = Status { state: SlotState::Exited, ..Status::idle(generation + 1) };
    writer.publish(&lie).unwrap();
    manager.slot_changed(0);
    assert_eq!(host.apps(&mut manager)[0].state, AppState::Running);
    // Nonsense of every kind.
    for at in (0..336).step_by(8) {
        region.store_u64_release(at, u64::MAX).unwrap();
        manager.slot_changed(0);
    }
    assert_eq!(host.apps(&mut manager)[0].state, AppState::Running);
    region.clear(0, 336).unwrap();
    let mut writer = StatusWriter::new(region).unwrap();
    let reason = Some(StopReason::FuelExhausted);
    writer.publish(&Status { state: SlotState::Stopped, reason, ..Status::idle(generation) }).unwrap();
    manager.slot_changed(0);
    let apps = host.apps(&mut manager);
    assert_eq!((apps[0].reason.as_str(), apps[1].state), ("fuel exhausted", AppState::Running));
    manager.slot_changed(99);
    manager.slot_faulted(99, &"no such slot");
}

#[test]
fn many_installs_leave_nothing_behind() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    for round in 0..500u64 {
        let name = format!("app-{}", round % 7);
        assert!(matches!(host.push(&mut manager, &package(&name, round)), DeviceMessage::Installed(_)));
        assert_eq!(host.command(&mut manager, &Command::Remove { name: &name }), DeviceMessage::Done);
    }
    assert!(host.apps(&mut manager).is_empty());
    assert_eq!(manager.upload.take().capacity(), PACKAGE_BYTES_MAX, "the buffer is the first one");
}

fn fed(bytes: &[u8], pieces: usize) -> Manager<System> {
    let mut manager = manager();
    manager.opened(1);
    for piece in bytes.chunks(pieces.max(1)) {
        manager.data(1, piece);
        let waiting = manager.output().waiting().len();
        manager.output().sent(waiting);
    }
    manager
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_change_nothing(bytes in prop::collection::vec(any::<u8>(), 0..2000), pieces in 1usize..500) {
        let manager = fed(&bytes, pieces);
        prop_assert_eq!(manager.platform.restarts, 0);
        prop_assert_eq!(manager.next_sequence, 1);
    }

    #[test]
    fn a_changed_conversation_installs_the_package_or_nothing(at in any::<prop::sample::Index>(), bit in 0u8..8, pieces in 1usize..500) {
        // A recorded install of the right host, with one bit changed on the way.
        let mut recorder = manager();
        let mut host = Host::connect(&mut recorder, 1, 1);
        let package = package("runner", 1);
        let install = Command::Install { package_bytes: package.len() as u32, package_sha256: sha256(&package), start: true };
        let mut stream = host.signed(&install);
        host.sequence += 1;
        stream.extend(chunk(0, &package));
        let at = at.index(stream.len());
        stream[at] ^= 1 << bit;
        prop_assert_eq!(fed(&stream, pieces).platform.restarts, 0);
        stream[at] ^= 1 << bit;
        prop_assert_eq!(fed(&stream, pieces).platform.restarts, 1);
    }
}
