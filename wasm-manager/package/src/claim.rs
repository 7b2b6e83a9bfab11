// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Checking signed bytes without parsing them.
//!
//! Somebody who is not believed has parsed the bytes and claims what is in them: who signed, how long each part is, what
//! the signed part says. Everything here has one encoding, so the claim can be encoded again and compared with the bytes:
//! nothing is looked for, no length is taken from them. What comes out is what a trusted key signed, whoever claimed it;
//! a false claim is a [`ClaimError::False`].

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::key::{KeyId, SIGNATURE_BYTES, VerifyingKey};
use crate::sign::{Purpose, SignatureError};

/// CBOR's major types.
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
/// Tag 18 and an array of four.
const SIGN1: &[u8] = &[0xd2, 0x84];
const EMPTY_MAP: &[u8] = &[0xa0];
const NIL: &[u8] = &[0xf6];
/// The first item of what a COSE_Sign1's signature covers (RFC 9052, section 4.4).
const CONTEXT: &str = "Signature1";

/// What is claimed about a COSE_Sign1 with its payload inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedClaim {
    /// Who signed.
    pub key: KeyId,
    /// Length of the protected header.
    pub protected_bytes: u32,
    /// Length of the payload.
    pub payload_bytes: u32,
}

/// What is claimed about a COSE_Sign1 whose payload is elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetachedClaim {
    /// Who signed.
    pub key: KeyId,
    /// Length of the protected header.
    pub protected_bytes: u32,
}

/// Why a claim is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// The bytes are not what is claimed.
    False,
    /// They are, and the signature does not hold.
    Signature(SignatureError),
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::False => f.write_str("the bytes are not what is claimed"),
            Self::Signature(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ClaimError {}

impl SignedClaim {
    /// The payload that one of our keys signed for `purpose`.
    ///
    /// # Errors
    /// See [`ClaimError`].
    pub fn check<'a>(
        &self,
        purpose: Purpose,
        bytes: &'a [u8],
        find_key: impl FnOnce(&KeyId) -> Option<VerifyingKey>,
    ) -> Result<&'a [u8], ClaimError> {
        let (protected, payload, signature) = self.parts(bytes).ok_or(ClaimError::False)?;
        verify(purpose, self.key, protected, payload, signature, find_key).map_err(ClaimError::Signature)?;
        Ok(payload)
    }

    /// The payload, whoever signed it; `None` if it is not as claimed.
    #[must_use]
    pub fn payload<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        self.parts(bytes).map(|(_, payload, _)| payload)
    }

    fn parts<'a>(&self, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8], &'a [u8; SIGNATURE_BYTES])> {
        let mut rest = Expect::new(bytes);
        rest.literal(SIGN1)?;
        let protected = rest.byte_string(self.protected_bytes)?;
        rest.literal(EMPTY_MAP)?;
        let payload = rest.byte_string(self.payload_bytes)?;
        let signature = rest.signature()?;
        rest.end(())?;
        Some((protected, payload, signature))
    }
}

/// A COSE_Sign1 without its payload, taken apart as somebody claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detached<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// Who signed, as claimed.
    pub key: KeyId,
    protected: &'a [u8],
    signature: &'a [u8; SIGNATURE_BYTES],
}

impl DetachedClaim {
    /// Its length. It says all.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        let protected = crate::sign::byte_string_len(self.protected_bytes as usize);
        let signature = crate::sign::byte_string_len(SIGNATURE_BYTES);
        [SIGN1.len(), EMPTY_MAP.len(), NIL.len(), signature]
            .into_iter()
            .fold(protected, usize::saturating_add)
    }

    /// The parts, if `bytes` are what is claimed.
    #[must_use]
    pub fn parts<'a>(&self, bytes: &'a [u8]) -> Option<Detached<'a>> {
        let mut rest = Expect::new(bytes);
        rest.literal(SIGN1)?;
        let protected = rest.byte_string(self.protected_bytes)?;
        rest.literal(EMPTY_MAP)?;
        rest.literal(NIL)?;
        let signature = rest.signature()?;
        rest.end(Detached { bytes, key: self.key, protected, signature })
    }
}

impl Detached<'_> {
    /// Whether its signature holds for `payload`.
    ///
    /// # Errors
    /// [`SignatureError::UnknownKey`] or [`SignatureError::BadSignature`].
    pub fn verify(
        &self,
        purpose: Purpose,
        payload: &[u8],
        find_key: impl FnOnce(&KeyId) -> Option<VerifyingKey>,
    ) -> Result<(), SignatureError> {
        verify(purpose, self.key, self.protected, payload, self.signature, find_key)
    }
}

fn verify(
    purpose: Purpose,
    id: KeyId,
    protected: &[u8],
    payload: &[u8],
    signature: &[u8; SIGNATURE_BYTES],
    find_key: impl FnOnce(&KeyId) -> Option<VerifyingKey>,
) -> Result<(), SignatureError> {
    let key = find_key(&id).ok_or(SignatureError::UnknownKey(id))?;
    let mut message = Vec::new();
    put_head(&mut message, ARRAY, 4);
    put_head(&mut message, TEXT, CONTEXT.len());
    message.extend(CONTEXT.as_bytes());
    for part in [protected, purpose.external_data(), payload] {
        put_head(&mut message, BYTES, part.len());
        message.extend(part);
    }
    if key.verifies(&message, signature) { Ok(()) } else { Err(SignatureError::BadSignature(id)) }
}

/// Bytes of which it is known what they have to be.
pub struct Expect<'a>(&'a [u8]);

impl<'a> Expect<'a> {
    /// All of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Exactly these.
    pub fn literal(&mut self, bytes: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(bytes)?;
        Some(())
    }

    /// An array of so many items, the items yet to come.
    pub fn array(&mut self, items: usize) -> Option<()> {
        let mut head = Vec::new();
        put_head(&mut head, ARRAY, items);
        self.literal(&head)
    }

    /// A byte string of this length, with its shortest head.
    pub fn byte_string(&mut self, length: u32) -> Option<&'a [u8]> {
        let mut head = Vec::new();
        put_head(&mut head, BYTES, length as usize);
        self.literal(&head)?;
        let (string, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(string)
    }

    fn signature(&mut self) -> Option<&'a [u8; SIGNATURE_BYTES]> {
        self.byte_string(SIGNATURE_BYTES as u32)?.try_into().ok()
    }

    /// Nothing more: then `value`.
    pub fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

/// The shortest head of an item of this major type.
fn put_head(bytes: &mut Vec<u8>, major: u8, argument: usize) {
    let argument = argument as u64;
    let major = major << 5;
    let [.., b4, b3, b2, b1] = argument.to_be_bytes();
    match argument {
        0..24 => bytes.push(major | b1),
        24..0x100 => bytes.extend([major | 24, b1]),
        0x100..0x1_0000 => bytes.extend([major | 25, b2, b1]),
        0x1_0000..0x1_0000_0000 => bytes.extend([major | 26, b4, b3, b2, b1]),
        _ => {
            bytes.push(major | 27);
            bytes.extend(argument.to_be_bytes());
        }
    }
}
