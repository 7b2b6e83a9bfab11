// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The app package (`.cdam`) and signed commands: made on the host, checked on the device, by this one crate.
//!
//! A package is a CBOR array of two byte strings, `[ COSE_Sign1, module ]`. The signature (RFC 9052,
//! EdDSA with Ed25519) covers the [`Manifest`], and the manifest holds the SHA-256 digest and the size of
//! the module, so the whole package hangs on one signature. A command is a COSE_Sign1 over a
//! [`CommandEnvelope`]. The two differ in content type and in external data, so neither can pass for the
//! other. Anybody with an off-the-shelf COSE and CBOR library can make or check both; [`sign`] lists the
//! exact headers.
//!
//! One package has one encoding: every part must be in deterministic CBOR, headers outside the signature
//! must be empty, and nothing may follow the last item. So no byte of an accepted package can be changed.
//!
//! Not here: which keys are trusted and what they may do (policy), and whether the module is fit to run
//! (admission).
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod claim;
pub mod command;
pub mod container;
pub mod key;
pub mod manifest;
mod permissions;
pub mod sign;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[cfg(test)]
mod tests;

pub use command::{CommandClaim, CommandEnvelope, SignedCommand, sign_command, verify_command};
pub use container::{PackageClaim, Unverified, Verified, create, create_unsigned, open_unverified, verify};
pub use key::{KeyId, SigningKey, VerifyingKey};
pub use manifest::{Manifest, ManifestError};
pub use sign::SignatureError;

/// Longest module in bytes: the memory region from which a slot reads its module.
pub const MODULE_BYTES_MAX: usize = 0x10_0000;

/// Longest signed manifest in bytes. Manifests are a few hundred bytes; the rest is room for permissions.
pub const SIGNED_MANIFEST_BYTES_MAX: usize = 8192;

/// Bytes that the container adds: an array head and two byte string heads, each at most five bytes long.
pub const CONTAINER_OVERHEAD_BYTES: usize = 11;

/// Longest package in bytes.
pub const PACKAGE_BYTES_MAX: usize = MODULE_BYTES_MAX + SIGNED_MANIFEST_BYTES_MAX + CONTAINER_OVERHEAD_BYTES;

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}
