// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Signed commands: each counts for one device, one boot, once.

use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::key::{KeyId, SigningKey, VerifyingKey};
use crate::sign::{Purpose, SignatureError, sign, verify};

/// Length of the boot nonce in bytes.
pub const NONCE_BYTES: usize = 16;

/// What a command's signature covers. CBOR map; the keys are the numbers below.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CommandEnvelope<'a> {
    /// The device for which the command is meant.
    #[b(1)]
    pub device_id: &'a str,
    /// The nonce that the device greeted with; new at each boot.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub nonce: [u8; NONCE_BYTES],
    /// The sequence number that the device greeted with, one more for each command since.
    #[n(3)]
    pub sequence: u64,
    /// The command, opaque here: management-protocol's `Command` in postcard.
    #[cbor(b(4), with = "minicbor::bytes")]
    pub command: &'a [u8],
}

/// A command whose signature was checked, and nothing else: device, nonce and sequence are still the
/// caller's to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCommand<'a> {
    /// What was signed.
    pub envelope: CommandEnvelope<'a>,
    /// Who signed it.
    pub signer: KeyId,
}

/// Signs a command.
#[must_use]
pub fn sign_command(envelope: &CommandEnvelope<'_>, key: &SigningKey) -> Vec<u8> {
    sign(Purpose::Command, encode(envelope), key)
}

/// Checks a signed command.
///
/// # Errors
/// See [`SignatureError`].
pub fn verify_command(
    bytes: &[u8],
    find_key: impl FnOnce(&KeyId) -> Option<VerifyingKey>,
) -> Result<SignedCommand<'_>, SignatureError> {
    let (payload, signer) = verify(Purpose::Command, bytes, find_key)?;
    let envelope: CommandEnvelope<'_> =
        minicbor::decode(payload).map_err(|_| SignatureError::Malformed("command envelope"))?;
    if encode(&envelope) != payload {
        return Err(SignatureError::Malformed("command envelope is not in deterministic form"));
    }
    Ok(SignedCommand { envelope, signer })
}

/// Encoding into memory cannot fail; should it ever, empty bytes equal no payload and verify nowhere.
fn encode(envelope: &CommandEnvelope<'_>) -> Vec<u8> {
    minicbor::to_vec(envelope).unwrap_or_default()
}
