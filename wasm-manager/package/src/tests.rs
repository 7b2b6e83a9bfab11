// SPDX-License-Identifier: Apache-2.0 OR MIT
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use proptest::prelude::*;

use crate::container::PackageError;
use crate::manifest::*;
use crate::sign::{Purpose, sign};
use crate::*;

const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn only(seed: u8) -> impl Fn(&KeyId) -> Option<VerifyingKey> {
    let known = VerifyingKey::from_bytes(&key(seed).public()).unwrap();
    move |id| (*id == known.key_id()).then(|| known.clone())
}

fn manifest() -> Manifest {
    let vendor = vendor_id("example.com");
    Manifest {
        manifest_version: MANIFEST_VERSION,
        sequence: 7,
        common: Common {
            name: "hello".into(),
            vendor_id: vendor,
            class_id: class_id(&vendor, "qemu-virt"),
            digest: Digest { algorithm: ALGORITHM_SHA256, bytes: sha256(MODULE) },
            size_bytes: MODULE.len() as u32,
        },
        app: App {
            version: "0.1.0".into(),
            deadline_us: 5_000,
            init_fuel: 1_000_000,
            memory_pages: 4,
            value_stack_bytes: 65_536,
            call_depth: 100,
            host_calls_per_activation: 64,
            log_bytes_per_second: 1024,
            random_seed: 1,
            ..testing::app()
        },
        permissions: Permissions {
            sensors: vec!["imu".into()],
            actuators: vec![ActuatorPermission { name: "brake".into(), min: 0.0, max: 0.5, rate_hz: None }],
            publish: None,
            receive: None,
        },
    }
}

fn package() -> Vec<u8> {
    create(manifest(), MODULE, &key(1)).unwrap()
}

#[test]
fn what_was_made_is_accepted() {
    let package = package();
    let verified = verify(&package, only(1)).unwrap();
    assert_eq!(verified.manifest, manifest());
    assert_eq!(verified.module, MODULE);
    assert_eq!(verified.signer, key(1).key_id());
}

#[test]
fn the_manifest_has_these_bytes() {
    let mut manifest = manifest();
    manifest.common.vendor_id = [0x11; 16];
    manifest.common.class_id = [0x22; 16];
    manifest.common.digest.bytes = [0x33; 32];
    let expected = [
        "a5 0101 0207",
        "03a5 006568656c6c6f 015011111111111111111111111111111111 025022222222222222222222222222222222",
        "03822f58203333333333333333333333333333333333333333333333333333333333333333 0e08",
        "1820af 0065302e312e30 0200 03192710 04191388 051a000186a0 061a000f4240 0704 081a00010000 091864",
        "0a1840 0b190400 0c01 0d00 0e00 0f00",
        "1821a2 008163696d75 0181a3 00656272616b65 01fb0000000000000000 02fb3fe0000000000000",
    ];
    assert_eq!(hex::encode(manifest.encode()), expected.concat().replace(' ', ""));
}

#[test]
fn arguments_and_environment_have_these_bytes() {
    let mut with = manifest();
    with.app.arguments = Some(vec!["10000".into(), "two words".into()]);
    with.app.environment = Some(vec![Variable { name: "A".into(), value: "1".into() }]);
    let (without, encoded) = (hex::encode(manifest().encode()), hex::encode(with.encode()));
    // The app's map has two entries more; they come behind its last key, before key 33 of the manifest.
    let new = "1082 653130303030 6974776f20776f726473 1181 82 6141 6131 1821".replace(' ', "");
    let expected = without.replacen("1820af", "1820b1", 1).replacen("0f001821", &format!("0f00{new}"), 1);
    assert_eq!(encoded, expected);
    assert_eq!(Manifest::decode(&with.encode()), Ok(with));
}

#[test]
fn rates_and_topics_have_these_bytes() {
    let mut with = manifest();
    with.permissions.sensors[0].rate_hz = Some(250);
    with.permissions.actuators[0].rate_hz = Some(100);
    with.permissions.publish = Some(vec![Resource { name: "pose".into(), rate_hz: Some(50) }]);
    with.permissions.receive = Some(vec!["goal".into()]);
    let (without, encoded) = (hex::encode(manifest().encode()), hex::encode(with.encode()));
    let (unchanged, _) = without.split_at(without.find("1821a2").unwrap());
    let permissions = [
        "1821a4 0081 a2 0063696d75 0118fa 0181a4 00656272616b65 01fb0000000000000000 02fb3fe0000000000000 031864",
        "0281 a2 0064706f7365 011832 0381 64676f616c",
    ];
    assert_eq!(encoded, unchanged.to_string() + &permissions.concat().replace(' ', ""));
    assert_eq!(Manifest::decode(&with.encode()), Ok(with));
}

