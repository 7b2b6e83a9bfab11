// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From a checked system and its programs to the initialiser's description.
//!
//! What the tool knows it writes into the programs' symbols here; physical addresses of regions, which only the
//! initialiser knows, are left to it as patches.

use std::fmt;

use cofferdam_system_spec::builder::{DomainInput, PatchInput, RegionInput, SegmentInput, SystemBuilder};
use cofferdam_system_spec::environment::{
    PAGE_BYTES, call_badge, notification_badge, output_notification_slot, slot,
};
use cofferdam_system_spec::layout::{
    CAPABILITY_ENDPOINT, CAPABILITY_NOTIFICATION, CAPABILITY_TCB, CONTIGUOUS, Capability, DEVICE, EXECUTE,
    FPU, HAS_ENDPOINT, Irq, Map, NONE, ProtectionDomain, READ, Span, WRITE,
};

use crate::check::programs::wanted_symbols;
use crate::elf::{Elf, SymbolError};
use crate::layout::DomainLayout;
use crate::platform::Platform;
use crate::program;
use crate::sdf::System;
use crate::sdf::model::{Domain, End, Rights, SetvarValue};

/// A symbol that could not be written although the checks passed: the tool's own mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchError {
    domain: String,
    symbol: String,
    reason: SymbolError,
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "protection domain '{}': symbol '{}' {}", self.domain, self.symbol, self.reason)
    }
}

impl std::error::Error for PatchError {}

/// The system as the initialiser gets it; the two addresses are filled in by [`crate::boot_image`].
///
/// # Errors
/// When a symbol cannot be written.
pub fn describe(system: &System, platform: &Platform, programs: &[Elf]) -> Result<SystemBuilder, PatchError> {
    let mut builder = SystemBuilder { uart_paddr: Some(platform.uart), ..SystemBuilder::default() };
    for region in &system.regions {
        let paddr = region.phys_addr.as_ref().map(|paddr| paddr.value);
        let device = if paddr.is_some() { DEVICE } else { 0 };
        let contiguous = if system.needs_paddr(&region.name.value) { CONTIGUOUS } else { 0 };
        builder.regions.push(RegionInput {
            name: region.name.value.clone(),
            size_bytes: region.size.value,
            page_bytes: system.page_bytes(region),
            paddr,
            flags: device | contiguous,
        });
    }
    for (index, (domain, elf)) in system.domains.iter().zip(programs).enumerate() {
        let mut elf = elf.clone();
        let patches = write_symbols(system, index, domain, &mut elf)?;
        let layout = DomainLayout::new(platform, domain);
        let serves = system.serves_calls(&domain.name.value) || system.children(index).next().is_some();
        let record = ProtectionDomain {
            name: Span::default(),
            entry: elf.entry,
            initial_sp: layout.initial_sp,
            stack_bytes: layout.stack_bytes,
            ipc_buffer_vaddr: layout.ipc_buffer_vaddr,
            budget_us: domain.budget_us.value,
            period_us: domain.period_us.value,
            priority: domain.priority.as_ref().map_or(0, |priority| narrow(priority.value)),
            flags: if serves { HAS_ENDPOINT } else { 0 } | if domain.fpu { FPU } else { 0 },
            parent: domain.child_of.as_ref().map_or(NONE, |child| narrow(child.parent as u64)),
            child_id: domain.child_of.as_ref().map_or(NONE, |child| narrow(child.id.value)),
            segments: Span::default(),
            maps: Span::default(),
            irqs: Span::default(),
            capabilities: Span::default(),
        };
        builder.protection_domains.push(DomainInput {
            name: domain.name.value.clone(),
            record,
            segments: segments(&elf, &patches),
            maps: maps(system, domain),
            irqs: domain
                .irqs
                .iter()
                .map(|irq| Irq {
                    number: narrow(irq.number.value),
                    id: narrow(irq.id.value),
                    edge: u32::from(irq.edge),
                    reserved: 0,
                })
                .collect(),
            capabilities: capabilities(system, index, domain),
        });
    }
    Ok(builder)
}

/// An address in a program that takes a region's physical address.
struct AddressPatch {
    address: u64,
    region: u32,
}

