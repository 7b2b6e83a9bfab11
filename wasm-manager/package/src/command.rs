// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Signed commands: each counts for one device, one boot, once.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::claim::{ClaimError, SignedClaim};
use crate::key::{KeyId, SigningKey, VerifyingKey};
use crate::sign::{Purpose, SignatureError, claim, sign, verify};

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

/// What somebody who is not believed claims about a signed command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandClaim {
    /// Its envelope.
    pub signed: SignedClaim,
    /// For which device.
    pub device_id: String,
    /// For which boot.
    pub nonce: [u8; NONCE_BYTES],
    /// Its sequence number.
    pub sequence: u64,
    /// Length of the command, which is the last thing in the payload.
    pub command_bytes: u32,
}

impl CommandClaim {
    /// What is in a signed command; nothing is checked.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] or [`SignatureError::OtherPurpose`].
    pub fn of(bytes: &[u8]) -> Result<Self, SignatureError> {
        let malformed = SignatureError::Malformed;
        let signed = claim(Purpose::Command, bytes)?;
        let (payload, _) = crate::sign::peek(Purpose::Command, bytes)?;
        let envelope = open(payload)?;
        let command_bytes = u32::try_from(envelope.command.len()).map_err(|_| malformed("command"))?;
        let (device_id, nonce) = (envelope.device_id.to_string(), envelope.nonce);
        Ok(Self { signed, device_id, nonce, sequence: envelope.sequence, command_bytes })
    }

    /// The command that one of our keys signed, with the device, the boot and the sequence number of this claim.
    ///
    /// # Errors
    /// See [`ClaimError`].
    pub fn check<'a>(
        &self,
        bytes: &'a [u8],
        find_key: impl FnOnce(&KeyId) -> Option<VerifyingKey>,
    ) -> Result<&'a [u8], ClaimError> {
        let payload = self.signed.check(Purpose::Command, bytes, find_key)?;
        let begin = payload.len().checked_sub(self.command_bytes as usize).ok_or(ClaimError::False)?;
        let command = payload.get(begin..).ok_or(ClaimError::False)?;
        let envelope = CommandEnvelope {
            device_id: &self.device_id,
            nonce: self.nonce,
            sequence: self.sequence,
            command,
        };
        if encode(&envelope) == payload { Ok(command) } else { Err(ClaimError::False) }
    }
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
    Ok(SignedCommand { envelope: open(payload)?, signer })
}

fn open(payload: &[u8]) -> Result<CommandEnvelope<'_>, SignatureError> {
    let malformed = SignatureError::Malformed;
    let envelope: CommandEnvelope<'_> =
        minicbor::decode(payload).map_err(|_| malformed("command envelope"))?;
    if encode(&envelope) != payload {
        return Err(malformed("command envelope is not in deterministic form"));
    }
    Ok(envelope)
}

/// Encoding into memory cannot fail; should it ever, empty bytes equal no payload and verify nowhere.
fn encode(envelope: &CommandEnvelope<'_>) -> Vec<u8> {
    minicbor::to_vec(envelope).unwrap_or_default()
}
