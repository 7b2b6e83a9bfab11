// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The list of keys that a device trusts, and its signed form.
//!
//! A list is a CBOR map with the numbers beside the fields, in deterministic form like a manifest. Signed, it is
//! `[ list as bstr, [ signature as bstr, … ] ]`: each signature is a COSE_Sign1 with detached payload
//! (`cofferdam_package::sign`, purpose key list), so that signers need not meet and any COSE library will do.

use alloc::vec::Vec;
use core::fmt;

use cofferdam_package::claim::{Detached, DetachedClaim, Expect};
use cofferdam_package::sign::{Purpose, SignatureError, claim_detached, sign_detached};
use cofferdam_package::{KeyId, SigningKey};
use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::{Deserialize, Serialize};

use crate::anchors::{Anchor, AnchorError, TrustAnchors};

/// The layout that this crate writes and reads.
pub const LAYOUT: u32 = 1;
/// Longest signed list in bytes. An anchor takes some hundred bytes, a signature some 150.
pub const SIGNED_LIST_BYTES_MAX: usize = 0x2000;
/// Most signatures on one list.
pub const SIGNATURES_MAX: usize = 16;

/// Whom a device trusts, and who may change that.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct KeyList {
    /// [`LAYOUT`].
    #[n(1)]
    pub layout: u32,
    /// Grows with each list; a device never goes back.
    #[n(2)]
    pub version: u64,
    /// For whose devices, as in a manifest.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub vendor_id: [u8; 16],
    /// For which kind of device of that vendor.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub class_id: [u8; 16],
    /// How many of this list's root keys must sign the next one; at least 1.
    #[n(5)]
    pub threshold: u8,
    /// Whether apps that this list leaves without permission are stopped at once. Otherwise they go on until they
    /// stop for another reason, and do not start again.
    #[n(6)]
    pub stop_revoked: bool,
    /// The keys.
    #[n(7)]
    pub anchors: Vec<Anchor>,
}

/// Why a list is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyListError {
    /// Not of the form above; the text says which part.
    Malformed(&'static str),
    /// Longer than [`SIGNED_LIST_BYTES_MAX`].
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// Its layout is another.
    Layout(u32),
    /// Its anchors.
    Anchors(AnchorError),
    /// Nobody could sign the next list: fewer root keys than the threshold, or a threshold of 0.
    LockedOut {
        /// Root keys in the list.
        roots: usize,
        /// Its threshold.
        threshold: u8,
    },
    /// For another vendor's or another class of devices.
    OtherClass,
    /// Not newer than the list in force.
    Older {
        /// Its version.
        version: u64,
        /// That of the list in force.
        in_force: u64,
    },
    /// A signature that names one of the keys concerned does not fit, or is none.
    Signature(SignatureError),
    /// Too few root keys of the list in force have signed.
    Quorum {
        /// How many have.
        signed: usize,
        /// How many must.
        threshold: u8,
    },
    /// Too few root keys of the new list itself have signed: somebody may not have the key that it names.
    OwnQuorum {
        /// How many have.
        signed: usize,
        /// How many must.
        threshold: u8,
    },
    /// The root keys changed too often since the image was made: the proof no longer fits.
    ChainFull,
}

impl fmt::Display for KeyListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(part) => write!(f, "malformed key list: {part}"),
            Self::TooLarge { bytes } => write!(f, "{bytes} bytes, at most {SIGNED_LIST_BYTES_MAX}"),
            Self::Layout(layout) => write!(f, "key list of layout {layout}, this one knows {LAYOUT}"),
            Self::Anchors(error) => error.fmt(f),
            Self::LockedOut { roots, threshold } => {
                write!(f, "nobody could sign the next list: {roots} root keys, threshold {threshold}")
            }
            Self::OtherClass => f.write_str("key list for another class of device"),
            Self::Older { version, in_force } => write!(f, "version {version}, in force is {in_force}"),
            Self::Signature(error) => error.fmt(f),
            Self::Quorum { signed, threshold } => {
                write!(f, "signed by {signed} root keys of the list in force, needs {threshold}")
            }
            Self::OwnQuorum { signed, threshold } => {
                write!(f, "signed by {signed} of its own root keys, needs {threshold}")
            }
            Self::ChainFull => {
                f.write_str("root keys changed too often since this image was made: make a new image")
            }
        }
    }
}

impl core::error::Error for KeyListError {}

