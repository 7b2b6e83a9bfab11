// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From the errors of the crates below to the refusals on the wire.

use alloc::string::{String, ToString};
use core::fmt;

use cofferdam_admission::AdmissionError;
use cofferdam_management_protocol::{DeviceMessage, Refusal};
use cofferdam_package::claim::ClaimError;
use cofferdam_package::container::PackageError;
use cofferdam_policy::{KeyListError, PolicyError};
use cofferdam_verifier_protocol::Complaint;

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

    /// A command that no trusted key has signed.
    pub(crate) fn of_command(error: ClaimError) -> Self {
        match error {
            ClaimError::False => Self::new(Refusal::Verifier, error),
            ClaimError::Signature(error) => Complaint::of_command(error).into(),
        }
    }

    /// The verifier claims what is not so.
    pub(crate) fn of_nonsense() -> Self {
        Self::new(Refusal::Verifier, ClaimError::False)
    }

    /// What the verifier says against something; it is hearsay.
    pub(crate) fn hearsay(complaint: &Complaint) -> Self {
        match complaint.plausible() {
            Some((code, detail)) => Self { code, detail },
            None => Self::new(Refusal::Verifier, "it complains of what it cannot know"),
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

/// A complaint of ours.
impl From<Complaint> for Refused {
    fn from(complaint: Complaint) -> Self {
        let code = Refusal::from_code(complaint.code).unwrap_or(Refusal::Internal);
        Self { code, detail: complaint.text }
    }
}

impl From<PackageError> for Refused {
    fn from(error: PackageError) -> Self {
        Complaint::from(error).into()
    }
}

impl From<KeyListError> for Refused {
    fn from(error: KeyListError) -> Self {
        Complaint::from(error).into()
    }
}

impl From<AdmissionError> for Refused {
    fn from(error: AdmissionError) -> Self {
        Complaint::from(error).into()
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

impl From<PlatformError> for Refused {
    fn from(error: PlatformError) -> Self {
        Self::new(Refusal::Internal, error)
    }
}