#[test]
fn a_permission_that_cannot_be_is_named_by_its_place() {
    let check = |change: fn(&mut Permissions)| {
        let mut manifest = manifest();
        change(&mut manifest.permissions);
        let error = manifest.check().unwrap_err();
        // What cannot be is not taken from anybody, however it was encoded.
        assert_eq!(Manifest::decode(&manifest.encode()), Err(error));
        error.to_string()
    };
    let rated = |name: &str, rate_hz| Resource { name: name.into(), rate_hz: Some(rate_hz) };
    let rate = "rate_hz: from 1 to 1,000,000";
    assert_eq!(check(|p| p.sensors[0].rate_hz = Some(0)), format!("permissions.sensors[0]: {rate}"));
    assert_eq!(check(|p| p.sensors.push("imu".into())), "permissions.sensors[1]: named twice");
    assert!(check(|p| p.sensors.push("Imu".into())).starts_with("permissions.sensors[1]: not a name"));
    assert!(check(|p| p.sensors = vec!["imu".into(); 33]).starts_with("permissions.sensors[32]: at most"));
    assert_eq!(
        check(|p| p.actuators[0].rate_hz = Some(1_000_001)),
        format!("permissions.actuators[0]: {rate}")
    );
    assert!(check(|p| p.actuators[0].max = f64::INFINITY).starts_with("permissions.actuators[0]: min and"));
    assert_eq!(check(|p| p.publish = Some(vec![])), "topics: an empty list is left out");
    assert_eq!(
        check(|p| p.receive = Some(vec!["a".into(), "a".into()])),
        "permissions.receive[1]: named twice"
    );
    // A topic that goes both ways counts once.
    let mut manifest = manifest();
    let topics = |from: u8| (from..from + 7).map(|n| rated(&format!("t{n}"), 1)).collect::<Vec<_>>();
    manifest.permissions.publish = Some(topics(0));
    manifest.permissions.receive = Some(topics(1));
    assert_eq!(manifest.check(), Ok(()));
    manifest.permissions.receive = Some(topics(2));
    assert_eq!(manifest.check(), Err(ManifestError::Field("topics: at most 8")));
}

#[test]
fn arguments_and_environment_are_bounded() {
    let check = |change: fn(&mut App)| {
        let mut manifest = manifest();
        change(&mut manifest.app);
        match manifest.check() {
            Err(ManifestError::Field(rule)) => rule.split(':').next().unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let variable = |name: &str, value: &str| Variable { name: name.into(), value: value.into() };
    // None is written by leaving it out, so that a manifest has one encoding.
    assert_eq!(check(|app| app.arguments = Some(vec![])), "arguments");
    assert_eq!(check(|app| app.arguments = Some(vec!["a\0b".into()])), "arguments");
    assert_eq!(check(|app| app.arguments = Some(vec![String::new(); 33])), "arguments");
    assert_eq!(check(|app| app.arguments = Some(vec!["x".repeat(1024)])), "arguments");
    assert_eq!(check(|app| app.environment = Some(vec![])), "environment");
    for bad in ["", "1A", "A B", "A=", "\u{e4}"] {
        let mut manifest = manifest();
        manifest.app.environment = Some(vec![variable(bad, "")]);
        assert!(manifest.check().is_err(), "{bad}");
    }
    let mut most = manifest();
    most.app.arguments = Some(vec!["x".repeat(31); 32]);
    most.app.environment = Some(vec![variable("_A1", &"y".repeat(1019))]);
    assert_eq!(most.check(), Ok(()));
    most.app.environment = Some(vec![variable("_A1", &"y".repeat(1020))]);
    assert!(most.check().is_err());
    most.app.environment = Some(vec![variable("A", "1"), variable("A", "2")]);
    assert_eq!(most.check(), Err(ManifestError::Field("environment: one is named twice")));
}

#[test]
fn identifiers_are_uuids_of_version_8() {
    let id = vendor_id("example.com");
    assert_eq!(hex::encode(id), hex::encode(vendor_id("example.com")));
    assert_eq!((id[6] >> 4, id[8] >> 6), (8, 2));
    assert_ne!(class_id(&id, "a"), class_id(&id, "b"));
    assert_ne!(class_id(&id, "a"), class_id(&vendor_id("example.org"), "a"));
}

#[test]
fn another_key_is_unknown() {
    let expected = PackageError::Signature(SignatureError::UnknownKey(key(1).key_id()));
    assert_eq!(verify(&package(), only(2)), Err(expected));
}

#[test]
fn a_key_identifier_proves_nothing() {
    // The signer claims key 1's identifier, but the anchor of that identifier is another key.
    let wrong = VerifyingKey::from_bytes(&key(2).public()).unwrap();
    let expected = PackageError::Signature(SignatureError::BadSignature(key(1).key_id()));
    assert_eq!(verify(&package(), |_| Some(wrong.clone())), Err(expected));
}

#[test]
fn weak_keys_are_no_keys() {
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(VerifyingKey::from_bytes(&identity), None);
}

#[test]
fn no_byte_can_be_changed() {
    let good = package();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            assert!(verify(&bad, only(1)).is_err(), "byte {at} bit {bit}");
        }
    }
}

