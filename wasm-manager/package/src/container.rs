// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The `.cdam` container: `[ COSE_Sign1 as bstr, module as bstr ]`.

use alloc::vec::Vec;
use core::fmt;

use minicbor::{Decoder, Encoder};
use serde::{Deserialize, Serialize};

use crate::claim::{ClaimError, Expect, SignedClaim};
use crate::key::{KeyId, SigningKey, VerifyingKey};
use crate::manifest::{ALGORITHM_SHA256, Digest, Manifest, ManifestError};
use crate::sign::{Purpose, SignatureError, byte_string_len, claim, peek, sign};
use crate::{MODULE_BYTES_MAX, PACKAGE_BYTES_MAX, SIGNED_MANIFEST_BYTES_MAX, sha256};

/// Why a package could not be made or was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageError {
    /// Longer than [`PACKAGE_BYTES_MAX`], or a part longer than its own bound.
    TooLarge {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// It ends before its last item does.
    Truncated,
    /// Not the container's form; the text says which part.
    Malformed(&'static str),
    /// The signature.
    Signature(SignatureError),
    /// The manifest.
    Manifest(ManifestError),
    /// The module is not the one that the manifest names.
    DigestMismatch,
    /// The package is not what somebody claimed.
    FalseClaim,
}

impl fmt::Display for PackageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, max } => write!(f, "too large: {bytes} bytes, at most {max}"),
            Self::Truncated => f.write_str("truncated package"),
            Self::Malformed(part) => write!(f, "malformed package: {part}"),
            Self::Signature(error) => error.fmt(f),
            Self::Manifest(error) => write!(f, "manifest: {error}"),
            Self::DigestMismatch => f.write_str("digest mismatch: the module is not the signed one"),
            Self::FalseClaim => f.write_str("the package is not what is claimed"),
        }
    }
}

impl core::error::Error for PackageError {}

impl From<SignatureError> for PackageError {
    fn from(error: SignatureError) -> Self {
        Self::Signature(error)
    }
}

impl From<ClaimError> for PackageError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::False => Self::FalseClaim,
            ClaimError::Signature(error) => Self::Signature(error),
        }
    }
}

impl From<ManifestError> for PackageError {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error)
    }
}

/// A package whose signature, manifest and digest hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified<'a> {
    /// The signed manifest.
    pub manifest: Manifest,
    /// The module.
    pub module: &'a [u8],
    /// Who signed.
    pub signer: KeyId,
}

/// A package as it claims to be; nothing was verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Unverified<'a> {
    /// The manifest.
    pub manifest: Manifest,
    /// The module; may differ from what the manifest names.
    pub module: &'a [u8],
    /// The key that the signature names, if there is a signature.
    pub claimed_signer: Option<KeyId>,
    /// Whether the module is the one that the manifest names.
    pub digest_matches: bool,
}

/// Makes a signed package. Digest and size in `manifest` are filled in from `module`.
///
/// # Errors
/// If the manifest breaks a rule or something is too large.
pub fn create(manifest: Manifest, module: &[u8], key: &SigningKey) -> Result<Vec<u8>, PackageError> {
    join(&sign(Purpose::Package, complete(manifest, module)?, key), module)
}

/// Makes an unsigned package, to be signed elsewhere: the manifest stands in the signature's place. No device
/// accepts one. Sign it with [`open_unverified`] and [`create`].
///
/// # Errors
/// As [`create`].
pub fn create_unsigned(manifest: Manifest, module: &[u8]) -> Result<Vec<u8>, PackageError> {
    join(&complete(manifest, module)?, module)
}

/// What somebody who is not believed claims about the form of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageClaim {
    /// Length of the signed manifest.
    pub signed_bytes: u32,
    /// What that is.
    pub signed: SignedClaim,
    /// Length of the module.
    pub module_bytes: u32,
}

/// The parts of a package. Only the payload is signed; it names the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The manifest, encoded.
    pub payload: &'a [u8],
    /// The module.
    pub module: &'a [u8],
}

impl PackageClaim {
    /// What form a package has; nothing is checked.
    ///
    /// # Errors
    /// See [`PackageError`].
    pub fn of(package: &[u8]) -> Result<Self, PackageError> {
        let (signed, module) = split(package)?;
        let bytes = |part: &[u8]| u32::try_from(part.len()).map_err(|_| PackageError::Malformed("length"));
        let (signed_bytes, module_bytes) = (bytes(signed)?, bytes(module)?);
        Ok(Self { signed_bytes, signed: claim(Purpose::Package, signed)?, module_bytes })
    }

    /// The parts of the package, if one of our keys signed it.
    ///
    /// # Errors
    /// [`PackageError::FalseClaim`] or [`PackageError::Signature`].
    pub fn check<'a>(
        &self,
        package: &'a [u8],
        find_key: impl FnOnce(&KeyId) -> Option<VerifyingKey>,
    ) -> Result<Parts<'a>, PackageError> {
        let (signed, module) = self.split(package).ok_or(PackageError::FalseClaim)?;
        let payload = self.signed.check(Purpose::Package, signed, find_key)?;
        Ok(Parts { payload, module })
    }

    /// The parts of the package, whoever signed it; `None` if they are not as claimed.
    #[must_use]
    pub fn parts<'a>(&self, package: &'a [u8]) -> Option<Parts<'a>> {
        let (signed, module) = self.split(package)?;
        Some(Parts { payload: self.signed.payload(signed)?, module })
    }

    fn split<'a>(&self, package: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let mut rest = Expect::new(package);
        rest.array(2)?;
        let parts = (rest.byte_string(self.signed_bytes)?, rest.byte_string(self.module_bytes)?);
        rest.end(parts)
    }
}

