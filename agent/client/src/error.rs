// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What can go wrong between us and a device.

use std::fmt;
use std::io;
use std::time::Duration;

use cofferdam_management_protocol::{FrameError, PROTOCOL_VERSION, Refusal};

/// Why a device did not do what was asked.
#[derive(Debug)]
pub enum ClientError {
    /// Nobody answers at this address.
    Unreachable {
        /// Where we tried.
        address: String,
        /// What the system said last.
        error: io::Error,
    },
    /// The address cannot be understood or found.
    Address {
        /// What was given.
        address: String,
        /// What the system said.
        error: io::Error,
    },
    /// Somebody accepted the connection but did not greet.
    NoGreeting {
        /// Where we tried.
        address: String,
    },
    /// The device serves somebody else.
    Busy {
        /// How long we kept trying.
        waited: Duration,
    },
    /// The device speaks another version of the protocol.
    Version(u16),
    /// The connection broke.
    Lost(io::Error),
    /// The device did not answer in time.
    Silent(Duration),
    /// The device sent what is no message.
    Frame(FrameError),
    /// The device sent a message that is no answer to what was asked; it is named.
    Unexpected(String),
    /// The device said no.
    Refused {
        /// The stable code.
        code: u16,
        /// The device's words.
        text: String,
    },
    /// A package that is longer than any device takes.
    TooLarge {
        /// Its length.
        bytes: usize,
    },
}

impl ClientError {
    /// The refusal, if it is one that this version knows.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused { code, .. } => Refusal::from_code(*code),
            _ => None,
        }
    }

    /// What to do about it, if there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } | Self::NoGreeting { .. } => {
                Some("is the device running? `--device HOST:PORT` or COFFERDAM_DEVICE names another one")
            }
            Self::Address { .. } => Some("write it as HOST:PORT, such as 192.168.1.20:7700"),
            Self::Busy { .. } => {
                Some("a device serves one connection at a time: try again, or end the other one")
            }
            Self::Version(_) => Some("use the `cofferdam` tool of the device's release"),
            Self::Refused { .. } => self.refusal().and_then(refusal_hint),
            _ => None,
        }
    }
}

fn refusal_hint(refusal: Refusal) -> Option<&'static str> {
    Some(match refusal {
        Refusal::UnknownKey => {
            "`cofferdam keys list` shows which keys the device trusts: sign with one of those (--key)"
        }
        Refusal::Ratchet => "raise `sequence` in cofferdam.toml; the same sequence needs the same module",
        Refusal::PermissionNotGranted => {
            "ask for less in cofferdam.toml, or sign with a key whose grant has it"
        }
        Refusal::NoFreeSlot => "remove an app first: cofferdam rm NAME",
        Refusal::NoSuchApp => "`cofferdam ls` shows what is installed",
        Refusal::BeyondLimits | Refusal::Utilisation => "lower the figure in cofferdam.toml",
        Refusal::DigestMismatch | Refusal::BadSignature => {
            "the package was changed after signing: pack it again"
        }
        Refusal::OtherBoot | Refusal::WrongSequence => {
            "the device has moved on since the greeting: try again"
        }
        Refusal::KeyListOlder => "raise `version` in list.toml and sign the list again",
        Refusal::KeyListQuorum => {
            "root keys of the list in force must sign it, and root keys of its own: cofferdam keys sign"
        }
        Refusal::KeyListLockout => "a list needs at least `threshold` anchors with `root = true`",
        _ => return None,
    })
}

impl fmt::Display for ClientError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { address, error } => write!(formatter, "cannot reach {address}: {error}"),
            Self::Address { address, error } => write!(formatter, "'{address}' is no address: {error}"),
            Self::NoGreeting { address } => {
                write!(formatter, "{address} accepts connections but no device greets there")
            }
            Self::Busy { waited } => {
                write!(formatter, "the device is busy with another connection (tried for {:.0?})", waited)
            }
            Self::Version(version) => {
                write!(formatter, "the device speaks protocol {version}, this tool {PROTOCOL_VERSION}")
            }
            Self::Lost(error) => write!(formatter, "lost the connection: {error}"),
            Self::Silent(limit) => write!(formatter, "the device did not answer within {limit:.0?}"),
            Self::Frame(error) => write!(formatter, "the device sent a bad frame: {error}"),
            Self::Unexpected(what) => write!(formatter, "the device sent an unexpected answer: {what}"),
            Self::Refused { code, text } => write!(formatter, "the device refused: {text} (code {code})"),
            Self::TooLarge { bytes } => write!(formatter, "the package is too large: {bytes} bytes"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<FrameError> for ClientError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}
