// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domains: names, scheduling, stacks, children, interrupts.

use std::collections::BTreeMap;

use cofferdam_system_spec::environment::{MAX_PROTECTION_DOMAINS, PAGE_BYTES};

use super::unique;
use crate::diagnostics::{Diagnostics, Offset};
use crate::platform::Platform;
use crate::sdf::System;
use crate::sdf::model::Domain;

/// `microkit_name` has 64 bytes; one stays zero.
const MAX_NAME_BYTES: usize = 63;
/// Microkit's greatest stack.
const MAX_STACK_BYTES: u64 = 16 << 20;
/// Software-generated interrupts of the interrupt controller, which no device raises.
const SOFTWARE_INTERRUPTS: u64 = 16;

pub(super) fn check(system: &System, diagnostics: &mut Diagnostics<'_>) {
    unique("protection_domain", system.domains.iter().map(|domain| &domain.name), diagnostics);
    if let Some(first_too_many) = system.domains.get(MAX_PROTECTION_DOMAINS) {
        diagnostics.error(
            first_too_many.at,
            format!(
                "{} protection domains; at most {MAX_PROTECTION_DOMAINS} are possible",
                system.domains.len()
            ),
        );
    }
    for (index, domain) in system.domains.iter().enumerate() {
        names(domain, diagnostics);
        scheduling(domain, diagnostics);
        stack(domain, diagnostics);
        children(system, index, diagnostics);
    }
}

fn names(domain: &Domain, diagnostics: &mut Diagnostics<'_>) {
    let bytes = domain.name.value.len();
    if bytes > MAX_NAME_BYTES {
        diagnostics
            .error(domain.name.at, format!("the name has {bytes} bytes; at most {MAX_NAME_BYTES} fit"));
    }
    if domain.name.value == "monitor" {
        diagnostics.error(domain.name.at, "the name 'monitor' is taken by the fault handler; choose another");
    }
}

fn scheduling(domain: &Domain, diagnostics: &mut Diagnostics<'_>) {
    let (budget, period) = (&domain.budget_us, &domain.period_us);
    if budget.value == 0 {
        diagnostics.error(budget.at, "budget must be above zero (µs)");
    }
    if budget.value > period.value {
        diagnostics.error(
            period.at,
            format!("period {} µs is shorter than the budget {} µs", period.value, budget.value),
        );
    }
}

fn stack(domain: &Domain, diagnostics: &mut Diagnostics<'_>) {
    let size = domain.stack_size.value;
    if !size.is_multiple_of(PAGE_BYTES) || !(PAGE_BYTES..=MAX_STACK_BYTES).contains(&size) {
        diagnostics.error(
            domain.stack_size.at,
            format!(
                "stack_size {size:#x} must be a multiple of {PAGE_BYTES:#x} from {PAGE_BYTES:#x} to \
                 {MAX_STACK_BYTES:#x}"
            ),
        );
    }
}

fn children(system: &System, parent: usize, diagnostics: &mut Diagnostics<'_>) {
    let mut seen: BTreeMap<u64, Offset> = BTreeMap::new();
    for (_, _, child_of) in system.children(parent) {
        if let Some(first) = seen.insert(child_of.id.value, child_of.id.at) {
            let line = diagnostics.line_of(first);
            diagnostics.error(child_of.id.at, format!("child id {} is taken ({line})", child_of.id.value));
        }
    }
}

/// Each interrupt goes to one protection domain, and not to the kernel.
pub(super) fn interrupts(system: &System, platform: &Platform, diagnostics: &mut Diagnostics<'_>) {
    let mut owners: BTreeMap<u64, (&str, Offset)> = BTreeMap::new();
    for domain in &system.domains {
        for irq in &domain.irqs {
            let (number, at) = (irq.number.value, irq.number.at);
            if number >= u64::from(platform.interrupt_count) {
                diagnostics.error(
                    at,
                    format!(
                        "interrupt {number}: {} has 0 to {}",
                        platform.name,
                        platform.interrupt_count - 1
                    ),
                );
            } else if number == u64::from(platform.kernel_timer_interrupt) {
                diagnostics.error(at, format!("interrupt {number} is the kernel's timer"));
            } else if number < SOFTWARE_INTERRUPTS {
                diagnostics.error(at, format!("interrupt {number} is raised by software, not by a device"));
            }
            if let Some((owner, first)) = owners.get(&number) {
                let line = diagnostics.line_of(*first);
                diagnostics.error(at, format!("interrupt {number} goes to '{owner}' already ({line})"));
            } else {
                owners.insert(number, (&domain.name.value, at));
            }
        }
    }
}
