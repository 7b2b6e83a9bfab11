// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Packages: container, COSE_Sign1, manifest and digest.

use std::sync::LazyLock;

use cofferdam_package::manifest::{ALGORITHM_SHA256, MANIFEST_VERSION, Manifest, class_id, vendor_id};
use cofferdam_package::{KeyId, SigningKey, VerifyingKey, create, open_unverified, sha256, verify};
use minicbor::Encoder;

static VALID: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let minimal = module();
    let many = with_permissions("many", &["imu", "battery"], &[("brake", 0.0, 0.5)]);
    vec![create(example("hello"), &minimal, &trusted()).unwrap(), create(many, &minimal, &trusted()).unwrap()]
});

/// Signed by a key that is known but not trusted.
static FOREIGN: LazyLock<Vec<u8>> =
    LazyLock::new(|| create(example("foreign"), &module(), &SigningKey::from_seed(&[2; 32])).unwrap());

/// The key that is trusted here.
pub fn trusted() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

/// Finds the trusted key, and no other.
pub fn find_key(id: &KeyId) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_bytes(&trusted().public())?;
    (key.key_id() == *id).then_some(key)
}

/// Nothing is accepted but the packages that were signed, to the last byte.
pub fn run(input: &[u8]) -> bool {
    let accepted = match verify(input, find_key) {
        Ok(verified) => {
            assert!(VALID.iter().any(|valid| valid == input), "WRONG ACCEPTANCE: nobody signed this package");
            assert_eq!(verified.manifest.common.digest.bytes, sha256(verified.module));
            assert_eq!(verified.signer, trusted().key_id());
            true
        }
        Err(error) => {
            assert!(VALID.iter().all(|valid| valid != input), "a valid package was refused: {error}");
            false
        }
    };
    if let Ok(opened) = open_unverified(input) {
        assert!(opened.module.len() <= input.len());
        let signed = create(opened.manifest.clone(), opened.module, &trusted());
        if let (true, Ok(signed)) = (opened.digest_matches, signed) {
            let again = verify(&signed, find_key).expect("what can be read and signed is accepted");
            assert_eq!((again.manifest, again.module), (opened.manifest, opened.module));
        }
    }
    accepted
}

/// Two valid packages, one by a key that is not trusted, and an unsigned one.
pub fn seeds() -> Vec<Vec<u8>> {
    let unsigned = cofferdam_package::container::create_unsigned(example("hello"), &module()).unwrap();
    VALID.iter().cloned().chain([FOREIGN.clone(), unsigned]).collect()
}

/// A module that does nothing.
pub fn module() -> Vec<u8> {
    wat::parse_str(
        r#"(module (memory (export "memory") 1) (func (export "cofferdam_init"))
            (func (export "cofferdam_tick") (param i64)))"#,
    )
    .unwrap()
}

/// A manifest that admission accepts. It is written in CBOR by hand, so that it stays as it is when optional fields come.
pub fn example(name: &str) -> Manifest {
    with_permissions(name, &[], &[])
}

/// The same with permissions: sensors, and actuators with their ranges.
pub fn with_permissions(name: &str, sensors: &[&str], actuators: &[(&str, f64, f64)]) -> Manifest {
    let bytes = encoded(name, sensors, actuators).expect("memory");
    Manifest::decode(&bytes).expect("a manifest of this version")
}

fn encoded(
    name: &str,
    sensors: &[&str],
    actuators: &[(&str, f64, f64)],
) -> Result<Vec<u8>, minicbor::encode::Error<std::convert::Infallible>> {
    let vendor = vendor_id("example.com");
    let mut e = Encoder::new(vec![]);
    e.map(5)?.u8(1)?.u32(MANIFEST_VERSION)?.u8(2)?.u64(7)?;
    e.u8(3)?.map(5)?.u8(0)?.str(name)?.u8(1)?.bytes(&vendor)?;
    e.u8(2)?.bytes(&class_id(&vendor, "rig"))?;
    e.u8(3)?.array(2)?.i64(ALGORITHM_SHA256)?.bytes(&[0; 32])?.u8(14)?.u8(1)?;
    // Shape, period, deadline, fuel of an activation and of init, pages, stack, depth, host calls, log rate, seed,
    // restarts, priority, overrun.
    e.u8(32)?.map(16)?.u8(0)?.str("0.1.0")?.u8(1)?.str("an example")?;
    let figures = [0u64, 10_000, 5_000, 20_000, 100_000, 4, 65_536, 100, 64, 1024, 1, 0, 0, 0];
    for (key, figure) in (2u8..).zip(figures) {
        e.u8(key)?.u64(figure)?;
    }
    e.u8(33)?.map(2)?.u8(0)?.array(sensors.len() as u64)?;
    for sensor in sensors {
        e.str(sensor)?;
    }
    e.u8(1)?.array(actuators.len() as u64)?;
    for (name, min, max) in actuators {
        e.map(3)?.u8(0)?.str(name)?.u8(1)?.f64(*min)?.u8(2)?.f64(*max)?;
    }
    Ok(e.into_writer())
}
