// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A verifier that somebody has taken over: whatever it says, nothing counts that a trusted key has not signed.

use alloc::boxed::Box;
use alloc::vec::Vec;

use cofferdam_management_protocol::*;
use cofferdam_package::{create, sha256};
use cofferdam_policy::Grant;
use cofferdam_policy::list::{add_signature, unsigned};
use cofferdam_verifier_protocol::{
    Answer, Complaint, Found, Kind, decode, encode, read_request, write_verdict,
};
use proptest::prelude::*;

use super::world::*;
use crate::*;

/// From now on the verifier answers `answer` to requests of this kind, with the right number and digest.
fn says(manager: &mut Manager<System>, kind: Kind, answer: impl Fn(&[u8]) -> Answer + 'static) {
    manager.platform.hostile = Some(Box::new(move |regions: VerifierRegions| {
        let mut staging = alloc::vec![0; regions.staging.size_bytes()];
        regions.staging.copy_out(0, &mut staging).unwrap();
        let request = read_request(&staging).unwrap();
        let answer = if request.kind == kind {
            answer(request.bytes)
        } else {
            cofferdam_verifier::examine(request.kind, request.bytes)
        };
        write_verdict(regions.verdict, &request, sha256(request.bytes), &answer).unwrap();
        Ok(())
    }));
}

fn honest(kind: Kind, bytes: &[u8]) -> Answer {
    cofferdam_verifier::examine(kind, bytes)
}

/// Pushes `package`, which must be refused, and nothing may have happened.
fn push_refused(manager: &mut Manager<System>, host: &mut Host, package: &[u8]) -> Refusal {
    let refusal = refused(&host.push(manager, package)).0;
    manager.platform.hostile = None;
    assert!(host.apps(manager).is_empty());
    assert_eq!(manager.platform.restarts, 0, "no slot was touched");
    refusal
}

#[test]
fn a_verifier_that_crashes_or_hangs_refuses_one_upload() {
    for end in [Unanswered::Faulted("asked to".into()), Unanswered::Late] {
        let mut manager = manager();
        let mut host = Host::connect(&mut manager, 1, 1);
        let good = package("runner", 1);
        assert!(matches!(host.announce(&mut manager, &good, true), DeviceMessage::Ready { .. }));
        let (end_of_it, frame) = (end.clone(), HostMessage::Chunk { offset: 0, bytes: &good });
        manager.platform.hostile = Some(Box::new(move |_| Err(end_of_it.clone())));
        let replies = host.send(&mut manager, &encode_host(&frame).unwrap());
        let (refusal, text) = refused(&replies[0]);
        assert_eq!(refusal, Refusal::Verifier);
        assert!(text.contains(if end == Unanswered::Late { "in time" } else { "asked to" }), "{text}");
        manager.platform.hostile = None;
        assert!(host.apps(&mut manager).is_empty());
        assert!(matches!(host.push(&mut manager, &good), DeviceMessage::Installed(_)), "the next is served");
    }
}

#[test]
fn each_lie_about_a_package_is_noticed() {
    type Lie = fn(&mut cofferdam_verifier_protocol::PackageFound);
    let lies: &[Lie] = &[
        |found| found.claim.signed.key = key(2).key_id(),
        |found| found.claim.signed.protected_bytes += 1,
        |found| found.claim.signed.payload_bytes -= 1,
        |found| found.claim.signed_bytes = u32::MAX,
        |found| found.claim.module_bytes -= 1,
        |found| found.manifest.as_mut().unwrap().common.name = "other".into(),
        |found| found.manifest.as_mut().unwrap().sequence = 9,
        |found| found.manifest.as_mut().unwrap().common.digest.bytes = [0; 32],
        |found| found.manifest.as_mut().unwrap().app.memory_pages = 40,
        |found| found.manifest.as_mut().unwrap().permissions.sensors.push("imu".into()),
        |found| found.manifest = Err(Complaint::new(Refusal::Storage, "full")),
        |found| found.module = Err(Complaint::new(Refusal::UnknownKey, "me")),
    ];
    for (number, lie) in lies.iter().enumerate() {
        let mut manager = manager();
        let mut host = Host::connect(&mut manager, 1, 1);
        says(&mut manager, Kind::Package, move |bytes| {
            let Ok(Found::Package(mut found)) = honest(Kind::Package, bytes) else { panic!("no package") };
            lie(&mut found);
            Ok(Found::Package(found))
        });
        let refusal = push_refused(&mut manager, &mut host, &package("runner", 1));
        let expected = if number == 0 { Refusal::UnknownKey } else { Refusal::Verifier };
        assert_eq!(refusal, expected, "lie {number}");
    }
}

#[test]
fn answers_of_another_kind_are_nonsense() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    says(&mut manager, Kind::Package, |_| Ok(Found::KeyLists(Vec::new())));
    assert_eq!(push_refused(&mut manager, &mut host, &package("runner", 1)), Refusal::Verifier);
    says(&mut manager, Kind::Command, |_| Ok(Found::KeyLists(Vec::new())));
    assert_eq!(refused(&host.command(&mut manager, &Command::List)).0, Refusal::Verifier);
}

