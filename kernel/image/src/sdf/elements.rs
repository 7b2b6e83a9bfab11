// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One function for each element: its attributes, its children, its defaults (Microkit's).

use cofferdam_system_spec::environment::{MAX_ID, MAX_PRIORITY};
use roxmltree::Node;

use super::attributes::{Attributes, Unsupported};
use super::model::{At, Channel, ChildOf, Domain, End, Irq, Map, MemoryRegion, Setvar, SetvarValue, System};
use super::parse::children;
use crate::diagnostics::Diagnostics;

/// The last interrupt number that an Arm GIC gives to a device.
const MAX_INTERRUPT: u64 = 1019;
/// Microkit's default budget.
const DEFAULT_BUDGET_US: u64 = 1000;
/// Microkit's default stack.
const DEFAULT_STACK_BYTES: u64 = 0x2000;

/// Elements that Microkit knows and this kernel cannot give.
const UNSUPPORTED: [(&str, &str); 6] = [
    ("virtual_machine", "this kernel runs without a hypervisor; virtual machines need KERNEL=sdk"),
    ("domains", "this kernel has one scheduling domain; order protection domains by priority"),
    ("io_address_space", "this platform has no I/O MMU"),
    ("ioport", "AArch64 has no I/O ports"),
    ("cspace", "extra capabilities are not given; use a channel or a child protection domain"),
    ("iomap", "this platform has no I/O MMU"),
];

/// Where parsed elements and findings go.
pub struct Context<'a, 'd> {
    /// Findings.
    pub diagnostics: &'a mut Diagnostics<'d>,
    /// What has been read.
    pub system: &'a mut System,
}

/// Attributes of an element that has no unsupported ones.
pub fn attributes<'a, 'input>(
    node: Node<'a, 'input>,
    known: &[&str],
    diagnostics: &mut Diagnostics<'_>,
) -> Attributes<'a, 'input> {
    Attributes::new(node, known, &[], diagnostics)
}

/// Reports an element that does not belong where it stands.
pub fn refuse(node: Node<'_, '_>, parent: &str, known: &[&str], diagnostics: &mut Diagnostics<'_>) {
    let name = node.tag_name().name();
    let message = match UNSUPPORTED.iter().find(|(unsupported, _)| *unsupported == name) {
        Some((_, reason)) => format!("element '{name}' is not supported: {reason}"),
        None => format!("unknown element '{name}' in '{parent}'; it takes: {}", known.join(", ")),
    };
    diagnostics.error(node.range().start, message);
}

fn no_children(node: Node<'_, '_>, diagnostics: &mut Diagnostics<'_>) {
    for child in children(node, diagnostics) {
        let (name, parent) = (child.tag_name().name(), node.tag_name().name());
        diagnostics.warning(child.range().start, format!("element '{name}' means nothing in '{parent}'"));
    }
}

/// `memory_region`.
pub fn memory_region(node: Node<'_, '_>, context: &mut Context<'_, '_>) {
    const PREFILL: &str = "memory is not prefilled here; put the data into the program instead";
    let diagnostics = &mut *context.diagnostics;
    let attributes = Attributes::new(
        node,
        &["name", "size", "page_size", "phys_addr"],
        &[
            Unsupported { name: "prefill_path", reason: PREFILL },
            Unsupported { name: "prefill_bootinfo", reason: PREFILL },
        ],
        diagnostics,
    );
    no_children(node, diagnostics);
    let name = attributes.required_text("name", diagnostics);
    let size = attributes.required_number("size", diagnostics);
    let page_size = attributes.number("page_size", diagnostics);
    let phys_addr = attributes.number("phys_addr", diagnostics);
    // A size that cannot be read has been reported; the region still exists, so that its maps are not reported too.
    let Some(name) = name else { return };
    let size = size.unwrap_or(At { value: 0, at: attributes.at() });
    context.system.regions.push(MemoryRegion { at: attributes.at(), name, size, page_size, phys_addr });
}

