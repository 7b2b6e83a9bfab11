// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What is wrong with bytes, as a refusal on the wire will say it.

use alloc::format;
use alloc::string::{String, ToString};

use cofferdam_admission::AdmissionError;
use cofferdam_management_protocol::Refusal;
use cofferdam_package::SignatureError;
use cofferdam_package::container::PackageError;
use cofferdam_policy::KeyListError;
use serde::{Deserialize, Serialize};

/// Longest text that is shown, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// A refusal and what it is about. From the verifier it is hearsay: see [`Self::plausible`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// [`Refusal`] by number.
    pub code: u16,
    /// About what.
    pub text: String,
}

impl Complaint {
    /// Of this kind, with these words.
    #[must_use]
    pub fn new(refusal: Refusal, text: impl ToString) -> Self {
        Self { code: refusal.code(), text: text.to_string() }
    }

    pub(crate) fn too_long() -> Self {
        Self::new(Refusal::TooLarge, "what is in it has no room in a verdict")
    }

    /// Why a signed command cannot be read, or its signature not be accepted.
    #[must_use]
    pub fn of_command(error: SignatureError) -> Self {
        match error {
            SignatureError::UnknownKey(id) => Self::new(Refusal::UnknownKey, id),
            SignatureError::BadSignature(id) => Self::new(Refusal::BadSignature, format!("key {id}")),
            SignatureError::OtherPurpose => {
                Self::new(Refusal::MalformedCommand, "signed for another purpose")
            }
            SignatureError::Malformed(part) => Self::new(Refusal::MalformedCommand, part),
        }
    }

    /// The refusal and its words, without what moves a cursor, if a verifier may complain of that: of the form of
    /// something and of a module, and of nothing else.
    #[must_use]
    pub fn plausible(&self) -> Option<(Refusal, String)> {
        let refusal = Refusal::from_code(self.code)?;
        let may = matches!(
            refusal,
            Refusal::MalformedCommand
                | Refusal::TooLarge
                | Refusal::Truncated
                | Refusal::MalformedPackage
                | Refusal::BadManifest
                | Refusal::BeyondLimits
                | Refusal::InvalidModule
                | Refusal::ImportNotPermitted
                | Refusal::MissingExport
                | Refusal::ModuleMemory
                | Refusal::MalformedKeyList
                | Refusal::BadSignature
        );
        let text = self.text.chars().filter(|c| !c.is_control()).take(TEXT_CHARS_MAX).collect();
        may.then_some((refusal, text))
    }
}

impl From<PackageError> for Complaint {
    fn from(error: PackageError) -> Self {
        match error {
            PackageError::TooLarge { bytes, max } => {
                Self::new(Refusal::TooLarge, format!("{bytes} bytes, at most {max}"))
            }
            PackageError::Truncated => Self::new(Refusal::Truncated, "the package ends too early"),
            PackageError::Malformed(part) => Self::new(Refusal::MalformedPackage, part),
            PackageError::Signature(SignatureError::UnknownKey(id)) => {
                Self::new(Refusal::UnknownKey, format!("package signed by {id}"))
            }
            PackageError::Signature(SignatureError::BadSignature(id)) => {
                Self::new(Refusal::BadSignature, format!("package, key {id}"))
            }
            PackageError::Signature(error) => Self::new(Refusal::MalformedPackage, error),
            PackageError::Manifest(error) => Self::new(Refusal::BadManifest, error),
            PackageError::DigestMismatch => {
                Self::new(Refusal::DigestMismatch, "the module is not the signed one")
            }
            PackageError::FalseClaim => Self::new(Refusal::Verifier, error),
        }
    }
}

impl From<AdmissionError> for Complaint {
    fn from(error: AdmissionError) -> Self {
        let code = match error {
            AdmissionError::Limit(_) | AdmissionError::Period(_) | AdmissionError::Count { .. } => {
                Refusal::BeyondLimits
            }
            AdmissionError::Utilisation { .. } => Refusal::Utilisation,
            AdmissionError::Invalid(_) => Refusal::InvalidModule,
            AdmissionError::Import { .. } => Refusal::ImportNotPermitted,
            AdmissionError::Export { .. } => Refusal::MissingExport,
            AdmissionError::Memory { .. } => Refusal::ModuleMemory,
        };
        Self::new(code, error)
    }
}

impl From<KeyListError> for Complaint {
    fn from(error: KeyListError) -> Self {
        let code = match error {
            KeyListError::Malformed(_) | KeyListError::Layout(_) | KeyListError::Anchors(_) => {
                Refusal::MalformedKeyList
            }
            KeyListError::TooLarge { .. } => Refusal::TooLarge,
            KeyListError::LockedOut { .. } => Refusal::KeyListLockout,
            KeyListError::OtherClass => Refusal::OtherClass,
            KeyListError::Older { .. } => Refusal::KeyListOlder,
            KeyListError::Signature(_) => Refusal::BadSignature,
            KeyListError::Quorum { .. } | KeyListError::OwnQuorum { .. } => Refusal::KeyListQuorum,
            KeyListError::ChainFull => Refusal::KeyListChain,
        };
        Self::new(code, error)
    }
}
