// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Asking the verifier, which is hostile: what it says about bytes is a claim, and it begins anew for each.

use alloc::string::{String, ToString};
use core::fmt;

use cofferdam_management_protocol::Refusal;
use cofferdam_package::sha256;
use cofferdam_shared_memory::SharedRegion;
use cofferdam_verifier_protocol::{Found, Kind};

use crate::manager::Manager;
use crate::platform::{Platform, PlatformError};
use crate::refusal::Refused;

/// Time for what is some kilobytes long. Some milliseconds of it are used.
const PATIENCE_US: u64 = 1_000_000;
/// Time for a package, which can be a megabyte. Some tens of milliseconds are used.
const PATIENCE_FOR_PACKAGE_US: u64 = 2_000_000;

/// The memory that the manager shares with the verifier.
#[derive(Clone, Copy, Debug)]
pub struct VerifierRegions {
    /// Written here, read-only there.
    pub staging: SharedRegion,
    /// The other way round.
    pub verdict: SharedRegion,
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// It faulted.
    Faulted(String),
    /// It did not end in time.
    Late,
    /// It could not be started.
    Platform(PlatformError),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faulted(fault) => write!(f, "it crashed: {fault}"),
            Self::Late => f.write_str("it did not end in time"),
            Self::Platform(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Unanswered {}

/// A claim about bytes.
pub(crate) struct Checked {
    pub(crate) found: Found,
    /// Of the bytes.
    pub(crate) sha256: [u8; 32],
}

impl<P: Platform> Manager<P> {
    /// What the verifier claims to be in `bytes`. It is to be held against them.
    ///
    /// # Errors
    /// What it says against them, or why it says nothing that counts.
    pub(crate) fn ask_verifier(&mut self, kind: Kind, bytes: &[u8]) -> Result<Checked, Refused> {
        self.platform.stop_verifier()?;
        let asked = self.asker.stage(kind, bytes).map_err(|error| Refused::new(Refusal::TooLarge, error))?;
        let patience_us = match kind {
            Kind::Package => PATIENCE_FOR_PACKAGE_US,
            Kind::Command | Kind::KeyList | Kind::KeptLists => PATIENCE_US,
        };
        let asker = &self.asker;
        self.platform.run_verifier(&|| asker.is_answered(&asked), patience_us).map_err(failed)?;
        let sha256 = sha256(bytes);
        match asker.answer(&asked, &sha256).map_err(failed)? {
            Ok(found) => Ok(Checked { found, sha256 }),
            Err(complaint) => Err(Refused::hearsay(&complaint)),
        }
    }
}

fn failed(error: impl fmt::Display) -> Refused {
    log::error!("verifier: {error}; it begins anew");
    Refused::new(Refusal::Verifier, error.to_string())
}