/// `protection_domain`; `parent` is the index of the one that it stands in.
pub fn protection_domain(node: Node<'_, '_>, parent: Option<usize>, context: &mut Context<'_, '_>) {
    const KNOWN: [&str; 10] =
        ["name", "priority", "budget", "period", "passive", "stack_size", "cpu", "fpu", "id", "setvar_id"];
    let refused = [
        Unsupported { name: "smc", reason: "this kernel does not forward SMC calls; leave it out" },
        Unsupported { name: "domain", reason: "this kernel has one scheduling domain; leave it out" },
    ];
    let known = if parent.is_some() { KNOWN.as_slice() } else { KNOWN.split_at(8).0 };
    let diagnostics = &mut *context.diagnostics;
    let attributes = Attributes::new(node, known, &refused, diagnostics);
    let at = attributes.at();
    let name = attributes.required_text("name", diagnostics);
    let priority = match attributes.has("priority") {
        true => attributes.number_to("priority", u64::from(MAX_PRIORITY), diagnostics),
        false => Some(At { value: 0, at }),
    };
    let budget_us = attributes.number("budget", diagnostics).unwrap_or(At { value: DEFAULT_BUDGET_US, at });
    let period_us = attributes.number("period", diagnostics).unwrap_or_else(|| budget_us.clone());
    let stack_size =
        attributes.number("stack_size", diagnostics).unwrap_or(At { value: DEFAULT_STACK_BYTES, at });
    if attributes.boolean("passive", false, diagnostics) {
        let reason = "passive=\"true\" needs scheduling contexts, which this kernel lacks; use KERNEL=sdk";
        diagnostics.error(at, reason);
    }
    if let Some(cpu) = attributes.number("cpu", diagnostics).filter(|cpu| cpu.value != 0) {
        diagnostics.error(cpu.at, format!("cpu=\"{}\": this kernel runs on one core, 0", cpu.value));
    }
    let fpu = attributes.boolean("fpu", true, diagnostics);
    let child_of = parent.and_then(|parent| {
        let id = attributes.required_number_to("id", MAX_ID, diagnostics)?;
        if let Some(symbol) = attributes.text("setvar_id", diagnostics) {
            let setvar = Setvar { symbol, value: SetvarValue::Number(id.value) };
            if let Some(parent) = context.system.domains.get_mut(parent) {
                parent.setvars.push(setvar);
            }
        }
        Some(ChildOf { parent, id })
    });

    let index = context.system.domains.len();
    context.system.domains.push(Domain {
        at,
        name: name.unwrap_or(At { value: String::new(), at }),
        priority,
        budget_us,
        period_us,
        stack_size,
        fpu,
        program_image: At { value: String::new(), at },
        maps: Vec::new(),
        irqs: Vec::new(),
        setvars: Vec::new(),
        child_of,
    });
    let mut images = 0;
    for child in children(node, context.diagnostics) {
        match child.tag_name().name() {
            "program_image" => {
                images += 1;
                program_image(child, index, images, context);
            }
            "map" => map(child, index, context),
            "irq" => irq(child, index, context),
            "setvar" => setvar(child, index, context),
            "protection_domain" => protection_domain(child, Some(index), context),
            _ => refuse(
                child,
                "protection_domain",
                &["program_image", "map", "irq", "setvar", "protection_domain"],
                context.diagnostics,
            ),
        }
    }
    if images == 0 {
        context
            .diagnostics
            .error(at, "the protection_domain has no program_image; name its program's ELF file");
    }
}

fn program_image(node: Node<'_, '_>, index: usize, count: usize, context: &mut Context<'_, '_>) {
    let diagnostics = &mut *context.diagnostics;
    let reason = "symbols are read from the program itself; leave it out and keep the symbol table";
    let refused = [Unsupported { name: "path_for_symbols", reason }];
    let attributes = Attributes::new(node, &["path"], &refused, diagnostics);
    no_children(node, diagnostics);
    if count > 1 {
        diagnostics.error(attributes.at(), "a protection_domain has exactly one program_image");
    }
    let path = attributes.required_text("path", diagnostics);
    if let (Some(path), Some(domain)) = (path, context.system.domains.get_mut(index)) {
        domain.program_image = path;
    }
}