impl KeyList {
    /// The first list of these anchors: version 0, one root key decides.
    #[must_use]
    pub fn first(vendor_id: [u8; 16], class_id: [u8; 16], anchors: Vec<Anchor>) -> Self {
        Self { layout: LAYOUT, version: 0, vendor_id, class_id, threshold: 1, stop_revoked: false, anchors }
    }

    /// Reads a list in its one form. Only the form is checked.
    ///
    /// # Errors
    /// [`KeyListError::Malformed`], [`KeyListError::Layout`] or [`KeyListError::TooLarge`].
    pub fn decode(bytes: &[u8]) -> Result<Self, KeyListError> {
        if bytes.len() > SIGNED_LIST_BYTES_MAX {
            return Err(KeyListError::TooLarge { bytes: bytes.len() });
        }
        let list: Self = minicbor::decode(bytes).map_err(|_| KeyListError::Malformed("list"))?;
        if list.layout != LAYOUT {
            return Err(KeyListError::Layout(list.layout));
        }
        if list.encode() != bytes {
            return Err(KeyListError::Malformed("list is not in deterministic form"));
        }
        Ok(list)
    }

    /// The one encoding of this list.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default() // encoding into memory cannot fail
    }

    /// The form in which an image holds its list: not CBOR, which wasm_manager does not read.
    #[must_use]
    pub fn to_image(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default() // encoding into memory cannot fail
    }

    /// Reads what [`Self::to_image`] wrote. Only the form is checked.
    ///
    /// # Errors
    /// [`KeyListError::Malformed`] or [`KeyListError::Layout`].
    pub fn from_image(bytes: &[u8]) -> Result<Self, KeyListError> {
        match postcard::take_from_bytes::<Self>(bytes) {
            Ok((list, [])) if list.layout == LAYOUT => Ok(list),
            Ok((list, [])) => Err(KeyListError::Layout(list.layout)),
            _ => Err(KeyListError::Malformed("list in the image")),
        }
    }

    /// The list's anchors, if the list makes sense as a successor of another.
    ///
    /// # Errors
    /// [`KeyListError::Anchors`] or [`KeyListError::LockedOut`].
    pub fn check(&self) -> Result<TrustAnchors, KeyListError> {
        let roots = self.roots().count();
        if self.threshold == 0 || roots < usize::from(self.threshold) {
            return Err(KeyListError::LockedOut { roots, threshold: self.threshold });
        }
        self.anchors()
    }

    /// The same for the list in an image. It may be without root keys: then no list can follow it.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_image(&self) -> Result<TrustAnchors, KeyListError> {
        if self.roots().next().is_some() { self.check() } else { self.anchors() }
    }

    fn anchors(&self) -> Result<TrustAnchors, KeyListError> {
        TrustAnchors::new(self.anchors.clone()).map_err(KeyListError::Anchors)
    }

    /// The keys that may sign the next list.
    pub fn roots(&self) -> impl Iterator<Item = &Anchor> {
        self.anchors.iter().filter(|anchor| anchor.root)
    }
}

/// What somebody who is not believed claims about a signed list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListClaim {
    /// Length of all of it.
    pub bytes: u32,
    /// Length of the list in it.
    pub document_bytes: u32,
    /// The list.
    pub list: KeyList,
    /// The signatures on it.
    pub signatures: Vec<DetachedClaim>,
}

/// A list and the signatures on it; these are not verified.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedList<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// The list's bytes.
    pub document: &'a [u8],
    /// The list.
    pub list: KeyList,
    /// COSE_Sign1 with detached payload each.
    pub signatures: Vec<Detached<'a>>,
}

