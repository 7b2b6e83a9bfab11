// SPDX-License-Identifier: Apache-2.0 OR MIT
//! For tests alone (feature `hostile-test`): a verifier that somebody has taken over. `hostile-WORD` in the staged bytes
//! tells it what to do; each word is a lie about one thing, or a way to end badly.

use alloc::vec::Vec;
use core::hint::black_box;

use cofferdam_package::KeyId;
use cofferdam_package::manifest::ActuatorPermission;
use cofferdam_shared_memory::SharedRegion;
use cofferdam_verifier_protocol::{Answer, Complaint, Found};

const MARKER: &[u8] = b"hostile-";

/// What the staged bytes ask for.
#[must_use]
pub fn word(bytes: &[u8]) -> Option<&str> {
    let at = bytes.windows(MARKER.len()).position(|window| window == MARKER)?;
    let word = bytes.get(at.checked_add(MARKER.len())?..)?;
    let is_end = |byte: &u8| !byte.is_ascii_lowercase() && *byte != b'-';
    let length = word.iter().position(is_end).unwrap_or(word.len());
    core::str::from_utf8(word.get(..length)?).ok()
}

/// Lies in the answer, or does not answer at all.
#[allow(clippy::panic)] // It is what this is for.
pub(crate) fn obey(bytes: &[u8], mut answer: Answer, mut digest: [u8; 32]) -> Option<(Answer, [u8; 32])> {
    let word = word(bytes).unwrap_or_default();
    match word {
        "crash" => panic!("asked to"),
        "hang" => (0u64..u64::MAX).for_each(|round| drop(black_box(round))),
        "silent" => return None,
        "exhaust" => drop(black_box(Vec::<u8>::with_capacity(black_box(1 << 30)))),
        "digest" => digest.reverse(),
        "complaint" => answer = Err(Complaint { code: 56, text: "\u{1b}[2Jfull".into() }),
        "refuse" => answer = Err(Complaint { code: 30, text: "I do not like it".into() }),
        "kind" => answer = Ok(Found::KeyLists(Vec::new())),
        _ => {}
    }
    match &mut answer {
        Ok(Found::Package(found)) => {
            let claim = &mut found.claim;
            match word {
                "key" => claim.signed.key = KeyId([7; 8]),
                "protected" => add(&mut claim.signed.protected_bytes, 1),
                "payload" => claim.signed.payload_bytes = u32::MAX,
                "envelope" => add(&mut claim.signed_bytes, 1),
                "module" => claim.module_bytes = 0,
                "unfit" => found.module = Ok(()),
                _ => {}
            }
            let Ok(manifest) = &mut found.manifest else { return Some((answer, digest)) };
            match word {
                "name" => manifest.common.name.push('x'),
                "sequence" => manifest.sequence = u64::MAX,
                "class" => manifest.common.class_id.reverse(),
                "size" => manifest.common.size_bytes = 1,
                "fuel" => manifest.app.fuel_per_activation = 1,
                "permission" => manifest.permissions.actuators.push(ActuatorPermission {
                    name: "brake".into(),
                    min: 0.0,
                    max: 1.0,
                    rate_hz: None,
                }),
                "sensors" => manifest.permissions.sensors = alloc::vec!["imu".into(); 33],
                _ => {}
            }
        }
        Ok(Found::Command(claim)) => match word {
            "key" => claim.signed.key = KeyId([7; 8]),
            "device" => claim.device_id.push('x'),
            "boot" => claim.nonce.reverse(),
            "sequence" => claim.sequence = claim.sequence.wrapping_add(1),
            "command" => claim.command_bytes = claim.command_bytes.wrapping_sub(1),
            _ => {}
        },
        Ok(Found::KeyLists(claims)) => {
            let Some(claim) = claims.first_mut() else { return Some((answer, digest)) };
            match word {
                "document" => add(&mut claim.document_bytes, 1),
                "unsigned" => claim.signatures.clear(),
                "root" => claim.list.anchors.iter_mut().for_each(|anchor| anchor.root = true),
                "version" => claim.list.version = u64::MAX,
                "none" => claims.clear(),
                "two" => claims.extend_from_within(..),
                _ => {}
            }
        }
        Err(_) => {}
    }
    Some((answer, digest))
}

fn add(length: &mut u32, more: u32) {
    *length = length.wrapping_add(more);
}

/// Writes over what makes a verdict one.
pub(crate) fn spoil(bytes: &[u8], verdict: SharedRegion) {
    let (at, junk): (usize, &[u8]) = match word(bytes) {
        Some("use") => (0, &[0xff; 8]),
        Some("magic") => (8, &[0xff; 4]),
        Some("length") => (20, &[0xff; 4]),
        Some("body") => (64, &[0xff; 64]),
        Some("all") => (8, &[0xff; 256]),
        _ => return,
    };
    let _ = verdict.copy_in(at, junk);
}
