// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Trust anchors.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use cofferdam_package::key::KEY_BYTES;
use cofferdam_package::manifest::{RATE_HZ_MAX, is_name};
use cofferdam_package::{KeyId, VerifyingKey};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::grant::{ALL, Grant};

/// Most anchors that a device trusts.
pub const ANCHORS_MAX: usize = 32;

/// A key that this device trusts, and for what. In CBOR: a map with these numbers.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Anchor {
    /// For people: 1 to 32 of `a-z`, `0-9`, `-`, beginning with a letter.
    #[n(1)]
    pub name: String,
    /// The Ed25519 public key.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub public_key: [u8; KEY_BYTES],
    /// Whether it may sign key lists.
    #[n(3)]
    pub root: bool,
    /// What else it may do.
    #[n(4)]
    pub grant: Grant,
}

/// Why a set of anchors is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorError {
    /// No name.
    Name(String),
    /// This anchor's grant has a range, or a pattern of components, that makes no sense; the text says which.
    BadGrant(String, &'static str),
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
            Self::Name(name) => {
                write!(f, "anchor name {name:?}: 1 to 32 of a-z, 0-9 and '-', beginning with a letter")
            }
            Self::BadGrant(name, what) => write!(f, "anchor {name}: {what}"),
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
#[derive(Clone, Debug, Default)]
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
            check(&anchor)?;
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

fn check(anchor: &Anchor) -> Result<(), AnchorError> {
    // The name first: what is shown in logs has its form.
    if !is_name(&anchor.name) {
        return Err(AnchorError::Name(anchor.name.chars().filter(|c| !c.is_control()).take(32).collect()));
    }
    let bad = |what| Err(AnchorError::BadGrant(anchor.name.clone(), what));
    let is_range = |min: f64, max: f64| min.is_finite() && max.is_finite() && min <= max;
    if !anchor.grant.actuators.iter().all(|range| is_range(range.min, range.max)) {
        return bad("an actuator's min and max must be finite, min at most max");
    }
    let is_pattern = |pattern: &str| pattern == ALL || is_name(pattern.strip_suffix('*').unwrap_or(pattern));
    if !anchor.grant.components.iter().all(|pattern| is_pattern(pattern)) {
        return bad("a component must be a name, a beginning of names and '*', or '*'");
    }
    let topics =
        || [&anchor.grant.publish, &anchor.grant.receive].into_iter().flat_map(|list| list.iter().flatten());
    if !topics().all(|topic| is_pattern(&topic.name)) {
        return bad("a topic must be a name, a beginning of names and '*', or '*'");
    }
    let rates = anchor.grant.actuators.iter().map(|actuator| actuator.rate_hz);
    let rates = rates.chain(anchor.grant.sensors.iter().chain(topics()).map(|resource| resource.rate_hz));
    if !rates.flatten().all(|rate_hz| (1..=RATE_HZ_MAX).contains(&rate_hz)) {
        return bad("a rate_hz must be from 1 to 1,000,000");
    }
    Ok(())
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
            root: false,
            grant: Grant::everything(),
        }
    }

    #[test]
    fn anchors_are_found_by_their_keys() {
        let anchors = vec![anchor(1), anchor(2)];
        let read = TrustAnchors::new(anchors.clone()).unwrap();
        assert_eq!(read.len(), 2);
        let id = SigningKey::from_seed(&[2; 32]).key_id();
        assert_eq!(read.anchor(&id), Some(&anchors[1]));
        assert_eq!(read.key(&id).unwrap().key_id(), id);
        assert!(read.key(&SigningKey::from_seed(&[3; 32]).key_id()).is_none());
        assert!(TrustAnchors::new(vec![]).unwrap().is_empty());
    }

    #[test]
    fn bad_sets_are_refused() {
        let named = Anchor { name: "\x1b[2J".into(), ..anchor(1) };
        assert_eq!(TrustAnchors::new(vec![named]).unwrap_err(), AnchorError::Name("[2J".into()));
        let grant = Grant { components: vec!["a*b".into()], ..Grant::everything() };
        let patterned = TrustAnchors::new(vec![Anchor { grant, ..anchor(1) }]);
        assert!(matches!(patterned, Err(AnchorError::BadGrant(..))));
        let grant = Grant { publish: Some(vec!["a*b".into()]), ..Grant::everything() };
        let topic = TrustAnchors::new(vec![Anchor { grant, ..anchor(1) }]);
        assert!(matches!(topic, Err(AnchorError::BadGrant(..))));
        let mut rated = anchor(1);
        rated.grant.sensors[0].rate_hz = Some(0);
        assert!(matches!(TrustAnchors::new(vec![rated]), Err(AnchorError::BadGrant(..))));
        assert!(matches!(TrustAnchors::new(vec![anchor(1), anchor(1)]), Err(AnchorError::Duplicate(..))));
        let weak = Anchor { public_key: [0; 32], ..anchor(1) };
        assert_eq!(TrustAnchors::new(vec![weak]).unwrap_err(), AnchorError::BadKey("key-1".into()));
        assert!(matches!(TrustAnchors::new(vec![anchor(1); 33]), Err(AnchorError::TooMany(33))));
    }
}