impl ListClaim {
    /// What is in a signed list; nothing is verified.
    ///
    /// # Errors
    /// If it has not the one form, or is too long.
    pub fn of(bytes: &[u8]) -> Result<Self, KeyListError> {
        if bytes.len() > SIGNED_LIST_BYTES_MAX {
            return Err(KeyListError::TooLarge { bytes: bytes.len() });
        }
        let malformed = KeyListError::Malformed;
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| malformed("length"));
        let mut decoder = Decoder::new(bytes);
        if !matches!(decoder.array(), Ok(Some(2))) {
            return Err(malformed("not an array of two"));
        }
        let document = decoder.bytes().map_err(|_| malformed("list"))?;
        let count = match decoder.array() {
            Ok(Some(count)) if count <= SIGNATURES_MAX as u64 => count,
            _ => return Err(malformed("signatures")),
        };
        let signatures: Result<Vec<&[u8]>, _> = (0..count).map(|_| decoder.bytes()).collect();
        let signatures = signatures.map_err(|_| malformed("signatures"))?;
        let list = KeyList::decode(document)?;
        if decoder.position() != bytes.len() || encode(document, &signatures) != bytes {
            return Err(malformed("not in deterministic form"));
        }
        let claimed = |signature: &&[u8]| claim_detached(Purpose::KeyList, signature);
        let signatures: Result<_, _> = signatures.iter().map(claimed).collect();
        let signatures = signatures.map_err(KeyListError::Signature)?;
        Ok(Self { bytes: length(bytes)?, document_bytes: length(document)?, list, signatures })
    }

    /// The list in `bytes`, if it is the claimed one; `None` if not.
    #[must_use]
    pub fn parts(self, bytes: &[u8]) -> Option<SignedList<'_>> {
        if bytes.len() > SIGNED_LIST_BYTES_MAX || self.signatures.len() > SIGNATURES_MAX {
            return None;
        }
        let mut rest = Expect::new(bytes);
        rest.array(2)?;
        let document = rest.byte_string(self.document_bytes)?;
        rest.array(self.signatures.len())?;
        let mut signatures = Vec::with_capacity(self.signatures.len());
        for claim in &self.signatures {
            let signature = rest.byte_string(u32::try_from(claim.bytes_len()).ok()?)?;
            signatures.push(claim.parts(signature)?);
        }
        rest.end(())?;
        let is_claimed = self.list.layout == LAYOUT && self.list.encode() == document;
        is_claimed.then_some(SignedList { bytes, document, list: self.list, signatures })
    }
}

impl<'a> SignedList<'a> {
    /// Takes a signed list apart.
    ///
    /// # Errors
    /// If it has not the one form, or is too long.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, KeyListError> {
        ListClaim::of(bytes)?.parts(bytes).ok_or(KeyListError::Malformed("not in deterministic form"))
    }

    /// The keys that the signatures name; nothing is verified.
    #[must_use]
    pub fn signers(&self) -> Vec<KeyId> {
        self.signatures.iter().map(|signature| signature.key).collect()
    }

    /// How many different root keys of `by` have signed. Signatures of others are passed over.
    ///
    /// # Errors
    /// [`KeyListError::Signature`] if a signature in the name of one of them does not fit.
    pub fn signed_by(&self, by: &KeyList) -> Result<usize, KeyListError> {
        let roots = TrustAnchors::new(by.roots().cloned().collect()).map_err(KeyListError::Anchors)?;
        let mut signers: Vec<KeyId> = Vec::new();
        for signature in &self.signatures {
            match signature.verify(Purpose::KeyList, self.document, |id| roots.key(id)) {
                Ok(()) if !signers.contains(&signature.key) => signers.push(signature.key),
                Ok(()) | Err(SignatureError::UnknownKey(_)) => {}
                Err(error) => return Err(KeyListError::Signature(error)),
            }
        }
        Ok(signers.len())
    }
}

/// A list that nobody has signed yet, in the form of a signed one.
#[must_use]
pub fn unsigned(list: &KeyList) -> Vec<u8> {
    encode(&list.encode(), &[])
}

/// Adds `key`'s signature, in the place of an earlier one by it.
///
/// # Errors
/// As [`SignedList::decode`], and if there is no room for another signature.
pub fn add_signature(signed: &[u8], key: &SigningKey) -> Result<Vec<u8>, KeyListError> {
    let list = SignedList::decode(signed)?;
    let signature = sign_detached(Purpose::KeyList, list.document, key);
    let others = list.signatures.iter().filter(|old| old.key != key.key_id());
    let mut signatures: Vec<&[u8]> = others.map(|old| old.bytes).collect();
    signatures.push(&signature);
    if signatures.len() > SIGNATURES_MAX {
        return Err(KeyListError::Malformed("too many signatures"));
    }
    let bytes = encode(list.document, &signatures);
    if bytes.len() > SIGNED_LIST_BYTES_MAX {
        return Err(KeyListError::TooLarge { bytes: bytes.len() });
    }
    Ok(bytes)
}

fn encode(document: &[u8], signatures: &[&[u8]]) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    let written = encoder.array(2).and_then(|e| e.bytes(document)).and_then(|e| {
        let e = e.array(signatures.len() as u64)?;
        signatures.iter().try_fold(e, |e, signature| e.bytes(signature))
    });
    match written {
        Ok(_) => encoder.into_writer(),
        Err(_) => Vec::new(), // writing into memory cannot fail; empty bytes are no list
    }
}

#[cfg(test)]
pub(crate) mod tests;