#[test]
fn a_tampered_module_is_told_from_a_tampered_manifest() {
    let mut module = package();
    *module.last_mut().unwrap() ^= 1;
    assert_eq!(verify(&module, only(1)), Err(PackageError::DigestMismatch));
    let mut signed = package();
    let at = signed.windows(5).position(|w| w == b"hello").unwrap();
    signed[at] = b'j';
    let expected = PackageError::Signature(SignatureError::BadSignature(key(1).key_id()));
    assert_eq!(verify(&signed, only(1)), Err(expected));
}

#[test]
fn a_shorter_or_longer_package_is_refused() {
    let good = package();
    for len in 0..good.len() {
        let error = verify(&good[..len], only(1)).unwrap_err();
        assert_eq!(error, PackageError::Truncated, "{len}");
    }
    let longer = [good.as_slice(), b"\0"].concat();
    assert!(matches!(verify(&longer, only(1)), Err(PackageError::Malformed(_))));
    let huge = vec![0x82; PACKAGE_BYTES_MAX + 1];
    assert!(matches!(verify(&huge, only(1)), Err(PackageError::TooLarge { .. })));
}

#[test]
fn sizes_at_the_bound() {
    let module = vec![0; MODULE_BYTES_MAX];
    let package = create(manifest(), &module, &key(1)).unwrap();
    assert!(package.len() <= PACKAGE_BYTES_MAX);
    assert!(verify(&package, only(1)).is_ok());
    let module = vec![0; MODULE_BYTES_MAX + 1];
    assert!(matches!(create(manifest(), &module, &key(1)), Err(PackageError::TooLarge { .. })));
}

#[test]
fn an_unsigned_package_can_be_read_and_signed_but_not_verified() {
    let unsigned = create_unsigned(manifest(), MODULE).unwrap();
    assert!(matches!(verify(&unsigned, only(1)), Err(PackageError::Signature(SignatureError::Malformed(_)))));
    let opened = open_unverified(&unsigned).unwrap();
    assert_eq!((opened.claimed_signer, opened.digest_matches), (None, true));
    assert_eq!(create(opened.manifest, opened.module, &key(1)).unwrap(), package());
    assert_eq!(open_unverified(&package()).unwrap().claimed_signer, Some(key(1).key_id()));
}

fn check(change: impl FnOnce(&mut Manifest)) -> Result<(), ManifestError> {
    let mut manifest = manifest();
    change(&mut manifest);
    manifest.check()
}

