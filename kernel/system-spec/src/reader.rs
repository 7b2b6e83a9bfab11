// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The checked view of a system description.
//!
//! [`SystemSpec::new`] checks every offset, index, name and range once; after that nothing can be out of range. The
//! bytes come from the image tool and from nobody else, yet a damaged image must end in a message, not in a wild
//! mapping.

use core::ops::Range;

use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::environment::{LARGE_PAGE_BYTES, MAX_ID, MAX_PRIORITY, MAX_PROTECTION_DOMAINS, PAGE_BYTES, slot};
use crate::layout::{
    CAPABILITY_ENDPOINT, CAPABILITY_NOTIFICATION, CAPABILITY_TCB, Capability, Header, Irq, MAGIC, Map,
    NO_PADDR, NONE, PaddrPatch, ProtectionDomain, Region, Segment, Span, Table, VERSION, WRITE,
};

/// What is wrong with a description. Numbers are indices into the table named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecError {
    /// Shorter than a header, or not 8-byte aligned.
    NoHeader,
    /// The first word is not the magic.
    Magic(u64),
    /// Written by another version of the image tool.
    Version(u32),
    /// The sizes in the header do not fit the bytes given.
    Size,
    /// A table does not lie inside the description.
    Table(&'static str),
    /// Names are not UTF-8.
    Names,
    /// A protection domain with an impossible field.
    ProtectionDomain(u32, &'static str),
    /// A segment with an impossible range.
    Segment(u32),
    /// A region with an impossible size, page size or address.
    Region(u32),
    /// A mapping with an unknown region or a misaligned address.
    Map(u32),
    /// An interrupt with an impossible identifier.
    Irq(u32),
    /// A capability with an unknown target, kind or slot.
    Capability(u32),
    /// A patch outside the segments, or of an unknown region.
    PaddrPatch(u32),
}

impl core::fmt::Display for SpecError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoHeader => write!(f, "system description: no aligned header"),
            Self::Magic(found) => write!(f, "system description starts with {found:#x}, expected {MAGIC:#x}"),
            Self::Version(found) => write!(f, "system description has version {found}, expected {VERSION}"),
            Self::Size => write!(f, "system description: sizes in the header do not fit"),
            Self::Table(name) => write!(f, "system description: table of {name} is out of range"),
            Self::Names => write!(f, "system description: names are not UTF-8"),
            Self::ProtectionDomain(index, field) => {
                write!(f, "system description: protection domain {index} has a bad {field}")
            }
            Self::Segment(index) => write!(f, "system description: segment {index} is out of range"),
            Self::Region(index) => write!(f, "system description: region {index} is impossible"),
            Self::Map(index) => write!(f, "system description: mapping {index} is impossible"),
            Self::Irq(index) => write!(f, "system description: interrupt {index} is impossible"),
            Self::Capability(index) => write!(f, "system description: capability {index} is impossible"),
            Self::PaddrPatch(index) => write!(f, "system description: address patch {index} is out of range"),
        }
    }
}

/// A description whose every offset has been checked.
#[derive(Clone, Copy, Debug)]
pub struct SystemSpec<'a> {
    /// The header as it stands.
    pub header: &'a Header,
    payload: &'a [u8],
    domains: &'a [ProtectionDomain],
    segments: &'a [Segment],
    regions: &'a [Region],
    maps: &'a [Map],
    irqs: &'a [Irq],
    capabilities: &'a [Capability],
    patches: &'a [PaddrPatch],
    names: &'a str,
}

impl<'a> SystemSpec<'a> {
    /// Reads and checks header, tables and segments. `payload` may be longer than the description says, never shorter.
    ///
    /// # Errors
    /// [`SpecError`] names the first thing that is wrong.
    pub fn new(payload: &'a [u8]) -> Result<Self, SpecError> {
        let (header, _) = Header::ref_from_prefix(payload).map_err(|_| SpecError::NoHeader)?;
        if header.magic != MAGIC {
            return Err(SpecError::Magic(header.magic));
        }
        if header.version != VERSION {
            return Err(SpecError::Version(header.version));
        }
        let payload_bytes = usize::try_from(header.payload_bytes).map_err(|_| SpecError::Size)?;
        let payload = payload.get(..payload_bytes).ok_or(SpecError::Size)?;
        let tables = payload.get(..header.spec_bytes as usize).ok_or(SpecError::Size)?;
        if !header.payload_bytes.is_multiple_of(PAGE_BYTES) {
            return Err(SpecError::Size);
        }
        let names = tables
            .get(header.names.offset as usize..)
            .and_then(|bytes| bytes.get(..header.names.count as usize))
            .ok_or(SpecError::Table("names"))?;
        let spec = Self {
            header,
            payload,
            domains: table(tables, header.protection_domains, "protection domains")?,
            segments: table(tables, header.segments, "segments")?,
            regions: table(tables, header.regions, "regions")?,
            maps: table(tables, header.maps, "mappings")?,
            irqs: table(tables, header.irqs, "interrupts")?,
            capabilities: table(tables, header.capabilities, "capabilities")?,
            patches: table(tables, header.paddr_patches, "address patches")?,
            names: core::str::from_utf8(names).map_err(|_| SpecError::Names)?,
        };
        spec.check()?;
        Ok(spec)
    }

