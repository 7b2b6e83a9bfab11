// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Turns `system.xml` and program images into one bootable image for the crates kernel.
//!
//! The way through: [`sdf`] reads the description, [`check`] judges it, alone and with the programs ([`elf`],
//! [`program`]); [`spec`] writes symbols and the initialiser's description; [`boot_image`] puts everything where it
//! belongs in RAM; [`report`] and [`inspect`] say what came of it. [`diagnostics`] collects every refusal.
//!
//! [`board`] makes the description of a board that it was not written for, [`raw`] an image of plain bytes.
//!
//! Non-goals: the SDK kernel's images (Microkit's own tool makes those from the same description).
#![forbid(unsafe_code)]

pub mod board;
pub mod boot_image;
pub mod check;
pub mod diagnostics;
pub mod elf;
mod elf_writer;
pub mod inspect;
pub mod layout;
pub mod platform;
pub mod program;
pub mod ranges;
pub mod raw;
pub mod report;
pub mod sdf;
pub mod spec;

use std::path::PathBuf;

use diagnostics::{Diagnostic, Diagnostics};
use elf::Elf;
use platform::Platform;
use sdf::System;

/// What a description turned out to be.
#[derive(Debug)]
pub struct Checked {
    /// The system; usable when there are no errors.
    pub system: System,
    /// Programs in the order of the protection domains; empty when none were asked for.
    pub programs: Vec<Elf>,
    /// Every finding.
    pub findings: Vec<Diagnostic>,
    /// Whether an error is among them.
    pub refused: bool,
}

/// Reads and checks a description; with `search` folders, the programs as well.
pub fn read(file: &str, source: &str, platform: &Platform, search: Option<&[PathBuf]>) -> Checked {
    let mut diagnostics = Diagnostics::new(file, source);
    let system = sdf::parse(source, &mut diagnostics);
    check::check(&system, platform, &mut diagnostics);
    let mut programs = Vec::new();
    if let Some(search) = search {
        let loaded = check::programs::load(&system, search, &mut diagnostics);
        check::programs::check(&system, platform, &loaded, &mut diagnostics);
        programs = loaded.into_iter().flatten().collect();
    }
    let refused = diagnostics.has_errors();
    Checked { system, programs, findings: diagnostics.finish(), refused }
}