#[test]
fn manifest_rules() {
    assert_eq!(check(|_| {}), Ok(()));
    assert_eq!(check(|m| m.manifest_version = 2), Err(ManifestError::Version(2)));
    let breaks: [fn(&mut Manifest); 12] = [
        |m| m.common.name = "".into(),
        |m| m.common.name = "a".repeat(33),
        |m| m.common.name = "Hello".into(),
        |m| m.app.version = "1\x1b[2J".into(),
        |m| m.app.description = Some("two\nlines".into()),
        |m| m.app.deadline_us = m.app.period_us + 1,
        |m| m.app.period_us = 0,
        |m| m.app.fuel_per_activation = 0,
        |m| m.permissions.sensors.push("imu".into()),
        |m| m.permissions.actuators[0].min = f64::NAN,
        |m| m.permissions.actuators[0].min = 0.6,
        |m| m.app.restarts = 17,
    ];
    for (i, change) in breaks.into_iter().enumerate() {
        assert!(
            matches!(check(change), Err(ManifestError::Field(_) | ManifestError::Permission { .. })),
            "{i}"
        );
    }
}

#[test]
fn unknown_keys_and_other_encodings_are_refused() {
    let good = manifest().encode();
    // One pair more in the outer map.
    let mut more = good.clone();
    more[0] = 0xa6;
    more.extend([0x18, 0x63, 0x00]);
    assert_eq!(Manifest::decode(&more), Err(ManifestError::NotDeterministic));
    // The version 1 written in two bytes.
    let longer = [&good[..2], &[0x18, 0x01], &good[3..]].concat();
    assert_eq!(Manifest::decode(&longer), Err(ManifestError::NotDeterministic));
    // Bytes after the end.
    let after = [good.as_slice(), &[0]].concat();
    assert_eq!(Manifest::decode(&after), Err(ManifestError::NotDeterministic));
}

fn envelope(command: &[u8]) -> CommandEnvelope<'_> {
    CommandEnvelope { device_id: "qemu-virt", nonce: [9; 16], sequence: 3, command }
}

#[test]
fn a_command_is_accepted_and_no_byte_of_it_can_be_changed() {
    let good = sign_command(&envelope(b"stop"), &key(1));
    let signed = verify_command(&good, only(1)).unwrap();
    assert_eq!((signed.envelope, signed.signer), (envelope(b"stop"), key(1).key_id()));
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        assert!(verify_command(&bad, only(1)).is_err(), "{at}");
        assert!(verify_command(&good[..at], only(1)).is_err(), "{at}");
    }
}

#[test]
fn one_purpose_never_passes_as_the_other() {
    let as_package = sign(Purpose::Command, manifest().encode(), &key(1));
    assert_eq!(
        crate::sign::verify(Purpose::Package, &as_package, only(1)),
        Err(SignatureError::OtherPurpose)
    );
    // Even with the content type of the other: the external data differs as well.
    let text = |purpose: Purpose| purpose.content_type().as_bytes().to_vec();
    let signed = sign(Purpose::Command, manifest().encode(), &key(1));
    let at = signed.windows(39).position(|w| w.starts_with(b"application/")).unwrap();
    let mut forged = signed.clone();
    assert_eq!(text(Purpose::Command).len() + 1, text(Purpose::Package).len());
    forged.splice(at..at + 38, text(Purpose::Package));
    assert!(crate::sign::verify(Purpose::Package, &forged, only(1)).is_err());
}

