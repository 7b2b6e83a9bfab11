// SPDX-License-Identifier: Apache-2.0 OR MIT
//! COSE_Sign1 for one of three purposes.
//!
//! The exact form, for whoever makes one with another library:
//! - tagged (18), all lengths definite and shortest;
//! - protected header, exactly these three: 1 (algorithm) = -8 (EdDSA), 3 (content type) = text,
//!   4 (key identifier) = first eight bytes of the SHA-256 of the public key; in any order;
//! - unprotected header empty; payload attached, but detached (`nil`) where several sign the same key list;
//! - external data (`external_aad`) as [`Purpose::external_data`] says.

use alloc::vec::Vec;
use core::fmt;

use coset::iana::Algorithm;
use coset::{CoseSign1Builder, Header, HeaderBuilder, TaggedCborSerializable};
use minicbor::Decoder;
use minicbor::data::{Tag, Type};

use crate::claim::{ClaimError, DetachedClaim, SignedClaim};
use crate::key::{KeyId, SIGNATURE_BYTES, SigningKey, VerifyingKey};

const TAG_COSE_SIGN1: u64 = 18;
const HEADER_ALGORITHM: i64 = 1;
const HEADER_CONTENT_TYPE: i64 = 3;
const HEADER_KEY_ID: i64 = 4;
const ALGORITHM_EDDSA: i64 = -8;

/// What a signature is for. One purpose's signature never verifies as the other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A package's manifest.
    Package,
    /// A command to a device.
    Command,
    /// A list of keys that devices trust.
    KeyList,
}

impl Purpose {
    /// The content type in the protected header.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Package => "application/vnd.cofferdam.manifest+cbor",
            Self::Command => "application/vnd.cofferdam.command+cbor",
            Self::KeyList => "application/vnd.cofferdam.key-list+cbor",
        }
    }

    /// The external data that the signature also covers.
    #[must_use]
    pub const fn external_data(self) -> &'static [u8] {
        match self {
            Self::Package => b"cofferdam package 1",
            Self::Command => b"cofferdam command 1",
            Self::KeyList => b"cofferdam key list 1",
        }
    }
}

/// Why a signed message was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// Not a COSE_Sign1 in the form that [`self`](crate::sign) describes; the text says which part.
    Malformed(&'static str),
    /// Signed for another purpose: a command in a package's place, or the other way round.
    OtherPurpose,
    /// No trusted key has this identifier.
    UnknownKey(KeyId),
    /// The signature does not fit the message and the key.
    BadSignature(KeyId),
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(part) => write!(f, "malformed signature envelope: {part}"),
            Self::OtherPurpose => f.write_str("signed for another purpose"),
            Self::UnknownKey(id) => write!(f, "unknown key {id}"),
            Self::BadSignature(id) => write!(f, "bad signature by key {id}"),
        }
    }
}

impl core::error::Error for SignatureError {}

/// Signs `payload` for `purpose`.
#[must_use]
pub fn sign(purpose: Purpose, payload: Vec<u8>, key: &SigningKey) -> Vec<u8> {
    CoseSign1Builder::new()
        .protected(protected(purpose, key))
        .payload(payload)
        .create_signature(purpose.external_data(), |message| key.sign(message).to_vec())
        .build()
        .to_tagged_vec()
        .unwrap_or_default() // cannot fail: these headers have no duplicates; empty bytes verify nowhere
}

/// Signs `payload` for `purpose`; the payload itself travels elsewhere.
#[must_use]
pub fn sign_detached(purpose: Purpose, payload: &[u8], key: &SigningKey) -> Vec<u8> {
    CoseSign1Builder::new()
        .protected(protected(purpose, key))
        .create_detached_signature(payload, purpose.external_data(), |message| key.sign(message).to_vec())
        .build()
        .to_tagged_vec()
        .unwrap_or_default() // as above
}

fn protected(purpose: Purpose, key: &SigningKey) -> Header {
    HeaderBuilder::new()
        .algorithm(Algorithm::EdDSA)
        .content_type(purpose.content_type().into())
        .key_id(key.key_id().0.to_vec())
        .build()
}

/// What is in a detached signature; nothing is checked.
///
/// # Errors
/// [`SignatureError::Malformed`] or [`SignatureError::OtherPurpose`].
pub fn claim_detached(purpose: Purpose, bytes: &[u8]) -> Result<DetachedClaim, SignatureError> {
    let shape = Shape::read(bytes)?;
    if shape.content_type != purpose.content_type() {
        return Err(SignatureError::OtherPurpose);
    }
    if shape.payload.is_some() {
        return Err(malformed("payload"));
    }
    Ok(DetachedClaim { key: shape.key_id, protected_bytes: length(shape.protected)? })
}

/// What is in signed bytes; nothing is checked.
///
/// # Errors
/// [`SignatureError::Malformed`] or [`SignatureError::OtherPurpose`].
pub fn claim(purpose: Purpose, bytes: &[u8]) -> Result<SignedClaim, SignatureError> {
    let shape = Shape::read(bytes)?;
    if shape.content_type != purpose.content_type() {
        return Err(SignatureError::OtherPurpose);
    }
    let payload = shape.payload.ok_or(malformed("payload"))?;
    Ok(SignedClaim {
        key: shape.key_id,
        protected_bytes: length(shape.protected)?,
        payload_bytes: length(payload)?,
    })
}

