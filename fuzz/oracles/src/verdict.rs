// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Verdicts of a verifier that somebody has taken over, and claims in them held against packages and commands.

use std::sync::LazyLock;

use cofferdam_package::Manifest;
use cofferdam_policy::chain;
use cofferdam_shared_memory::SharedRegion;
use cofferdam_verifier::examine;
use cofferdam_verifier_protocol::{
    Asker, BODY_BYTES_MAX, Found, Kind, STAGED_AT, VERDICT_BYTES, encode, read_request, write_verdict,
};

use crate::package::find_key;

/// Where the body begins in the verdict's region.
const BODY_AT: usize = VERDICT_BYTES - BODY_BYTES_MAX;

/// What is staged, first as it was signed, then with one byte changed.
static STAGED: LazyLock<Vec<(Kind, Vec<u8>)>> = LazyLock::new(|| {
    let packages = crate::package::seeds().into_iter().map(|package| (Kind::Package, package));
    let commands = crate::command::seeds().into_iter().map(|command| (Kind::Command, command));
    packages.chain(commands).collect()
});

// A region is for life, so there is one of each for all inputs; what is staged comes over what was staged before.
thread_local! {
    static REGIONS: [SharedRegion; 2] = {
        let longest = STAGED.iter().map(|(_, bytes)| bytes.len()).max().unwrap_or_default();
        [SharedRegion::leaked(STAGED_AT + longest), SharedRegion::leaked(VERDICT_BYTES)]
    };
}

/// The first byte chooses what is staged, two more a byte of it that is changed (none if the third is 0); then come the
/// header and the body of the verdict. What is accepted was signed, to the last byte.
pub fn run(input: &[u8]) -> bool {
    let Some(([chosen, at, change], verdict)) = input.split_first_chunk() else { return false };
    let (kind, signed) = &STAGED[usize::from(*chosen) % STAGED.len()];
    let mut bytes = signed.clone();
    let at = usize::from(*at) * 7 % bytes.len();
    bytes[at] ^= change;

    let regions = REGIONS.with(|regions| *regions);
    regions[1].copy_in(0, &[0; VERDICT_BYTES]).unwrap();
    let mut asker = Asker::new(regions[0], regions[1]);
    let asked = asker.stage(*kind, &bytes).unwrap();
    let mut staging = vec![0; regions[0].size_bytes()];
    regions[0].copy_out(0, &mut staging).unwrap();
    let request = read_request(&staging).expect("what was staged");
    assert_eq!((request.kind, request.bytes), (*kind, bytes.as_slice()));
    let digest = cofferdam_package::sha256(&bytes);
    // An honest header, then whatever comes.
    write_verdict(regions[1], &request, digest, &examine(*kind, &bytes)).unwrap();
    let Some((edits, body)) = verdict.split_first() else { return false };
    if edits % 2 == 0 {
        let body = &body[..body.len().min(BODY_BYTES_MAX)];
        regions[1].copy_in(BODY_AT, body).unwrap();
        regions[1].store_u32_relaxed(20, body.len() as u32).unwrap();
    } else {
        regions[1].copy_in(8, &body[..body.len().min(VERDICT_BYTES - 8)]).unwrap();
    }
    let Ok(Ok(found)) = asker.answer(&asked, &digest) else { return false };
    holds(&bytes, found) && {
        assert!(STAGED.iter().any(|(_, signed)| *signed == bytes), "WRONG ACCEPTANCE: nobody signed this");
        true
    }
}

/// Whether a claim holds, as wasm_manager finds out.
fn holds(bytes: &[u8], found: Found) -> bool {
    match found {
        Found::Package(found) => {
            let Ok(parts) = found.claim.check(bytes, find_key) else { return false };
            let Ok(Ok((manifest, module))) = found.manifest.map(|manifest| parts.with(manifest)) else {
                return false;
            };
            let verified = cofferdam_package::verify(bytes, find_key).expect("signed by a trusted key");
            assert_eq!((&manifest, module), (&verified.manifest, verified.module), "WRONG ACCEPTANCE");
            Manifest::decode(parts.payload) == Ok(manifest)
        }
        Found::Command(claim) => {
            let Ok(command) = claim.check(bytes, find_key) else { return false };
            let verified =
                cofferdam_package::verify_command(bytes, find_key).expect("signed by a trusted key");
            let envelope = verified.envelope;
            assert_eq!(
                (claim.device_id.as_str(), claim.nonce, claim.sequence, command),
                (envelope.device_id, envelope.nonce, envelope.sequence, envelope.command),
                "WRONG ACCEPTANCE"
            );
            true
        }
        Found::KeyLists(claims) => {
            // Nothing staged here is one.
            assert!(chain::parts(claims, bytes).is_none_or(|lists| lists.is_empty()));
            false
        }
    }
}

/// Honest verdicts, with nothing changed and with a byte changed.
pub fn seeds() -> Vec<Vec<u8>> {
    let seed = |(number, (kind, bytes)): (usize, &(Kind, Vec<u8>))| {
        let body = encode(&examine(*kind, bytes));
        [[number as u8, 9, 0, 0], [number as u8, 9, 1, 0]].map(|head| [&head[..], &body].concat())
    };
    STAGED.iter().enumerate().flat_map(seed).collect()
}
