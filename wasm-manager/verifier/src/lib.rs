// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Parses what nobody has verified yet: COSE, CBOR and Wasm of packages, commands and lists of keys.
//!
//! It says what is in the bytes and believes nothing about them: it has no key, so it checks no signature. wasm_manager
//! holds each word of it against the bytes. What it alone decides is whether a module is fit to run, which the slot's
//! interpreter decides again.
//!
//! Every use takes time and memory bounded by the length of the bytes.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

#[cfg(feature = "hostile-test")]
pub mod hostile_test;

use alloc::boxed::Box;

use cofferdam_admission::fits;
use cofferdam_package::container::PackageError;
use cofferdam_package::{CommandClaim, Manifest, PackageClaim, sha256};
use cofferdam_policy::{ListClaim, chain};
use cofferdam_shared_memory::SharedRegion;
use cofferdam_verifier_protocol::{
    Answer, Complaint, Found, Kind, PackageFound, read_request, write_verdict,
};

/// Parses what is staged and writes the verdict. False if nothing is staged, or there is no room for a verdict.
#[must_use]
pub fn serve(staging: &[u8], verdict: SharedRegion) -> bool {
    let Some(request) = read_request(staging) else { return false };
    let answer = examine(request.kind, request.bytes);
    let digest = sha256(request.bytes);
    #[cfg(feature = "hostile-test")]
    let Some((answer, digest)) = hostile_test::obey(request.bytes, answer, digest) else { return false };
    let is_written = write_verdict(verdict, &request, digest, &answer).is_ok();
    #[cfg(feature = "hostile-test")]
    hostile_test::spoil(request.bytes, verdict);
    is_written
}

/// What is in `bytes`.
///
/// # Errors
/// What is wrong with them.
pub fn examine(kind: Kind, bytes: &[u8]) -> Answer {
    match kind {
        Kind::Command => CommandClaim::of(bytes).map(Found::Command).map_err(Complaint::of_command),
        Kind::Package => package(bytes).map(|found| Found::Package(Box::new(found))),
        Kind::KeyList => Ok(Found::KeyLists(alloc::vec![ListClaim::of(bytes)?])),
        Kind::KeptLists => Ok(Found::KeyLists(chain::claim(bytes)?)),
    }
}

fn package(bytes: &[u8]) -> Result<PackageFound, Complaint> {
    let claim = PackageClaim::of(bytes)?;
    let parts = claim.parts(bytes).ok_or(PackageError::Malformed("lengths"))?;
    let manifest = Manifest::decode(parts.payload).map_err(PackageError::Manifest);
    let module = match &manifest {
        Ok(manifest) => fits(manifest, parts.module).map_err(Complaint::from),
        Err(_) => Ok(()), // nobody asks for it then
    };
    Ok(PackageFound { claim, manifest: manifest.map_err(Complaint::from), module })
}
