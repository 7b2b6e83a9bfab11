// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What an image holds and how much RAM it will use: a table for people, JSON for programs.
//!
//! The RAM figure is computed from the description: kernel, programs, and what the initialiser has to create. It leaves
//! out the initialiser's own capability space, whose size the kernel's configuration fixes; the initialiser prints what
//! was really used, that included.

use std::fmt::Write as _;

use cofferdam_memory_plan::{NoRoom, slots};
use cofferdam_system_spec::SystemSpec;
use cofferdam_system_spec::boot::LoaderHeader;
use cofferdam_system_spec::environment::{PAGE_BYTES, slot};
use cofferdam_system_spec::layout::Segment;
use cofferdam_system_spec::reader::DomainView;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Sizes of kernel objects (seL4 on AArch64, classic): bytes.
const TCB_BYTES: u64 = 1 << 11;
const CNODE_BYTES: u64 = 32 << slot::CNODE_SIZE_BITS;
const ENDPOINT_BYTES: u64 = 1 << 4;
const NOTIFICATION_BYTES: u64 = 1 << 5;

/// One protection domain's figures, bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainFigures {
    /// Its name.
    pub name: String,
    /// Its priority.
    pub priority: u32,
    /// Its parent's name.
    pub parent: Option<String>,
    /// Read-only and executable segments (may be shared).
    pub read_only_bytes: u64,
    /// Writable segments, .bss included.
    pub writable_bytes: u64,
    /// Its stack.
    pub stack_bytes: u64,
    /// Regions mapped into it, shared ones counted in full.
    pub mapped_bytes: u64,
    /// Page tables and kernel objects of its own.
    pub kernel_bytes: u64,
    /// SHA-256 over its segments' bytes.
    pub sha256: String,
}

/// An image's figures, bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The whole file.
    pub image_bytes: u64,
    /// The kernel in RAM, with its own data.
    pub kernel_bytes: u64,
    /// The initialiser in RAM, payload excluded.
    pub initialiser_bytes: u64,
    /// The payload: description and programs.
    pub payload_bytes: u64,
    /// RAM regions.
    pub region_bytes: u64,
    /// Frames beside payload and regions: .bss, stacks, IPC buffers.
    pub fresh_bytes: u64,
    /// Page tables and kernel objects of all protection domains.
    pub object_bytes: u64,
    /// Slots of the initialiser's CNode that are taken in the end, at most.
    pub slots: u64,
    /// By protection domain.
    pub domains: Vec<DomainFigures>,
}

impl Figures {
    /// Computes the figures of an image.
    ///
    /// # Errors
    /// [`NoRoom`] if the initialiser cannot build one of the address spaces.
    pub fn new(image_bytes: u64, header: &LoaderHeader, spec: &SystemSpec<'_>) -> Result<Self, NoRoom> {
        let user_image_bytes = header.user_end_paddr.saturating_sub(header.user_start_paddr);
        let mut figures = Self {
            image_bytes,
            kernel_bytes: header.kernel_end_paddr.saturating_sub(header.kernel_paddr),
            initialiser_bytes: header.payload_paddr.saturating_sub(header.user_start_paddr),
            payload_bytes: spec.header.payload_bytes,
            region_bytes: spec
                .regions()
                .iter()
                .filter(|region| region.flags & cofferdam_system_spec::layout::DEVICE == 0)
                .map(|region| region.size_bytes)
                .sum(),
            fresh_bytes: 0,
            object_bytes: 0,
            slots: slots::of_kernel(user_image_bytes) + slots::of_initialiser(spec)?,
            domains: Vec::new(),
        };
        // Zero pages behind read-only bytes are shared like the bytes; there are none in practice.
        for domain in spec.protection_domains() {
            let own: u64 = domain
                .segments()
                .iter()
                .map(|segment| segment.memory_bytes - segment.file_bytes.next_multiple_of(PAGE_BYTES))
                .sum();
            figures.fresh_bytes += own + domain.record.stack_bytes + PAGE_BYTES;
            let one = figures_of(spec, domain)?;
            figures.object_bytes += one.kernel_bytes;
            figures.domains.push(one);
        }
        Ok(figures)
    }

    /// All RAM that the system takes once it runs.
    pub fn ram_bytes(&self) -> u64 {
        self.kernel_bytes
            + self.initialiser_bytes
            + self.payload_bytes
            + self.region_bytes
            + self.fresh_bytes
            + self.object_bytes
    }

