// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Does the system make sense? Each function looks at one thing and reports every error that it finds.

mod channels;
mod domains;
mod mappings;
pub mod programs;
mod regions;
mod setvars;

use std::collections::BTreeMap;

use crate::diagnostics::{Diagnostics, Offset};
use crate::platform::Platform;
use crate::sdf::System;
use crate::sdf::model::At;

/// Checks all that can be known without the programs.
pub fn check(system: &System, platform: &Platform, diagnostics: &mut Diagnostics<'_>) {
    regions::check(system, platform, diagnostics);
    domains::check(system, diagnostics);
    domains::interrupts(system, platform, diagnostics);
    mappings::check(system, platform, diagnostics);
    channels::check(system, diagnostics);
    setvars::check(system, diagnostics);
}

/// Reports every second use of a name.
fn unique<'a>(what: &str, names: impl Iterator<Item = &'a At<String>>, diagnostics: &mut Diagnostics<'_>) {
    let mut seen: BTreeMap<&str, Offset> = BTreeMap::new();
    for name in names.filter(|name| !name.value.is_empty()) {
        if let Some(first) = seen.get(name.value.as_str()) {
            let line = diagnostics.line_of(*first);
            diagnostics.error(
                name.at,
                format!("{what} '{}' exists already ({line}); give it another name", name.value),
            );
        } else {
            seen.insert(&name.value, name.at);
        }
    }
}
