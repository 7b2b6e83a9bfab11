// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Memory regions: sizes, pages, physical addresses.

use std::ops::Range;

use cofferdam_system_spec::environment::{LARGE_PAGE_BYTES, PAGE_BYTES};

use super::unique;
use crate::diagnostics::Diagnostics;
use crate::platform::Platform;
use crate::ranges::{hex, overlap};
use crate::sdf::System;
use crate::sdf::model::MemoryRegion;

pub(super) fn check(system: &System, platform: &Platform, diagnostics: &mut Diagnostics<'_>) {
    unique("memory_region", system.regions.iter().map(|region| &region.name), diagnostics);
    for region in &system.regions {
        size(region, diagnostics);
        let range = physical(region, diagnostics);
        let aligned = region.phys_addr.as_ref().filter(|paddr| paddr.value.is_multiple_of(PAGE_BYTES));
        if let (Some(range), Some(paddr)) = (&range, aligned) {
            device(region, range, paddr.at, platform, diagnostics);
        }
        if region.phys_addr.is_some() && system.needs_paddr(&region.name.value) {
            diagnostics.warning(
                region.at,
                format!(
                    "a setvar asks for the address of '{}', which phys_addr fixes already",
                    region.name.value
                ),
            );
        }
        if system.maps_of(&region.name.value).next().is_none() {
            diagnostics
                .warning(region.at, format!("memory_region '{}' is mapped nowhere", region.name.value));
        }
    }
    for (index, region) in system.regions.iter().enumerate() {
        let Some(range) = physical_range(region) else { continue };
        for earlier in system.regions.iter().take(index) {
            if let Some(other) = physical_range(earlier).filter(|other| overlap(&range, other)) {
                diagnostics.error(
                    region.phys_addr.as_ref().map_or(region.at, |paddr| paddr.at),
                    format!(
                        "physical range {} of '{}' overlaps {} of '{}' ({})",
                        hex(&range),
                        region.name.value,
                        hex(&other),
                        earlier.name.value,
                        diagnostics.line_of(earlier.at),
                    ),
                );
            }
        }
    }
}

fn size(region: &MemoryRegion, diagnostics: &mut Diagnostics<'_>) {
    let page = match &region.page_size {
        Some(page) if page.value != PAGE_BYTES && page.value != LARGE_PAGE_BYTES => {
            diagnostics.error(
                page.at,
                format!(
                    "page_size {:#x} does not exist; use {PAGE_BYTES:#x} or {LARGE_PAGE_BYTES:#x}",
                    page.value
                ),
            );
            return;
        }
        Some(page) => page.value,
        None => PAGE_BYTES,
    };
    if region.size.at == region.at {
        return; // no size: reported by the parser
    }
    if region.size.value == 0 || !region.size.value.is_multiple_of(page) {
        diagnostics.error(
            region.size.at,
            format!("size {:#x} is not a multiple of the page size {page:#x} above zero", region.size.value),
        );
    }
    if let Some(paddr) = region.phys_addr.as_ref().filter(|paddr| !paddr.value.is_multiple_of(page)) {
        diagnostics.error(
            paddr.at,
            format!("phys_addr {:#x} is not a multiple of the page size {page:#x}", paddr.value),
        );
    }
}

fn physical_range(region: &MemoryRegion) -> Option<Range<u64>> {
    let start = region.phys_addr.as_ref()?.value;
    Some(start..start.checked_add(region.size.value)?)
}

fn physical(region: &MemoryRegion, diagnostics: &mut Diagnostics<'_>) -> Option<Range<u64>> {
    let paddr = region.phys_addr.as_ref()?;
    let range = physical_range(region);
    if range.is_none() {
        diagnostics.error(paddr.at, "phys_addr + size is beyond 64 bits".to_owned());
    }
    range
}

/// The kernel hands out devices where the platform has them, and nothing else has a fixed address.
fn device(
    region: &MemoryRegion,
    range: &Range<u64>,
    at: usize,
    platform: &Platform,
    diagnostics: &mut Diagnostics<'_>,
) {
    let name = &region.name.value;
    if overlap(range, &platform.ram) {
        diagnostics.error(
            at,
            format!(
                "physical range {} of '{name}' lies in RAM ({}), which the kernel hands out; leave phys_addr out and \
                 ask for the address with <setvar region_paddr>",
                hex(range),
                hex(&platform.ram)
            ),
        );
    } else if let Some(kept) = platform.kernel_devices.iter().find(|device| overlap(range, &device.range)) {
        diagnostics.error(
            at,
            format!(
                "physical range {} of '{name}' belongs to the kernel ({} {})",
                hex(range),
                kept.name,
                hex(&kept.range)
            ),
        );
    } else if !platform
        .devices
        .iter()
        .any(|device| device.range.start <= range.start && range.end <= device.range.end)
    {
        let known: Vec<String> =
            platform.devices.iter().map(|device| format!("{} {}", device.name, hex(&device.range))).collect();
        diagnostics.error(
            at,
            format!(
                "physical range {} of '{name}' is no device of {}; it has: {}",
                hex(range),
                platform.name,
                known.join(", ")
            ),
        );
    }
}