    /// The table for people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let kib = |bytes: u64| bytes.div_ceil(1024);
        let _ = writeln!(out, "{:<28}{:>10} KiB", "image file", kib(self.image_bytes));
        let _ = writeln!(out, "{:<28}{:>10} KiB", "RAM of the system", kib(self.ram_bytes()));
        for (what, bytes) in [
            ("  kernel", self.kernel_bytes),
            ("  initialiser", self.initialiser_bytes),
            ("  programs (payload)", self.payload_bytes),
            ("  memory regions", self.region_bytes),
            ("  .bss, stacks, IPC buffers", self.fresh_bytes),
            ("  page tables and objects", self.object_bytes),
        ] {
            let _ = writeln!(out, "{what:<28}{:>10} KiB", kib(bytes));
        }
        let _ = writeln!(out, "{:<28}{:>10}", "capability slots, at most", self.slots);
        let _ = writeln!(
            out,
            "\n{:<20}{:>5}  {:>9}{:>9}{:>9}{:>10}{:>9}  sha256 of its program, parent",
            "protection domain", "prio", "r-- KiB", "rw- KiB", "stack", "regions", "kernel"
        );
        for domain in &self.domains {
            let parent = domain.parent.as_ref().map(|parent| format!("  < {parent}")).unwrap_or_default();
            let _ = writeln!(
                out,
                "{:<20}{:>5}  {:>9}{:>9}{:>9}{:>10}{:>9}  {}{parent}",
                domain.name,
                domain.priority,
                kib(domain.read_only_bytes),
                kib(domain.writable_bytes),
                kib(domain.stack_bytes),
                kib(domain.mapped_bytes),
                kib(domain.kernel_bytes),
                domain.sha256.get(..16).unwrap_or(""),
            );
        }
        out
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        json!({
            "image_bytes": self.image_bytes,
            "ram_bytes": self.ram_bytes(),
            "kernel_bytes": self.kernel_bytes,
            "initialiser_bytes": self.initialiser_bytes,
            "payload_bytes": self.payload_bytes,
            "region_bytes": self.region_bytes,
            "fresh_bytes": self.fresh_bytes,
            "object_bytes": self.object_bytes,
            "slots": self.slots,
            "protection_domains": self.domains.iter().map(|domain| json!({
                "name": domain.name,
                "priority": domain.priority,
                "parent": domain.parent,
                "read_only_bytes": domain.read_only_bytes,
                "writable_bytes": domain.writable_bytes,
                "stack_bytes": domain.stack_bytes,
                "mapped_bytes": domain.mapped_bytes,
                "kernel_bytes": domain.kernel_bytes,
                "sha256": domain.sha256,
            })).collect::<Vec<_>>(),
        })
    }
}

fn figures_of(spec: &SystemSpec<'_>, domain: DomainView<'_>) -> Result<DomainFigures, NoRoom> {
    let sum = |writable: bool| {
        let segments = domain.segments().iter().filter(|segment| segment.is_writable() == writable);
        segments.map(|segment| segment.memory_bytes).sum()
    };
    let mapped =
        domain.maps().iter().filter_map(|map| spec.region(map)).map(|region| region.size_bytes).sum();
    let parent = domain
        .parent()
        .and_then(|index| spec.protection_domains().nth(index as usize))
        .map(|parent| parent.name().to_owned());
    let objects = TCB_BYTES
        + CNODE_BYTES
        + NOTIFICATION_BYTES
        + if domain.has_endpoint() { ENDPOINT_BYTES } else { 0 }
        // Its root, and what is below.
        + (1 + slots::paging_structures(spec, &domain)?) * PAGE_BYTES;
    Ok(DomainFigures {
        name: domain.name().to_owned(),
        priority: domain.record.priority,
        parent,
        read_only_bytes: sum(false),
        writable_bytes: sum(true),
        stack_bytes: domain.record.stack_bytes,
        mapped_bytes: mapped,
        kernel_bytes: objects,
        sha256: digest(spec, domain.segments()),
    })
}

fn digest(spec: &SystemSpec<'_>, segments: &[Segment]) -> String {
    let mut hasher = Sha256::new();
    for segment in segments {
        hasher.update(spec.segment_bytes(segment));
    }
    hex::encode(hasher.finalize())
}
