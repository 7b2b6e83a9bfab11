// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Programs: they exist, fit their address spaces, and have the symbols that the system asks for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostics::Diagnostics;
use crate::elf::{Elf, SymbolError};
use crate::layout::DomainLayout;
use crate::platform::Platform;
use crate::program;
use crate::ranges::{hex, overlap};
use crate::sdf::System;
use crate::sdf::model::{At, SetvarValue};

/// Reads every protection domain's program, in their order. `None` where it could not be read, which has been reported.
pub fn load(system: &System, search: &[PathBuf], diagnostics: &mut Diagnostics<'_>) -> Vec<Option<Elf>> {
    let mut files: BTreeMap<String, Option<Elf>> = BTreeMap::new();
    let mut programs = Vec::new();
    for domain in &system.domains {
        let At { value: path, at } = &domain.program_image;
        if path.is_empty() {
            programs.push(None);
            continue;
        }
        if let Some(known) = files.get(path) {
            programs.push(known.clone());
            continue;
        }
        let loaded = match read(path, search) {
            Ok((found, elf)) => {
                for fault in program::faults(&elf) {
                    diagnostics.error(*at, format!("program image {}: {fault}", found.display()));
                }
                Some(elf)
            }
            Err(message) => {
                diagnostics.error(*at, message);
                None
            }
        };
        files.insert(path.clone(), loaded.clone());
        programs.push(loaded);
    }
    programs
}

fn read(path: &str, search: &[PathBuf]) -> Result<(PathBuf, Elf), String> {
    let candidates: Vec<PathBuf> = if Path::new(path).is_absolute() {
        vec![PathBuf::from(path)]
    } else {
        search.iter().map(|folder| folder.join(path)).collect()
    };
    let Some(found) = candidates.iter().find(|candidate| candidate.is_file()) else {
        let looked: Vec<String> = search.iter().map(|folder| folder.display().to_string()).collect();
        return Err(format!(
            "program image '{path}' does not exist; looked in: {}; build it, or add --search-path",
            looked.join(", ")
        ));
    };
    let bytes =
        std::fs::read(found).map_err(|error| format!("program image {}: {error}", found.display()))?;
    let elf = Elf::parse(&bytes).map_err(|error| format!("program image {}: {error}", found.display()))?;
    Ok((found.clone(), elf))
}

/// Checks the programs against the system.
pub fn check(
    system: &System,
    platform: &Platform,
    programs: &[Option<Elf>],
    diagnostics: &mut Diagnostics<'_>,
) {
    for (index, (domain, program)) in system.domains.iter().zip(programs).enumerate() {
        let Some(elf) = program else { continue };
        addresses(system, platform, index, elf, diagnostics);
        symbols(system, index, elf, diagnostics);
        let parent = domain.child_of.as_ref().and_then(|child| programs.get(child.parent)?.as_ref());
        if let Some(parent) = parent.filter(|parent| parent.entry != elf.entry) {
            diagnostics.error(
                domain.program_image.at,
                format!(
                    "program image '{}' is entered at {:#x}, its parent's at {:#x}: a parent restarts a child at its \
                     own entry, so both must be equal; link both with pd.ld",
                    domain.program_image.value, elf.entry, parent.entry
                ),
            );
        }
    }
}

/// The program, its mappings, its stack: nothing on top of anything else.
fn addresses(
    system: &System,
    platform: &Platform,
    index: usize,
    elf: &Elf,
    diagnostics: &mut Diagnostics<'_>,
) {
    let Some(domain) = system.domains.get(index) else { return };
    let layout = DomainLayout::new(platform, domain);
    for segment in &elf.segments {
        let range = program::pages(&segment.range());
        if range.start == 0 {
            diagnostics.error(
                domain.program_image.at,
                format!("the program's segment {} covers the null page", hex(&range)),
            );
        }
        if range.end > layout.guard_below().start {
            diagnostics.error(
                domain.program_image.at,
                format!(
                    "the program's segment {} reaches the stack or the end of user memory ({:#x})",
                    hex(&range),
                    layout.guard_below().start
                ),
            );
        }
        for map in &domain.maps {
            let Some((_, region)) = system.region(&map.region.value) else { continue };
            let mapped = map.vaddr.value..map.vaddr.value.saturating_add(region.size.value);
            if overlap(&range, &mapped) {
                diagnostics.error(
                    map.vaddr.at,
                    format!(
                        "mapping {} of '{}' overlaps the program's segment {}; choose another vaddr",
                        hex(&mapped),
                        map.region.value,
                        hex(&range)
                    ),
                );
            }
        }
    }
}

/// Every symbol that a protection domain's elements ask for, with its value.
pub fn wanted_symbols(system: &System, index: usize) -> Vec<(At<String>, SetvarValue)> {
    let Some(domain) = system.domains.get(index) else { return Vec::new() };
    let own = domain.setvars.iter().map(|setvar| (setvar.symbol.clone(), setvar.value.clone()));
    let ends = system
        .channels
        .iter()
        .flat_map(|channel| &channel.ends)
        .filter(|end| end.domain.value == domain.name.value)
        .filter_map(|end| Some((end.setvar_id.clone()?, SetvarValue::Number(end.id.value))));
    own.chain(ends).collect()
}

fn symbols(system: &System, index: usize, elf: &Elf, diagnostics: &mut Diagnostics<'_>) {
    let Some(domain) = system.domains.get(index) else { return };
    let rewritten = program::volatile(elf).ok().flatten();
    for (symbol, value) in wanted_symbols(system, index) {
        let mut refuse = |reason: String| {
            diagnostics.error(
                symbol.at,
                format!("setvar '{}': in {}, {reason}", symbol.value, domain.program_image.value),
            );
        };
        let found = match elf.symbol(&symbol.value) {
            Ok(found) => found,
            Err(SymbolError::Missing) => {
                refuse("there is no such symbol; define it there, or remove the attribute".to_owned());
                continue;
            }
            Err(error) => {
                refuse(format!("the symbol {error}"));
                continue;
            }
        };
        let taken = found.address..found.address.saturating_add(found.size);
        if found.size != 8 {
            refuse(format!("the symbol has {} bytes; a setvar takes exactly 8", found.size));
        } else if elf.locate(found.address, 8).is_none() {
            refuse(format!("the symbol {}", SymbolError::NotLoaded(found.address)));
        } else if !found.address.is_multiple_of(8) {
            refuse(format!("the symbol at {:#x} is not aligned to 8", found.address));
        } else if matches!(value, SetvarValue::RegionPaddr(_)) && in_bss(elf, found.address) {
            refuse(
                "the symbol lies in .bss, which is empty in the file; give it section .setvars".to_owned(),
            );
        } else if rewritten
            .as_ref()
            .is_some_and(|parts| overlap(&taken, &parts.data) || overlap(&taken, &parts.bss))
        {
            refuse(
                "the symbol lies in .data or .bss, which every restart rewrites; give it section .setvars"
                    .to_owned(),
            );
        }
    }
}

fn in_bss(elf: &Elf, address: u64) -> bool {
    elf.locate(address, 8).is_some_and(|(index, offset)| {
        elf.segments.get(index).is_none_or(|segment| offset + 8 > segment.bytes.len())
    })
}