    fn check(&self) -> Result<(), SpecError> {
        if self.domains.is_empty() || self.domains.len() > MAX_PROTECTION_DOMAINS {
            return Err(SpecError::Table("protection domains"));
        }
        for (index, region) in (0..).zip(self.regions) {
            let page_ok = region.page_bytes == PAGE_BYTES || region.page_bytes == LARGE_PAGE_BYTES;
            let sound = page_ok
                && region.size_bytes > 0
                && region.size_bytes.is_multiple_of(region.page_bytes)
                && (region.paddr == NO_PADDR
                    || (region.paddr.is_multiple_of(region.page_bytes)
                        && region.paddr.checked_add(region.size_bytes).is_some()))
                && self.name_at(region.name).is_some();
            sound.then_some(()).ok_or(SpecError::Region(index))?;
        }
        for (index, segment) in (0..).zip(self.segments) {
            let sound = segment.vaddr.is_multiple_of(PAGE_BYTES)
                && segment.memory_bytes > 0
                && segment.memory_bytes.is_multiple_of(PAGE_BYTES)
                && segment.vaddr.checked_add(segment.memory_bytes).is_some()
                && segment.file_bytes <= segment.memory_bytes
                && self.segment_pages(segment).is_some();
            sound.then_some(()).ok_or(SpecError::Segment(index))?;
        }
        for (index, map) in (0..).zip(self.maps) {
            let sound = self.regions.get(map.region as usize).is_some_and(|region| {
                map.vaddr.is_multiple_of(region.page_bytes)
                    && map.vaddr.checked_add(region.size_bytes).is_some()
            });
            sound.then_some(()).ok_or(SpecError::Map(index))?;
        }
        for (index, irq) in (0..).zip(self.irqs) {
            (u64::from(irq.id) <= MAX_ID).then_some(()).ok_or(SpecError::Irq(index))?;
        }
        for (index, capability) in (0..).zip(self.capabilities) {
            let kind = capability.kind;
            let sound = (capability.target as usize) < self.domains.len()
                && u64::from(capability.slot) < slot::END
                && matches!(kind, CAPABILITY_NOTIFICATION | CAPABILITY_ENDPOINT | CAPABILITY_TCB);
            sound.then_some(()).ok_or(SpecError::Capability(index))?;
        }
        for (index, patch) in (0..).zip(self.patches) {
            let end = patch.payload_offset.checked_add(8);
            let sound = (patch.region as usize) < self.regions.len()
                && patch.payload_offset >= u64::from(self.header.spec_bytes)
                && patch.payload_offset.is_multiple_of(8)
                && end.is_some_and(|end| end <= self.header.payload_bytes);
            sound.then_some(()).ok_or(SpecError::PaddrPatch(index))?;
        }
        for (index, domain) in (0..).zip(self.domains) {
            let bad = |field| Err(SpecError::ProtectionDomain(index, field));
            let lone = domain.parent == NONE && domain.child_id == NONE;
            if self.name_at(domain.name).is_none() {
                return bad("name");
            }
            if domain.priority > u32::from(MAX_PRIORITY) {
                return bad("priority");
            }
            if !lone && (domain.parent >= index || u64::from(domain.child_id) > MAX_ID) {
                return bad("parent");
            }
            let stack_sound = domain.stack_bytes > 0
                && domain.stack_bytes.is_multiple_of(PAGE_BYTES)
                && domain.initial_sp.is_multiple_of(PAGE_BYTES)
                && domain.initial_sp >= domain.stack_bytes
                && domain.ipc_buffer_vaddr.is_multiple_of(PAGE_BYTES)
                && domain.initial_sp <= domain.ipc_buffer_vaddr;
            if !stack_sound {
                return bad("stack");
            }
            if !fits(domain.segments, self.segments.len())
                || !fits(domain.maps, self.maps.len())
                || !fits(domain.irqs, self.irqs.len())
                || !fits(domain.capabilities, self.capabilities.len())
            {
                return bad("table range");
            }
        }
        Ok(())
    }

    /// The protection domains, parents before their children.
    pub fn protection_domains(&self) -> impl ExactSizeIterator<Item = DomainView<'a>> + Clone + use<'a> {
        let spec = *self;
        self.domains.iter().enumerate().map(move |(index, record)| DomainView {
            spec,
            index: index as u32,
            record,
        })
    }

