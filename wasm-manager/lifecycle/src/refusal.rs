// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From the errors of the crates below to the refusals on the wire.

use alloc::string::{String, ToString};
use core::fmt;

use cofferdam_admission::AdmissionError;
use cofferdam_management_protocol::{DeviceMessage, Refusal};
use cofferdam_package::SignatureError;
use cofferdam_package::container::PackageError;
use cofferdam_policy::PolicyError;

use crate::platform::PlatformError;
use crate::ratchet::RatchetError;

/// A refusal and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub code: Refusal,
    /// About what; may be empty.
    pub detail: String,
}

impl Refused {
    pub(crate) fn new(code: Refusal, detail: impl ToString) -> Self {
        Self { code, detail: detail.to_string() }
    }

    pub(crate) fn message(&self) -> DeviceMessage {
        DeviceMessage::Refused { code: self.code.code(), text: self.to_string() }
    }

    /// A refusal of the signature on a command.
    pub(crate) fn of_command(error: SignatureError) -> Self {
        match error {
            SignatureError::UnknownKey(id) => Self::new(Refusal::UnknownKey, id),
            SignatureError::BadSignature(id) => Self::new(Refusal::BadSignature, alloc::format!("key {id}")),
            SignatureError::OtherPurpose => {
                Self::new(Refusal::MalformedCommand, "signed for another purpose")
            }
            SignatureError::Malformed(part) => Self::new(Refusal::MalformedCommand, part),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() { self.code.fmt(f) } else { write!(f, "{}: {}", self.code, self.detail) }
    }
}

impl From<Refusal> for Refused {
    fn from(code: Refusal) -> Self {
        Self { code, detail: String::new() }
    }
}

impl From<PackageError> for Refused {
    fn from(error: PackageError) -> Self {
        match error {
            PackageError::TooLarge { bytes, max } => {
                Self::new(Refusal::TooLarge, alloc::format!("{bytes} bytes, at most {max}"))
            }
            PackageError::Truncated => Self::new(Refusal::Truncated, "the package ends too early"),
            PackageError::Malformed(part) => Self::new(Refusal::MalformedPackage, part),
            PackageError::Signature(SignatureError::UnknownKey(id)) => {
                Self::new(Refusal::UnknownKey, alloc::format!("package signed by {id}"))
            }
            PackageError::Signature(SignatureError::BadSignature(id)) => {
                Self::new(Refusal::BadSignature, alloc::format!("package, key {id}"))
            }
            PackageError::Signature(error) => Self::new(Refusal::MalformedPackage, error),
            PackageError::Manifest(error) => Self::new(Refusal::BadManifest, error),
            PackageError::DigestMismatch => {
                Self::new(Refusal::DigestMismatch, "the module is not the signed one")
            }
        }
    }
}

impl From<RatchetError> for Refused {
    fn from(error: RatchetError) -> Self {
        match error {
            RatchetError::Older { seen } => {
                Self::new(Refusal::Ratchet, alloc::format!("sequence {seen} was seen"))
            }
            RatchetError::OtherModule => Self::new(Refusal::Ratchet, "same sequence with another module"),
            RatchetError::Full => Refusal::RatchetTableFull.into(),
        }
    }
}

impl From<PolicyError> for Refused {
    fn from(error: PolicyError) -> Self {
        let code = match error {
            PolicyError::MayNotSignPackages => Refusal::NotAuthorised,
            PolicyError::UnknownSensor(_) | PolicyError::UnknownActuator(_) => Refusal::UnknownResource,
            PolicyError::ComponentNotGranted(_)
            | PolicyError::SensorNotGranted(_)
            | PolicyError::ActuatorNotGranted { .. }
            | PolicyError::TopicNotGranted(_)
            | PolicyError::TooOften { .. }
            | PolicyError::Log { .. }
            | PolicyError::Fuel { .. }
            | PolicyError::Memory { .. } => Refusal::PermissionNotGranted,
        };
        Self::new(code, error)
    }
}

impl From<AdmissionError> for Refused {
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

impl From<PlatformError> for Refused {
    fn from(error: PlatformError) -> Self {
        Self::new(Refusal::Internal, error)
    }
}