fn map(node: Node<'_, '_>, index: usize, context: &mut Context<'_, '_>) {
    let diagnostics = &mut *context.diagnostics;
    let reason = "memory is not prefilled here; leave it out";
    let attributes = Attributes::new(
        node,
        &["mr", "vaddr", "perms", "cached", "setvar_vaddr", "setvar_size"],
        &[Unsupported { name: "setvar_prefill_size", reason }],
        diagnostics,
    );
    no_children(node, diagnostics);
    let region = attributes.required_text("mr", diagnostics);
    let vaddr = attributes.required_number("vaddr", diagnostics);
    let rights = attributes.rights("perms", diagnostics);
    let cached = attributes.boolean("cached", true, diagnostics);
    let setvar_vaddr = attributes.text("setvar_vaddr", diagnostics);
    let setvar_size = attributes.text("setvar_size", diagnostics);
    let (Some(region), Some(vaddr), Some(domain)) = (region, vaddr, context.system.domains.get_mut(index))
    else {
        return;
    };
    if let Some(symbol) = setvar_vaddr {
        domain.setvars.push(Setvar { symbol, value: SetvarValue::Number(vaddr.value) });
    }
    if let Some(symbol) = setvar_size {
        domain.setvars.push(Setvar { symbol, value: SetvarValue::RegionSize(region.value.clone()) });
    }
    domain.maps.push(Map { at: attributes.at(), region, vaddr, rights, cached });
}

fn irq(node: Node<'_, '_>, index: usize, context: &mut Context<'_, '_>) {
    let diagnostics = &mut *context.diagnostics;
    let reason = "belongs to x86; here an interrupt is named by 'irq'";
    let refused =
        ["pin", "vector", "ioapic", "polarity", "pcidev", "handle"].map(|name| Unsupported { name, reason });
    let attributes = Attributes::new(node, &["irq", "id", "trigger", "setvar_id"], &refused, diagnostics);
    no_children(node, diagnostics);
    let number = attributes.required_decimal("irq", MAX_INTERRUPT, diagnostics);
    let id = attributes.required_decimal("id", MAX_ID, diagnostics);
    let edge = attributes.choice("trigger", ["level", "edge"], diagnostics);
    let setvar_id = attributes.text("setvar_id", diagnostics);
    let (Some(number), Some(id), Some(domain)) = (number, id, context.system.domains.get_mut(index)) else {
        return;
    };
    if let Some(symbol) = setvar_id {
        domain.setvars.push(Setvar { symbol, value: SetvarValue::Number(id.value) });
    }
    domain.irqs.push(Irq { at: attributes.at(), number, id, edge });
}

fn setvar(node: Node<'_, '_>, index: usize, context: &mut Context<'_, '_>) {
    let diagnostics = &mut *context.diagnostics;
    let attributes = attributes(node, &["symbol", "region_paddr"], diagnostics);
    no_children(node, diagnostics);
    let symbol = attributes.required_text("symbol", diagnostics);
    let region = attributes.required_text("region_paddr", diagnostics);
    if let (Some(symbol), Some(region), Some(domain)) =
        (symbol, region, context.system.domains.get_mut(index))
    {
        domain.setvars.push(Setvar { symbol, value: SetvarValue::RegionPaddr(region) });
    }
}

/// `channel`.
pub fn channel(node: Node<'_, '_>, context: &mut Context<'_, '_>) {
    let attributes = attributes(node, &[], context.diagnostics);
    let mut count = 0;
    let mut ends = Vec::new();
    for child in children(node, context.diagnostics) {
        if child.tag_name().name() == "end" {
            count += 1;
            ends.extend(end(child, context.diagnostics));
        } else {
            refuse(child, "channel", &["end"], context.diagnostics);
        }
    }
    if count != 2 {
        context
            .diagnostics
            .error(attributes.at(), format!("a channel has exactly two ends; this one has {count}"));
    }
    if let (2, Ok(ends)) = (count, <[End; 2]>::try_from(ends)) {
        context.system.channels.push(Channel { at: attributes.at(), ends });
    }
}

fn end(node: Node<'_, '_>, diagnostics: &mut Diagnostics<'_>) -> Option<End> {
    let attributes = attributes(node, &["pd", "id", "pp", "notify", "setvar_id"], diagnostics);
    no_children(node, diagnostics);
    let domain = attributes.required_text("pd", diagnostics);
    let id = attributes.required_decimal("id", MAX_ID, diagnostics);
    let calls = attributes.boolean("pp", false, diagnostics);
    let notifies = attributes.boolean("notify", true, diagnostics);
    let setvar_id = attributes.text("setvar_id", diagnostics);
    Some(End { at: attributes.at(), domain: domain?, id: id?, calls, notifies, setvar_id })
}