    /// All memory regions; a [`Map`] names them by index.
    pub fn regions(&self) -> &'a [Region] {
        self.regions
    }

    /// The region of a mapping.
    pub fn region(&self, map: &Map) -> Option<&'a Region> {
        self.regions.get(map.region as usize)
    }

    /// The physical addresses to be filled in before the segments are mapped.
    pub fn paddr_patches(&self) -> &'a [PaddrPatch] {
        self.patches
    }

    /// The name in a record.
    pub fn name(&self, name: Span) -> &'a str {
        self.name_at(name).unwrap_or("")
    }

    /// The bytes that a segment brings.
    pub fn segment_bytes(&self, segment: &Segment) -> &'a [u8] {
        self.segment_pages(segment)
            .and_then(|pages| pages.get(..usize::try_from(segment.file_bytes).ok()?))
            .unwrap_or(&[])
    }

    /// The payload pages of a segment: `segment_bytes`, zero-filled to a page's end.
    pub fn segment_pages(&self, segment: &Segment) -> Option<&'a [u8]> {
        if segment.file_bytes == 0 {
            return Some(&[]);
        }
        let start = usize::try_from(segment.payload_offset).ok()?;
        let bytes = usize::try_from(segment.file_bytes.checked_next_multiple_of(PAGE_BYTES)?).ok()?;
        if !segment.payload_offset.is_multiple_of(PAGE_BYTES) || start < self.header.spec_bytes as usize {
            return None;
        }
        self.payload.get(start..start.checked_add(bytes)?)
    }

    fn name_at(&self, name: Span) -> Option<&'a str> {
        let start = name.first as usize;
        self.names.get(start..start.checked_add(name.count as usize)?).filter(|name| !name.is_empty())
    }
}

/// A protection domain and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct DomainView<'a> {
    spec: SystemSpec<'a>,
    /// Its index, by which other records name it.
    pub index: u32,
    /// The record itself.
    pub record: &'a ProtectionDomain,
}

impl<'a> DomainView<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        self.spec.name(self.record.name)
    }

    /// Its segments, by rising address.
    pub fn segments(&self) -> &'a [Segment] {
        part(self.spec.segments, self.record.segments)
    }

    /// Its mappings, by rising address.
    pub fn maps(&self) -> &'a [Map] {
        part(self.spec.maps, self.record.maps)
    }

    /// Its interrupts.
    pub fn irqs(&self) -> &'a [Irq] {
        part(self.spec.irqs, self.record.irqs)
    }

    /// Its capabilities to other protection domains' objects.
    pub fn capabilities(&self) -> &'a [Capability] {
        part(self.spec.capabilities, self.record.capabilities)
    }

    /// Index of its parent.
    pub fn parent(&self) -> Option<u32> {
        (self.record.parent != NONE).then_some(self.record.parent)
    }

    /// The page below its stack, which is never mapped: an access there means that the stack is full.
    pub fn guard_page(&self) -> Range<u64> {
        let stack_start = self.record.initial_sp.saturating_sub(self.record.stack_bytes);
        stack_start.saturating_sub(PAGE_BYTES)..stack_start
    }

    /// Whether faults or calls can reach it, so that it needs an endpoint.
    pub fn has_endpoint(&self) -> bool {
        self.record.flags & crate::layout::HAS_ENDPOINT != 0
    }
}

impl Capability {
    /// The identifier at the other end, which the badge tells there: for a notification by the one bit that is set,
    /// for an endpoint by the number in its low bits.
    pub fn peer(&self) -> u8 {
        match self.kind {
            CAPABILITY_NOTIFICATION => self.badge.trailing_zeros() as u8,
            _ => (self.badge & 0x3f) as u8,
        }
    }
}

impl Segment {
    /// Whether its payload pages belong to one protection domain alone.
    pub fn is_writable(&self) -> bool {
        self.rights & WRITE != 0
    }
}

fn table<'a, T>(tables: &'a [u8], place: Table, name: &'static str) -> Result<&'a [T], SpecError>
where
    T: FromBytes + Immutable + KnownLayout,
{
    tables
        .get(place.offset as usize..)
        .and_then(|bytes| <[T]>::ref_from_prefix_with_elems(bytes, place.count as usize).ok())
        .map(|(records, _)| records)
        .ok_or(SpecError::Table(name))
}

fn fits(span: Span, records: usize) -> bool {
    (span.first as usize).checked_add(span.count as usize).is_some_and(|end| end <= records)
}

fn part<T>(records: &[T], span: Span) -> &[T] {
    let start = span.first as usize;
    start.checked_add(span.count as usize).and_then(|end| records.get(start..end)).unwrap_or(&[])
}
