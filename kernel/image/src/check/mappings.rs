// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Mappings: known regions, aligned addresses, nothing on top of anything else.

use std::ops::Range;

use crate::diagnostics::{Diagnostics, Offset};
use crate::layout::DomainLayout;
use crate::platform::Platform;
use crate::ranges::{hex, overlap};
use crate::sdf::System;
use crate::sdf::model::{Domain, Map};

/// Something that takes up addresses of a protection domain.
#[derive(Clone, Debug)]
pub(super) struct Occupied {
    /// For messages.
    pub what: String,
    /// Where it is described, if it is.
    pub at: Option<Offset>,
    /// Addresses.
    pub range: Range<u64>,
}

pub(super) fn check(system: &System, platform: &Platform, diagnostics: &mut Diagnostics<'_>) {
    for domain in &system.domains {
        let mut occupied = fixed(domain, platform);
        for map in &domain.maps {
            let Some(range) = mapping(system, platform, map, diagnostics) else { continue };
            for other in occupied.iter().filter(|other| overlap(&range, &other.range)) {
                let line = other.at.map(|at| format!(" ({})", diagnostics.line_of(at))).unwrap_or_default();
                diagnostics.error(
                    map.vaddr.at,
                    format!(
                        "mapping {} of '{}' overlaps {} at {}{line}; choose another vaddr",
                        hex(&range),
                        map.region.value,
                        other.what,
                        hex(&other.range),
                    ),
                );
            }
            occupied.push(Occupied {
                what: format!("mapping of '{}'", map.region.value),
                at: Some(map.at),
                range,
            });
        }
    }
}

/// What every protection domain has: stack, guard pages, IPC buffer.
fn fixed(domain: &Domain, platform: &Platform) -> Vec<Occupied> {
    let layout = DomainLayout::new(platform, domain);
    [
        ("the guard page below the stack", layout.guard_below()),
        ("the stack", layout.stack()),
        ("the guard page above the stack", layout.guard_above()),
        ("the IPC buffer", layout.ipc_buffer()),
    ]
    .into_iter()
    .map(|(what, range)| Occupied { what: what.to_owned(), at: None, range })
    .collect()
}

fn mapping(
    system: &System,
    platform: &Platform,
    map: &Map,
    diagnostics: &mut Diagnostics<'_>,
) -> Option<Range<u64>> {
    let name = &map.region.value;
    let Some((_, region)) = system.region(name) else {
        diagnostics.error(map.region.at, format!("memory_region '{name}' does not exist"));
        return None;
    };
    let page = system.page_bytes(region);
    let vaddr = map.vaddr.value;
    if !vaddr.is_multiple_of(page) {
        diagnostics.error(
            map.vaddr.at,
            format!(
                "vaddr {vaddr:#x} is not a multiple of {page:#x}, the page size of '{name}' ({})",
                diagnostics.line_of(region.at)
            ),
        );
    }
    if vaddr == 0 {
        diagnostics
            .warning(map.vaddr.at, "vaddr 0 is the null pointer: no reference can point there".to_owned());
    }
    let rights = map.rights.value;
    if rights.write && rights.execute {
        diagnostics.warning(map.rights.at, format!("'{name}' is mapped writable and executable"));
    }
    if !map.cached && region.phys_addr.is_none() {
        diagnostics.warning(map.at, format!("'{name}' is RAM mapped uncached: slow, and hidden from caches"));
    }
    if map.cached && region.phys_addr.is_some() {
        diagnostics.warning(map.at, format!("'{name}' has device registers and is mapped cached"));
    }
    let end = vaddr.checked_add(region.size.value).filter(|end| *end <= platform.user_end);
    if end.is_none() {
        diagnostics.error(
            map.vaddr.at,
            format!(
                "mapping of '{name}' ({:#x} bytes at {vaddr:#x}) reaches beyond the end of user memory, {:#x}",
                region.size.value, platform.user_end
            ),
        );
    }
    end.map(|end| vaddr..end)
}
