// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Whether a module is fit to run under its manifest: decided before anything on the device changes.
//!
//! [`admit`] is two halves: [`admit_manifest`], which wasm_manager does, and [`fits`], which parses the module and is
//! the verifier's. Together they check, in this order: the manifest's figures against what a slot gives ([`Limits::MAXIMUM`]) and
//! how much of the slot's time the app may take ([`SlotClass`]); counts of everything in the module; that it is
//! valid Wasm in the deterministic profile ([`features`]); imports against the host ABI and the manifest's
//! permissions; exports against the app's shape; memory against the manifest.
//!
//! The slot checks most of this again when it loads the module, with the interpreter's own validation. Admission
//! comes first so that a bad module is refused while the app that it should replace still runs.
//!
//! Not here: signatures (package), and what the signer may grant (policy).
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod imports;
mod module;
mod utilisation;

#[cfg(test)]
mod tests;

use alloc::string::String;
use core::fmt;

use cofferdam_host_abi::{LimitExceeded, Limits, Shape};
use cofferdam_package::{Manifest, manifest};

pub use module::features;
pub use utilisation::{FUEL_PER_US, PERMILLE, SlotClass, utilisation_permille};

/// What an admitted app runs within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// All bounds, for the slot's orders.
    pub limits: Limits,
    /// How it is run.
    pub shape: Shape,
    /// The share of the processor that it may take, in thousandths.
    pub utilisation_permille: u32,
}

/// Why a module is not fit to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdmissionError {
    /// A figure of the manifest is more than a slot gives.
    Limit(LimitExceeded),
    /// The period is out of the slot's range.
    Period(u64),
    /// The app may take more of the slot's time than the class allows.
    Utilisation {
        /// What it may take, in thousandths.
        permille: u32,
        /// What the class allows.
        max: u32,
    },
    /// The module has too many of something.
    Count {
        /// Of what.
        what: &'static str,
        /// How many.
        count: u64,
        /// How many it may have.
        max: u64,
    },
    /// The module is not valid in the deterministic profile; the text is the validator's.
    Invalid(String),
    /// An import that the host does not offer or the manifest does not permit.
    Import {
        /// The import, as `module.name`.
        import: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A required export is missing or is something else.
    Export {
        /// Its name.
        name: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The module's memory begins larger than the manifest allows.
    Memory {
        /// Its initial size in pages of 64 KiB.
        pages: u64,
        /// What the manifest says.
        max: u32,
    },
}

impl fmt::Display for AdmissionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(exceeded) => exceeded.fmt(f),
            Self::Period(period_us) => {
                let (min, max) = (Limits::PERIOD_US_MINIMUM, Limits::PERIOD_US_MAXIMUM);
                write!(f, "period of {period_us} us, possible are {min} to {max}")
            }
            Self::Utilisation { permille, max } => {
                write!(f, "up to {permille} thousandths of the processor, at most {max}")
            }
            Self::Count { what, count, max } => write!(f, "{count} {what}, at most {max}"),
            Self::Invalid(why) => f.write_str(why),
            Self::Import { import, why } => write!(f, "{import}: {why}"),
            Self::Export { name, why } => write!(f, "{name}: {why}"),
            Self::Memory { pages, max } => {
                write!(f, "it begins with {pages} pages, the manifest allows {max}")
            }
        }
    }
}

impl core::error::Error for AdmissionError {}

/// Checks `module` against `manifest`.
///
/// # Errors
/// The first thing that is wrong.
pub fn admit(manifest: &Manifest, module: &[u8], class: &SlotClass) -> Result<Admitted, AdmissionError> {
    let admitted = admit_manifest(manifest, class)?;
    fits(manifest, module)?;
    Ok(admitted)
}

/// Checks the manifest's figures alone. Reads no module.
///
/// # Errors
/// The first thing that is wrong.
pub fn admit_manifest(manifest: &Manifest, class: &SlotClass) -> Result<Admitted, AdmissionError> {
    let limits = limits(manifest);
    limits.check().map_err(AdmissionError::Limit)?;
    let app = &manifest.app;
    if !(Limits::PERIOD_US_MINIMUM..=Limits::PERIOD_US_MAXIMUM).contains(&app.period_us) {
        return Err(AdmissionError::Period(app.period_us));
    }
    let utilisation_permille = utilisation_permille(app.fuel_per_activation, app.period_us);
    if utilisation_permille > class.utilisation_permille_max {
        let max = class.utilisation_permille_max;
        return Err(AdmissionError::Utilisation { permille: utilisation_permille, max });
    }
    Ok(Admitted { limits, shape: shape(manifest), utilisation_permille })
}

/// Checks `module` against what its manifest says about it.
///
/// # Errors
/// The first thing that is wrong.
pub fn fits(manifest: &Manifest, module: &[u8]) -> Result<(), AdmissionError> {
    let limits = limits(manifest);
    limits.check().map_err(AdmissionError::Limit)?;
    module::check(module, &limits, shape(manifest), &manifest.permissions)
}

fn shape(manifest: &Manifest) -> Shape {
    match manifest.app.shape {
        manifest::Shape::Reactor => Shape::Reactor,
        manifest::Shape::Command => Shape::Command,
    }
}

/// The manifest's bounds. What it does not name is a property of the slot, not of the app.
fn limits(manifest: &Manifest) -> Limits {
    let app = &manifest.app;
    Limits {
        memory_pages: app.memory_pages,
        value_stack_bytes: app.value_stack_bytes,
        call_depth: app.call_depth,
        init_fuel: app.init_fuel,
        fuel_per_activation: app.fuel_per_activation,
        host_calls_per_activation: app.host_calls_per_activation,
        log_bytes_per_second: app.log_bytes_per_second,
        log_line_bytes: Limits::DEFAULT.log_line_bytes,
        ..Limits::MAXIMUM
    }
}
