// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Trust anchors, and how they get into the image.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use cofferdam_package::key::KEY_BYTES;
use cofferdam_package::{KeyId, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::grant::Grant;

/// Most anchors in one image.
pub const ANCHORS_MAX: usize = 32;

/// A key that this device trusts, and for what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anchor {
    /// For people.
    pub name: String,
    /// The Ed25519 public key.
    pub public_key: [u8; KEY_BYTES],
    /// What it may do.
    pub grant: Grant,
}

/// Why a set of anchors is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorError {
    /// The bytes in the image are no anchors.
    Malformed,
    /// More than [`ANCHORS_MAX`].
    TooMany(usize),
    /// This anchor's public key is no good one.
    BadKey(String),
    /// Two anchors have keys with the same identifier.
    Duplicate(String, String),
}

impl fmt::Display for AnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("malformed trust anchors"),
            Self::TooMany(count) => write!(f, "{count} trust anchors, at most {ANCHORS_MAX}"),
            Self::BadKey(name) => write!(f, "anchor {name}: not a usable Ed25519 public key"),
            Self::Duplicate(one, other) => {
                write!(f, "anchors {one} and {other} have the same key identifier")
            }
        }
    }
}

impl core::error::Error for AnchorError {}

/// All that a device trusts.
#[derive(Debug, Default)]
pub struct TrustAnchors {
    anchors: Vec<(KeyId, VerifyingKey, Anchor)>,
}

impl TrustAnchors {
    /// Checks anchors.
    ///
    /// # Errors
    /// See [`AnchorError`].
    pub fn new(anchors: Vec<Anchor>) -> Result<Self, AnchorError> {
        if anchors.len() > ANCHORS_MAX {
            return Err(AnchorError::TooMany(anchors.len()));
        }
        let mut known: Vec<(KeyId, VerifyingKey, Anchor)> = Vec::with_capacity(anchors.len());
        for anchor in anchors {
            let Some(key) = VerifyingKey::from_bytes(&anchor.public_key) else {
                return Err(AnchorError::BadKey(anchor.name));
            };
            let id = key.key_id();
            if let Some((_, _, other)) = known.iter().find(|(known, _, _)| *known == id) {
                return Err(AnchorError::Duplicate(other.name.clone(), anchor.name));
            }
            known.push((id, key, anchor));
        }
        Ok(Self { anchors: known })
    }

    /// Reads the anchors in an image, as [`encode`] wrote them.
    ///
    /// # Errors
    /// See [`AnchorError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, AnchorError> {
        Self::new(postcard::from_bytes(bytes).map_err(|_| AnchorError::Malformed)?)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether there is none, so that nothing can be installed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// The key with this identifier.
    #[must_use]
    pub fn key(&self, id: &KeyId) -> Option<VerifyingKey> {
        self.find(id).map(|(_, key, _)| key.clone())
    }

    /// What the key with this identifier may do.
    #[must_use]
    pub fn anchor(&self, id: &KeyId) -> Option<&Anchor> {
        self.find(id).map(|(_, _, anchor)| anchor)
    }

    fn find(&self, id: &KeyId) -> Option<&(KeyId, VerifyingKey, Anchor)> {
        self.anchors.iter().find(|(known, _, _)| known == id)
    }
}

/// The bytes for the image.
#[must_use]
pub fn encode(anchors: &[Anchor]) -> Vec<u8> {
    postcard::to_allocvec(anchors).unwrap_or_default() // into memory; empty bytes would not decode
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use cofferdam_package::SigningKey;

    fn anchor(seed: u8) -> Anchor {
        Anchor {
            name: alloc::format!("key-{seed}"),
            public_key: SigningKey::from_seed(&[seed; 32]).public(),
            grant: Grant::everything(),
        }
    }

    #[test]
    fn anchors_survive_the_image() {
        let anchors = vec![anchor(1), anchor(2)];
        let read = TrustAnchors::decode(&encode(&anchors)).unwrap();
        assert_eq!(read.len(), 2);
        let id = SigningKey::from_seed(&[2; 32]).key_id();
        assert_eq!(read.anchor(&id), Some(&anchors[1]));
        assert_eq!(read.key(&id).unwrap().key_id(), id);
        assert!(read.key(&SigningKey::from_seed(&[3; 32]).key_id()).is_none());
        assert!(TrustAnchors::decode(&encode(&[])).unwrap().is_empty());
    }

    #[test]
    fn bad_sets_are_refused() {
        assert_eq!(TrustAnchors::decode(&[]).unwrap_err(), AnchorError::Malformed);
        assert!(matches!(TrustAnchors::new(vec![anchor(1), anchor(1)]), Err(AnchorError::Duplicate(..))));
        let weak = Anchor { public_key: [0; 32], ..anchor(1) };
        assert_eq!(TrustAnchors::new(vec![weak]).unwrap_err(), AnchorError::BadKey("key-1".into()));
        assert!(matches!(TrustAnchors::new(vec![anchor(1); 33]), Err(AnchorError::TooMany(33))));
    }
}