fn write_symbols(
    system: &System,
    index: usize,
    domain: &Domain,
    elf: &mut Elf,
) -> Result<Vec<AddressPatch>, PatchError> {
    let mut write = |symbol: &str, value: &[u8]| {
        elf.write_symbol(symbol, value).map_err(|reason| PatchError {
            domain: domain.name.value.clone(),
            symbol: symbol.to_owned(),
            reason,
        })
    };
    let mut name = [0; 64];
    for (place, byte) in name.iter_mut().zip(domain.name.value.bytes()) {
        *place = byte;
    }
    let irqs = bits(domain.irqs.iter().map(|irq| irq.id.value));
    let own = |may: fn(&End) -> bool| {
        let ends = system.channels.iter().flat_map(|channel| &channel.ends);
        bits(ends.filter(|end| end.domain.value == domain.name.value && may(end)).map(|end| end.id.value))
    };
    write("microkit_name", &name)?;
    write("microkit_passive", &[0])?;
    write("microkit_irqs", &irqs.to_le_bytes())?;
    write("microkit_notifications", &own(|end| end.notifies).to_le_bytes())?;
    write("microkit_pps", &own(|end| end.calls).to_le_bytes())?;
    write("microkit_ioports", &[0; 8])?;

    let mut patches = Vec::new();
    for (symbol, value) in wanted_symbols(system, index) {
        let number = match &value {
            SetvarValue::Number(number) => *number,
            SetvarValue::RegionSize(region) => {
                system.region(region).map_or(0, |(_, region)| region.size.value)
            }
            SetvarValue::RegionPaddr(name) => match system.region(&name.value) {
                Some((_, region)) if region.phys_addr.is_some() => {
                    region.phys_addr.as_ref().map_or(0, |paddr| paddr.value)
                }
                Some((region, _)) => {
                    let symbol = elf.symbol(&symbol.value).map_err(|reason| PatchError {
                        domain: domain.name.value.clone(),
                        symbol: symbol.value.clone(),
                        reason,
                    })?;
                    patches.push(AddressPatch { address: symbol.address, region: narrow(region as u64) });
                    continue;
                }
                None => 0,
            },
        };
        elf.write_symbol(&symbol.value, &number.to_le_bytes()).map_err(|reason| PatchError {
            domain: domain.name.value.clone(),
            symbol: symbol.value.clone(),
            reason,
        })?;
    }
    Ok(patches)
}

/// Segments on whole pages, with the patches that fall into each.
fn segments(elf: &Elf, patches: &[AddressPatch]) -> Vec<SegmentInput> {
    elf.segments
        .iter()
        .map(|segment| {
            let range = program::pages(&segment.range());
            let lead = usize::try_from(segment.vaddr - range.start).unwrap_or(0);
            let mut bytes = vec![0; if segment.bytes.is_empty() { 0 } else { lead }];
            bytes.extend_from_slice(&segment.bytes);
            let [read, write, execute] = segment.rights;
            SegmentInput {
                vaddr: range.start,
                bytes,
                memory_bytes: range.end - range.start,
                rights: rights(Rights { read, write, execute }),
                patches: patches
                    .iter()
                    .filter(|patch| segment.range().contains(&patch.address))
                    .map(|patch| PatchInput {
                        segment_offset: patch.address - range.start,
                        region: patch.region,
                    })
                    .collect(),
            }
        })
        .collect()
}

fn maps(system: &System, domain: &Domain) -> Vec<Map> {
    domain
        .maps
        .iter()
        .filter_map(|map| {
            let (region, _) = system.region(&map.region.value)?;
            Some(Map {
                vaddr: map.vaddr.value,
                region: narrow(region as u64),
                rights: rights(map.rights.value),
                cached: u32::from(map.cached),
                reserved: 0,
            })
        })
        .collect()
}

/// Capabilities to the other ends of channels and to children.
fn capabilities(system: &System, index: usize, domain: &Domain) -> Vec<Capability> {
    let mut capabilities = Vec::new();
    let mut add = |slot: u64, kind: u32, target: usize, badge: u64| {
        capabilities.push(Capability {
            slot: narrow(slot),
            kind,
            target: narrow(target as u64),
            reserved: 0,
            badge,
        });
    };
    for channel in &system.channels {
        let [a, b] = &channel.ends;
        for (own, peer) in [(a, b), (b, a)] {
            let Some((target, _)) = system.domain(&peer.domain.value) else { continue };
            if own.domain.value != domain.name.value {
                continue;
            }
            let (id, peer_id) = (own.id.value, peer.id.value);
            if own.notifies {
                add(
                    output_notification_slot(id),
                    CAPABILITY_NOTIFICATION,
                    target,
                    notification_badge(peer_id),
                );
            }
            if own.calls {
                add(slot::PROTECTED_PROCEDURE + id, CAPABILITY_ENDPOINT, target, call_badge(peer_id));
            }
        }
    }
    for (child, _, child_of) in system.children(index) {
        add(slot::CHILD_TCB + child_of.id.value, CAPABILITY_TCB, child, 0);
    }
    capabilities
}

fn bits(ids: impl Iterator<Item = u64>) -> u64 {
    ids.fold(0, |bits, id| bits | 1_u64.checked_shl(narrow(id)).unwrap_or(0))
}

fn rights(rights: Rights) -> u32 {
    let mut word = 0;
    for (given, bit) in [(rights.read, READ), (rights.write, WRITE), (rights.execute, EXECUTE)] {
        word |= if given { bit } else { 0 };
    }
    word
}

/// Identifiers, indices and interrupt numbers, which the checks keep far below 2^32.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

const _: () = assert!(PAGE_BYTES == 0x1000);