impl<'a> Parts<'a> {
    /// The package, if its payload is `manifest`, as somebody claims who is not believed, and that names the module.
    ///
    /// # Errors
    /// [`PackageError::Manifest`], [`PackageError::FalseClaim`] or [`PackageError::DigestMismatch`].
    pub fn with(&self, manifest: Manifest) -> Result<(Manifest, &'a [u8]), PackageError> {
        manifest.check()?;
        if manifest.encode() != self.payload {
            return Err(PackageError::FalseClaim);
        }
        if !names(&manifest, self.module) {
            return Err(PackageError::DigestMismatch);
        }
        Ok((manifest, self.module))
    }
}

/// Checks a package completely: form, signature, manifest, size and digest.
///
/// # Errors
/// See [`PackageError`].
pub fn verify(
    package: &[u8],
    find_key: impl FnOnce(&KeyId) -> Option<VerifyingKey>,
) -> Result<Verified<'_>, PackageError> {
    let claim = PackageClaim::of(package)?;
    let parts = claim.check(package, find_key)?;
    let (manifest, module) = parts.with(Manifest::decode(parts.payload)?)?;
    Ok(Verified { manifest, module, signer: claim.signed.key })
}

/// Reads a package without verifying it, to show it to people or to sign it (again).
///
/// # Errors
/// If it cannot be read.
pub fn open_unverified(package: &[u8]) -> Result<Unverified<'_>, PackageError> {
    let (signed, module) = split(package)?;
    let (payload, claimed_signer) = match peek(Purpose::Package, signed) {
        Ok((payload, signer)) => (payload, Some(signer)),
        // A map, not a tag: the manifest itself.
        Err(_) if signed.first().is_some_and(|head| head >> 5 == 5) => (signed, None),
        Err(error) => return Err(error.into()),
    };
    let manifest = Manifest::decode(payload)?;
    let digest_matches = names(&manifest, module);
    Ok(Unverified { manifest, module, claimed_signer, digest_matches })
}

fn names(manifest: &Manifest, module: &[u8]) -> bool {
    manifest.common.size_bytes as usize == module.len() && manifest.common.digest.bytes == sha256(module)
}

fn complete(mut manifest: Manifest, module: &[u8]) -> Result<Vec<u8>, PackageError> {
    let too_large = PackageError::TooLarge { bytes: module.len(), max: MODULE_BYTES_MAX };
    if module.len() > MODULE_BYTES_MAX {
        return Err(too_large);
    }
    manifest.common.size_bytes = u32::try_from(module.len()).map_err(|_| too_large)?;
    manifest.common.digest = Digest { algorithm: ALGORITHM_SHA256, bytes: sha256(module) };
    manifest.check()?;
    Ok(manifest.encode())
}

fn join(signed: &[u8], module: &[u8]) -> Result<Vec<u8>, PackageError> {
    if signed.len() > SIGNED_MANIFEST_BYTES_MAX {
        return Err(PackageError::TooLarge { bytes: signed.len(), max: SIGNED_MANIFEST_BYTES_MAX });
    }
    let mut encoder = Encoder::new(Vec::new());
    // Writing into memory cannot fail.
    encoder
        .array(2)
        .and_then(|e| e.bytes(signed))
        .and_then(|e| e.bytes(module))
        .map_err(|_| PackageError::Malformed("encoding"))?;
    Ok(encoder.into_writer())
}

fn split(package: &[u8]) -> Result<(&[u8], &[u8]), PackageError> {
    if package.len() > PACKAGE_BYTES_MAX {
        return Err(PackageError::TooLarge { bytes: package.len(), max: PACKAGE_BYTES_MAX });
    }
    let mut decoder = Decoder::new(package);
    match decoder.array() {
        Ok(Some(2)) => {}
        Err(error) if error.is_end_of_input() => return Err(PackageError::Truncated),
        _ => return Err(PackageError::Malformed("not an array of two")),
    }
    let mut part = |what, max| match decoder.bytes() {
        Ok(bytes) if bytes.len() <= max => Ok(bytes),
        Ok(bytes) => Err(PackageError::TooLarge { bytes: bytes.len(), max }),
        Err(error) if error.is_end_of_input() => Err(PackageError::Truncated),
        Err(_) => Err(PackageError::Malformed(what)),
    };
    let signed = part("signed manifest", SIGNED_MANIFEST_BYTES_MAX)?;
    let module = part("module", MODULE_BYTES_MAX)?;
    let shortest =
        byte_string_len(signed.len()).saturating_add(byte_string_len(module.len())).saturating_add(1);
    if decoder.position() != package.len() {
        return Err(PackageError::Malformed("bytes after the end"));
    }
    if package.len() != shortest {
        return Err(PackageError::Malformed("lengths are not in their shortest form"));
    }
    Ok((signed, module))
}
