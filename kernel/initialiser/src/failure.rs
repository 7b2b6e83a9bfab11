// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Why the system could not be created.

use core::fmt;

use cofferdam_memory_plan::{NoRoom, Refusal};
use cofferdam_system_spec::SpecError;

/// Longest name of a protection domain or region that a failure repeats.
const NAME_BYTES: usize = 64;

/// What the kernel or the allocator said.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reason {
    /// The kernel refused.
    Kernel(sel4::Error),
    /// Memory or slots are missing.
    Memory(Refusal<sel4::Error>),
    /// More slots were taken than `cofferdam_memory_plan::slots` counted.
    Miscounted(u64),
    /// A list in this program is too short for the system.
    TooMany,
}

impl From<sel4::Error> for Reason {
    fn from(error: sel4::Error) -> Self {
        Self::Kernel(error)
    }
}

impl From<Refusal<sel4::Error>> for Reason {
    fn from(refusal: Refusal<sel4::Error>) -> Self {
        Self::Memory(refusal)
    }
}

impl From<NoRoom> for Reason {
    fn from(_: NoRoom) -> Self {
        Self::TooMany
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(error) => write!(f, "the kernel says: {error}"),
            Self::Memory(refusal) => refusal.fmt(f),
            Self::Miscounted(counted) => write!(f, "{counted} were counted, more taken: correct the count"),
            Self::TooMany => f.write_str("more than this initialiser has room for"),
        }
    }
}

/// Why the system could not be created.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The image tool has put no description behind the initialiser.
    NoPayload,
    /// The description cannot be used.
    Description(SpecError),
    /// A step went wrong.
    Step { what: &'static str, whom: heapless::String<NAME_BYTES>, reason: Reason },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPayload => f.write_str("no system description in the image"),
            Self::Description(error) => error.fmt(f),
            Self::Step { what, whom, reason } => write!(f, "{what} for '{whom}' failed: {reason}"),
        }
    }
}

/// Adds what was being done, and for whom.
pub(crate) trait Context<T> {
    /// Names the step.
    fn doing(self, what: &'static str, whom: &str) -> Result<T, Failure>;
}

impl<T, E: Into<Reason>> Context<T> for Result<T, E> {
    fn doing(self, what: &'static str, whom: &str) -> Result<T, Failure> {
        self.map_err(|error| {
            let mut name = heapless::String::new();
            for character in whom.chars() {
                if name.push(character).is_err() {
                    break;
                }
            }
            Failure::Step { what, whom: name, reason: error.into() }
        })
    }
}
