// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Symbols to be written: each by one element only, and none of the runtime's own.

use super::unique;
use crate::diagnostics::Diagnostics;
use crate::sdf::System;
use crate::sdf::model::SetvarValue;

pub(super) fn check(system: &System, diagnostics: &mut Diagnostics<'_>) {
    for domain in &system.domains {
        let ends = system
            .channels
            .iter()
            .flat_map(|channel| &channel.ends)
            .filter(|end| end.domain.value == domain.name.value)
            .filter_map(|end| end.setvar_id.as_ref());
        let symbols = domain.setvars.iter().map(|setvar| &setvar.symbol).chain(ends);
        unique(&format!("in '{}', the setvar", domain.name.value), symbols.clone(), diagnostics);
        for symbol in symbols.filter(|symbol| symbol.value.starts_with("microkit_")) {
            diagnostics.error(
                symbol.at,
                format!("symbol '{}' belongs to the runtime; choose another name", symbol.value),
            );
        }
        for setvar in &domain.setvars {
            let SetvarValue::RegionPaddr(region) = &setvar.value else { continue };
            if system.region(&region.value).is_none() {
                diagnostics.error(region.at, format!("memory_region '{}' does not exist", region.value));
            }
        }
    }
}