fn length(part: &[u8]) -> Result<u32, SignatureError> {
    u32::try_from(part.len()).map_err(|_| malformed("length"))
}

/// Checks `bytes` and returns the payload and the key that signed it.
///
/// # Errors
/// See [`SignatureError`].
pub fn verify(
    purpose: Purpose,
    bytes: &[u8],
    find_key: impl FnOnce(&KeyId) -> Option<VerifyingKey>,
) -> Result<(&[u8], KeyId), SignatureError> {
    let claim = claim(purpose, bytes)?;
    match claim.check(purpose, bytes, find_key) {
        Ok(payload) => Ok((payload, claim.key)),
        Err(ClaimError::Signature(error)) => Err(error),
        Err(ClaimError::False) => Err(malformed("length")),
    }
}

/// Looks into `bytes` without checking the signature, for showing to people.
///
/// # Errors
/// [`SignatureError::Malformed`] or [`SignatureError::OtherPurpose`].
pub fn peek(purpose: Purpose, bytes: &[u8]) -> Result<(&[u8], KeyId), SignatureError> {
    let shape = Shape::read(bytes)?;
    if shape.content_type != purpose.content_type() {
        return Err(SignatureError::OtherPurpose);
    }
    Ok((shape.payload.ok_or(malformed("payload"))?, shape.key_id))
}

const fn malformed(part: &'static str) -> SignatureError {
    SignatureError::Malformed(part)
}

/// The parts of a COSE_Sign1 of the exact form above, read without recursion and without allocation.
struct Shape<'a> {
    protected: &'a [u8],
    content_type: &'a str,
    key_id: KeyId,
    /// `None` if it is detached.
    payload: Option<&'a [u8]>,
}

impl<'a> Shape<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, SignatureError> {
        let mut decoder = Decoder::new(bytes);
        if !decoder.tag().is_ok_and(|tag| tag == Tag::new(TAG_COSE_SIGN1)) {
            return Err(malformed("tag"));
        }
        if !matches!(decoder.array(), Ok(Some(4))) {
            return Err(malformed("array of four"));
        }
        let protected = decoder.bytes().map_err(|_| malformed("protected header"))?;
        if !matches!(decoder.map(), Ok(Some(0))) {
            return Err(malformed("unprotected header"));
        }
        let payload = match decoder.datatype() {
            Ok(Type::Null) => decoder.null().map(|()| None),
            _ => decoder.bytes().map(Some),
        };
        let payload = payload.map_err(|_| malformed("payload"))?;
        let signature = decoder.bytes().map_err(|_| malformed("signature"))?;
        if signature.len() != SIGNATURE_BYTES {
            return Err(malformed("signature length"));
        }
        let (content_type, key_id) = read_header(protected)?;
        // One byte each for tag, array, empty map and `nil`; the heads of the strings in their shortest form.
        let shortest = 3
            + [protected, signature].iter().map(|b| byte_string_len(b.len())).sum::<usize>()
            + payload.map_or(1, |payload| byte_string_len(payload.len()));
        if decoder.position() != bytes.len() || bytes.len() != shortest {
            return Err(malformed("length"));
        }
        Ok(Self { protected, content_type, key_id, payload })
    }
}

fn read_header(protected: &[u8]) -> Result<(&str, KeyId), SignatureError> {
    let mut decoder = Decoder::new(protected);
    if !matches!(decoder.map(), Ok(Some(3))) {
        return Err(malformed("protected header map"));
    }
    let (mut algorithm, mut content_type, mut key_id) = (None, None, None);
    for _ in 0..3 {
        let label = decoder.i64().map_err(|_| malformed("header label"))?;
        match label {
            HEADER_ALGORITHM if algorithm.is_none() => {
                algorithm = Some(decoder.i64().map_err(|_| malformed("algorithm"))?);
            }
            HEADER_CONTENT_TYPE if content_type.is_none() => {
                // `str` refuses text in pieces, which would need an allocation.
                content_type = Some(match decoder.datatype() {
                    Ok(Type::String) => decoder.str().map_err(|_| malformed("content type"))?,
                    _ => return Err(malformed("content type")),
                });
            }
            HEADER_KEY_ID if key_id.is_none() => {
                let bytes = decoder.bytes().map_err(|_| malformed("key identifier"))?;
                key_id = Some(KeyId(bytes.try_into().map_err(|_| malformed("key identifier"))?));
            }
            _ => return Err(malformed("header label")),
        }
    }
    if decoder.position() != protected.len() || algorithm != Some(ALGORITHM_EDDSA) {
        return Err(malformed("algorithm"));
    }
    match (content_type, key_id) {
        (Some(content_type), Some(key_id)) => Ok((content_type, key_id)),
        _ => Err(malformed("protected header")),
    }
}

/// Length of a byte string of `len` bytes with its shortest head.
pub(crate) fn byte_string_len(len: usize) -> usize {
    len.saturating_add(match len {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        0x1_0000..0x1_0000_0000 => 5,
        _ => 9,
    })
}