/// It may say that a module is fit which is not. The slot looks again; who signed it is as certain as ever.
#[test]
fn fitness_is_all_that_it_decides() {
    let mut manager = manager();
    let mut host = Host::connect(&mut manager, 1, 1);
    says(&mut manager, Kind::Package, |bytes| {
        let Ok(Found::Package(mut found)) = honest(Kind::Package, bytes) else { panic!("no package") };
        assert!(found.module.is_err());
        found.module = Ok(());
        Ok(Found::Package(found))
    });
    let unfit = create(manifest("runner", 1), b"\0asm but no module", &key(1)).unwrap();
    assert!(matches!(host.push(&mut manager, &unfit), DeviceMessage::Installed(_)));
    let foreign = create(manifest("foreign", 1), b"\0asm but no module", &key(2)).unwrap();
    assert_eq!(refused(&host.push(&mut manager, &foreign)).0, Refusal::UnknownKey);
}

#[test]
fn a_lie_about_kept_keys_lets_nothing_be_installed() {
    let disk = FakeDisk::new(Medium::default(), Stops::Never);
    let mut first = boot(&disk);
    let mut host = Host::connect(&mut first, 1, 1);
    let mut list = first.keys.list().clone();
    list.version = 1;
    let signed = add_signature(&unsigned(&list), &key(1)).unwrap();
    let update = Command::UpdateKeys { list_bytes: signed.len() as u32, list_sha256: sha256(&signed) };
    host.command(&mut first, &update);
    let frame = encode_host(&HostMessage::Chunk { offset: 0, bytes: &signed }).unwrap();
    assert_eq!(host.send(&mut first, &frame), [DeviceMessage::Done]);
    drop(first);

    let mut again = manager_on(Some(disk.clone()), alloc::vec![anchor(1, Grant::everything())], Some(NONCE));
    says(&mut again, Kind::KeptLists, |_| Ok(Found::KeyLists(Vec::new())));
    again.restore();
    again.platform.hostile = None;
    let mut host = Host::connect(&mut again, 1, 1);
    assert_eq!(refused(&host.push(&mut again, &package("runner", 1))).0, Refusal::Storage);
    assert!(boot(&disk).kept.unreadable().is_none(), "the disk is as it was");
}

/// Claims of one thing, with bytes changed: as far as a liar can come who knows all that is signed.
fn bent(answer: &Answer, edits: &[(prop::sample::Index, u8)]) -> Option<Answer> {
    let mut body = encode(answer);
    for (at, change) in edits {
        let at = at.index(body.len());
        body[at] ^= change;
    }
    decode(&body)
}

proptest! {
    /// A package with a changed byte, and any claim about it that begins with the truth about the real one.
    #[test]
    fn a_lying_verifier_installs_nothing_unsigned(
        at in any::<prop::sample::Index>(),
        change in 1u8..,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let good = package("runner", 1);
        let mut forged = good.clone();
        forged[at.index(good.len())] ^= change;
        let truth = honest(Kind::Package, &good);
        let Some(claim) = bent(&truth, &edits) else { return Ok(()) };
        let mut manager = manager();
        let mut host = Host::connect(&mut manager, 1, 1);
        says(&mut manager, Kind::Package, move |_| claim.clone());
        push_refused(&mut manager, &mut host, &forged);
    }

    /// The same of a package that is signed: it is installed as it was signed, or not at all.
    #[test]
    fn a_lying_verifier_changes_nothing_signed(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let good = package("runner", 1);
        let Some(claim) = bent(&honest(Kind::Package, &good), &edits) else { return Ok(()) };
        let mut manager = manager();
        let mut host = Host::connect(&mut manager, 1, 1);
        says(&mut manager, Kind::Package, move |_| claim.clone());
        let installed = matches!(host.push(&mut manager, &good), DeviceMessage::Installed(_));
        let app = manager.apps().next().map(|(_, app)| app.manifest.encode());
        let signed = cofferdam_package::open_unverified(&good).unwrap().manifest.encode();
        prop_assert_eq!(app, installed.then_some(signed));
    }

    /// A command that was signed for another time, or changed, whatever is claimed about it.
    #[test]
    fn a_lying_verifier_commands_nothing(
        at in any::<prop::sample::Index>(),
        change in any::<u8>(),
        sequence in 1u64..3,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut manager = manager();
        let mut host = Host::connect(&mut manager, 1, 1);
        host.push(&mut manager, &package("runner", 1));
        // An old command, which stopped nothing then; now somebody repeats it, changed or not.
        host.sequence -= sequence;
        let frame = host.signed(&Command::Stop { name: "runner" });
        let Ok(Some(inner)) = FrameDecoder::new().next(&mut frame.as_slice()).map(|f| f.map(<[u8]>::to_vec)) else { panic!() };
        let Ok(HostMessage::Command(signed)) = HostMessage::decode(&inner) else { panic!() };
        let mut forged = signed.to_vec();
        forged[at.index(signed.len())] ^= change;
        let mut truth = honest(Kind::Command, signed);
        if let Ok(Found::Command(claim)) = &mut truth {
            claim.sequence = manager.next_sequence;
        }
        let Some(claim) = bent(&truth, &edits) else { return Ok(()) };
        says(&mut manager, Kind::Command, move |_| claim.clone());
        let replies = host.send(&mut manager, &encode_host(&HostMessage::Command(&forged)).unwrap());
        refused(&replies[0]);
        prop_assert_eq!(manager.apps().next().unwrap().1.state, AppState::Running);
    }
}