#[test]
fn deep_nesting_is_refused_before_any_recursion() {
    let mut bytes = vec![0xd2, 0x84];
    bytes.extend(vec![0x81; 8000]);
    assert_eq!(
        crate::sign::verify(Purpose::Package, &bytes, only(1)),
        Err(SignatureError::Malformed("protected header"))
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_never_accepted(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(verify(&bytes, only(1)).is_err());
        prop_assert!(verify_command(&bytes, only(1)).is_err());
        let _ = open_unverified(&bytes);
        let _ = Manifest::decode(&bytes);
    }

    #[test]
    fn several_changes_are_never_accepted(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let good = package();
        let mut bad = good.clone();
        for (at, value) in changes {
            let at = at.index(bad.len());
            bad[at] = value;
        }
        prop_assert_eq!(verify(&bad, only(1)).is_ok(), bad == good);
    }

    #[test]
    fn manifests_survive_their_encoding(
        sequence: u64, period_us in 1u64.., fuel in 1u64.., pages: u32, seed: u64, restarts in 0u8..=16,
        command: bool, min in -1e9f64..0.0, max in 0.0f64..1e9, description in prop::option::of("[a-zäöü ]{0,60}"),
        rate_hz in prop::option::of(1u32..=RATE_HZ_MAX), topics in prop::option::of(1usize..=TOPICS_MAX),
    ) {
        let mut manifest = manifest();
        manifest.sequence = sequence;
        manifest.app.period_us = period_us;
        manifest.app.deadline_us = period_us;
        manifest.app.fuel_per_activation = fuel;
        manifest.app.memory_pages = pages;
        manifest.app.random_seed = seed;
        manifest.app.restarts = restarts;
        manifest.app.description = description;
        manifest.app.shape = if command { Shape::Command } else { Shape::Reactor };
        manifest.permissions.actuators[0].min = min;
        manifest.permissions.actuators[0].max = max;
        manifest.permissions.actuators[0].rate_hz = rate_hz;
        manifest.permissions.sensors[0].rate_hz = rate_hz;
        let topic = |number| Resource { name: format!("topic-{number}"), rate_hz };
        manifest.permissions.publish = topics.map(|count| (0..count).map(topic).collect());
        prop_assert_eq!(Manifest::decode(&manifest.encode()).unwrap(), manifest);
    }
}

#[test]
fn refusals_say_why() {
    let id = key(1).key_id();
    assert_eq!(
        PackageError::Signature(SignatureError::UnknownKey(id)).to_string(),
        format!("unknown key {id}")
    );
}

#[test]
fn restart_and_probation_have_their_bounds() {
    let then = AfterRestarts::RollBack;
    let restart = Restart { delay_us: 5, delay_max_us: 9, window_us: 100, then };
    let probation = Probation { time_us: 1000, missed_deadlines_max: 3 };
    let with = |restart, probation| {
        let mut manifest = manifest();
        manifest.app.restart = Some(restart);
        manifest.app.probation = Some(probation);
        manifest
    };
    let good = with(restart, probation);
    assert_eq!(Manifest::decode(&good.encode()), Ok(good.clone()));
    // 18: {0: 5, 1: 9, 2: 100, 3: 1}, 19: {0: 1000, 1: 3}
    let bytes = [0x12, 0xa4, 0, 5, 1, 9, 2, 0x18, 100, 3, 1, 0x13, 0xa2, 0, 0x19, 3, 0xe8, 1, 3];
    assert!(good.encode().windows(bytes.len()).any(|window| window == bytes));
    for (bad, rule) in [
        (with(Restart { delay_us: 10, ..restart }, probation), "restart: delay"),
        (with(Restart { delay_max_us: RESTART_DELAY_US_MAX + 1, ..restart }, probation), "restart: delay"),
        (with(Restart { window_us: 0, ..restart }, probation), "restart: window"),
        (with(Restart { window_us: RESTART_WINDOW_US_MAX + 1, ..restart }, probation), "restart: window"),
        (with(restart, Probation { time_us: 0, ..probation }), "probation: time"),
        (with(restart, Probation { time_us: PROBATION_US_MAX + 1, ..probation }), "probation: time"),
    ] {
        let error = Manifest::decode(&bad.encode()).unwrap_err().to_string();
        assert!(error.starts_with(rule), "{error}");
    }
}

#[test]
fn a_swap_has_its_bounds() {
    let swap = Swap { agree_us: 1000, watch_us: 0, divergence_permille: 1000, divergent_ticks_max: 2 };
    let with = |swap| {
        let mut manifest = manifest();
        manifest.app.swap = Some(swap);
        manifest
    };
    for good in [swap, Swap::DEFAULT] {
        assert_eq!(Manifest::decode(&with(good).encode()), Ok(with(good)));
    }
    // 20: {0: 1000, 1: 0, 2: 1000, 3: 2}
    let bytes = [0x14, 0xa4, 0, 0x19, 3, 0xe8, 1, 0, 2, 0x19, 3, 0xe8, 3, 2];
    assert!(with(swap).encode().windows(bytes.len()).any(|window| window == bytes));
    for bad in [
        Swap { agree_us: 0, ..swap },
        Swap { agree_us: SWAP_US_MAX + 1, ..swap },
        Swap { watch_us: SWAP_US_MAX + 1, ..swap },
        Swap { divergence_permille: 1001, ..swap },
    ] {
        let error = Manifest::decode(&with(bad).encode()).unwrap_err().to_string();
        assert!(error.starts_with("swap: agree"), "{error}");
    }
}
