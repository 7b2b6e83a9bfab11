// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A system description as values, each with its place in the source.

use crate::diagnostics::Offset;

/// A value and where it stands (or, when it is a default, where its element stands).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub at: Offset,
}

/// Rights of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Readable.
    pub read: bool,
    /// Writable.
    pub write: bool,
    /// Executable.
    pub execute: bool,
}

/// `memory_region`.
#[derive(Clone, Debug)]
pub struct MemoryRegion {
    /// The element.
    pub at: Offset,
    /// Unique.
    pub name: At<String>,
    /// Bytes.
    pub size: At<u64>,
    /// As written; the choice when it is not is [`System::page_bytes`].
    pub page_size: Option<At<u64>>,
    /// Fixed physical address.
    pub phys_addr: Option<At<u64>>,
}

/// `map`.
#[derive(Clone, Debug)]
pub struct Map {
    /// The element.
    pub at: Offset,
    /// The region's name.
    pub region: At<String>,
    /// Where.
    pub vaddr: At<u64>,
    /// May what.
    pub rights: At<Rights>,
    /// As memory (true) or as device registers (false).
    pub cached: bool,
}

/// `irq`.
#[derive(Clone, Debug)]
pub struct Irq {
    /// The element.
    pub at: Offset,
    /// The interrupt controller's number.
    pub number: At<u64>,
    /// The protection domain's name for it.
    pub id: At<u64>,
    /// Edge (true) or level.
    pub edge: bool,
}

/// What a symbol takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetvarValue {
    /// A number known now: a virtual address or an identifier.
    Number(u64),
    /// A region's size, by name.
    RegionSize(String),
    /// A region's physical address, by name.
    RegionPaddr(At<String>),
}

/// A symbol of a program to be written.
#[derive(Clone, Debug)]
pub struct Setvar {
    /// The symbol.
    pub symbol: At<String>,
    /// Its value.
    pub value: SetvarValue,
}

/// What makes a protection domain a child.
#[derive(Clone, Debug)]
pub struct ChildOf {
    /// Index of the parent.
    pub parent: usize,
    /// The parent's name for it.
    pub id: At<u64>,
}

/// `protection_domain`. Parents stand before their children.
#[derive(Clone, Debug)]
pub struct Domain {
    /// The element.
    pub at: Offset,
    /// Unique.
    pub name: At<String>,
    /// 0 to 254; `None` when what is written is no priority, which has been reported.
    pub priority: Option<At<u64>>,
    /// µs.
    pub budget_us: At<u64>,
    /// µs.
    pub period_us: At<u64>,
    /// Bytes.
    pub stack_size: At<u64>,
    /// May use floating point.
    pub fpu: bool,
    /// Path of its program.
    pub program_image: At<String>,
    /// Its mappings.
    pub maps: Vec<Map>,
    /// Its interrupts.
    pub irqs: Vec<Irq>,
    /// Symbols to write, from all elements that ask for one.
    pub setvars: Vec<Setvar>,
    /// Set for a nested one.
    pub child_of: Option<ChildOf>,
}

/// `end`.
#[derive(Clone, Debug)]
pub struct End {
    /// The element.
    pub at: Offset,
    /// The protection domain's name.
    pub domain: At<String>,
    /// Its name for the channel.
    pub id: At<u64>,
    /// It may call the other end.
    pub calls: bool,
    /// It may notify the other end.
    pub notifies: bool,
    /// Symbol that takes `id`.
    pub setvar_id: Option<At<String>>,
}

/// `channel`.
#[derive(Clone, Debug)]
pub struct Channel {
    /// The element.
    pub at: Offset,
    /// Both ends.
    pub ends: [End; 2],
}

/// A whole description.
#[derive(Clone, Debug, Default)]
pub struct System {
    /// In the order of the source.
    pub regions: Vec<MemoryRegion>,
    /// In the order of the source.
    pub domains: Vec<Domain>,
    /// In the order of the source.
    pub channels: Vec<Channel>,
}

impl System {
    /// The region of that name.
    pub fn region(&self, name: &str) -> Option<(usize, &MemoryRegion)> {
        self.regions.iter().enumerate().find(|(_, region)| region.name.value == name)
    }

    /// The protection domain of that name.
    pub fn domain(&self, name: &str) -> Option<(usize, &Domain)> {
        self.domains.iter().enumerate().find(|(_, domain)| domain.name.value == name)
    }

    /// Every mapping of a region, with the protection domain that has it.
    pub fn maps_of<'a>(&'a self, region: &'a str) -> impl Iterator<Item = (&'a Domain, &'a Map)> {
        self.domains
            .iter()
            .flat_map(|domain| domain.maps.iter().map(move |map| (domain, map)))
            .filter(move |(_, map)| map.region.value == region)
    }

    /// The children of the protection domain with that index.
    pub fn children(&self, parent: usize) -> impl Iterator<Item = (usize, &Domain, &ChildOf)> {
        self.domains.iter().enumerate().filter_map(move |(index, domain)| {
            domain
                .child_of
                .as_ref()
                .filter(|child| child.parent == parent)
                .map(|child| (index, domain, child))
        })
    }

    /// Whether somebody calls this protection domain.
    pub fn serves_calls(&self, name: &str) -> bool {
        self.channels.iter().any(|channel| {
            let [a, b] = &channel.ends;
            (a.calls && b.domain.value == name) || (b.calls && a.domain.value == name)
        })
    }

    /// Whether somebody asks for this region's physical address.
    pub fn needs_paddr(&self, name: &str) -> bool {
        self.domains
            .iter()
            .flat_map(|domain| &domain.setvars)
            .any(|setvar| matches!(&setvar.value, SetvarValue::RegionPaddr(region) if region.value == name))
    }
}
