// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Ed25519 keys and their identifiers.

use core::fmt;

use ed25519_dalek::Signer;
use serde::{Deserialize, Serialize};

/// Length of a public key and of a secret seed in bytes.
pub const KEY_BYTES: usize = 32;
/// Length of a signature in bytes.
pub const SIGNATURE_BYTES: usize = 64;

/// Names a public key: the first eight bytes of its SHA-256. It selects a key and proves nothing by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyId(pub [u8; 8]);

impl KeyId {
    /// Length in bytes.
    pub const BYTES: usize = 8;

    /// The identifier of the public key `public`.
    #[must_use]
    pub fn of(public: &[u8; KEY_BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = crate::sha256(public);
        Self([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A secret key. It has no `Debug`, so that it cannot end in a log.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key that grows from `seed`, which must come from a good random source.
    #[must_use]
    pub fn from_seed(seed: &[u8; KEY_BYTES]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed, for writing the key to its file.
    #[must_use]
    pub fn seed(&self) -> [u8; KEY_BYTES] {
        self.0.to_bytes()
    }

    /// The public key's bytes, as a trust anchor holds them.
    #[must_use]
    pub fn public(&self) -> [u8; KEY_BYTES] {
        self.0.verifying_key().to_bytes()
    }

    /// The identifier that signatures of this key carry.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        KeyId::of(&self.public())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(message).to_bytes()
    }
}

/// A public key that is fit to verify with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// `None` if the bytes are no point of the curve, or one of the weak points with which anything verifies.
    #[must_use]
    pub fn from_bytes(public: &[u8; KEY_BYTES]) -> Option<Self> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(public).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    /// This key's identifier.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        KeyId::of(self.0.as_bytes())
    }

    /// The strict check: a signature has one valid form only.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        self.0.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}
