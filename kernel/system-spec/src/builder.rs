// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Writes what [`crate::reader`] reads. Host side only.
//!
//! The builder lays out; it does not judge: whether a system makes sense is the image tool's business, and
//! [`crate::SystemSpec::new`] checks what was written.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use zerocopy::{Immutable, IntoBytes};

use crate::environment::PAGE_BYTES;
use crate::layout::{
    Capability, Header, Irq, MAGIC, Map, NO_PADDR, PaddrPatch, ProtectionDomain, Region, Segment, Span,
    Table, VERSION, WRITE,
};

/// A memory region to be written; its index is its place in [`SystemBuilder::regions`].
#[derive(Clone, Debug, Default)]
pub struct RegionInput {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size_bytes: u64,
    /// Bytes of its pages.
    pub page_bytes: u64,
    /// Its physical address, if fixed.
    pub paddr: Option<u64>,
    /// See [`Region::flags`].
    pub flags: u32,
}

/// Eight bytes inside a segment that take a region's physical address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PatchInput {
    /// Where in the segment's bytes. A multiple of 8.
    pub segment_offset: u64,
    /// Index of the region.
    pub region: u32,
}

/// A program segment to be written.
#[derive(Clone, Debug, Default)]
pub struct SegmentInput {
    /// First address, page-aligned.
    pub vaddr: u64,
    /// The bytes it brings.
    pub bytes: Vec<u8>,
    /// How many bytes it has, whole pages.
    pub memory_bytes: u64,
    /// See [`Segment::rights`].
    pub rights: u32,
    /// Physical addresses inside it.
    pub patches: Vec<PatchInput>,
}

/// A protection domain to be written; its index is its place in [`SystemBuilder::protection_domains`].
#[derive(Clone, Debug)]
pub struct DomainInput {
    /// Its name.
    pub name: String,
    /// All plain fields; the builder sets name and spans.
    pub record: ProtectionDomain,
    /// Its program's segments.
    pub segments: Vec<SegmentInput>,
    /// Its mappings.
    pub maps: Vec<Map>,
    /// Its interrupts.
    pub irqs: Vec<Irq>,
    /// Its capabilities.
    pub capabilities: Vec<Capability>,
}

/// Why a description cannot be written: it outgrew its 32-bit offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl core::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the tables of the system description outgrow 4 GiB")
    }
}

impl core::error::Error for TooLarge {}

/// A whole system.
#[derive(Clone, Debug, Default)]
pub struct SystemBuilder {
    /// First virtual address of the initialiser's user image.
    pub image_vaddr: u64,
    /// Virtual address that the payload will have.
    pub payload_vaddr: u64,
    /// Physical address of the monitor's PL011.
    pub uart_paddr: Option<u64>,
    /// Memory regions.
    pub regions: Vec<RegionInput>,
    /// Protection domains, parents first.
    pub protection_domains: Vec<DomainInput>,
}

impl SystemBuilder {
    /// The payload: description and segments, whole pages.
    ///
    /// # Errors
    /// When a table outgrows its offsets.
    pub fn build(&self) -> Result<Vec<u8>, TooLarge> {
        let mut names = Names::default();
        let mut regions = Vec::new();
        for region in &self.regions {
            regions.push(Region {
                name: names.add(&region.name)?,
                size_bytes: region.size_bytes,
                page_bytes: region.page_bytes,
                paddr: region.paddr.unwrap_or(NO_PADDR),
                flags: region.flags,
                reserved: 0,
            });
        }
        let mut domains = Vec::new();
        let (mut segments, mut maps, mut irqs, mut capabilities) = (vec![], vec![], vec![], vec![]);
        let mut blobs = Blobs::default();
        let mut patches: Vec<PaddrPatch> = Vec::new();
        for input in &self.protection_domains {
            let mut record = input.record;
            record.name = names.add(&input.name)?;
            let mut own: Vec<Segment> = Vec::new();
            let mut by_address: Vec<&SegmentInput> = input.segments.iter().collect();
            by_address.sort_by_key(|segment| segment.vaddr);
            for segment in by_address {
                let offset = blobs.add(segment);
                own.push(Segment {
                    vaddr: segment.vaddr,
                    payload_offset: offset,
                    file_bytes: segment.bytes.len() as u64,
                    memory_bytes: segment.memory_bytes,
                    rights: segment.rights,
                    reserved: 0,
                });
                patches.extend(segment.patches.iter().map(|patch| PaddrPatch {
                    payload_offset: offset + patch.segment_offset,
                    region: patch.region,
                    reserved: 0,
                }));
            }
            record.segments = append(&mut segments, own)?;
            let mut own_maps = input.maps.clone();
            own_maps.sort_by_key(|map| map.vaddr);
            record.maps = append(&mut maps, own_maps)?;
            record.irqs = append(&mut irqs, input.irqs.clone())?;
            record.capabilities = append(&mut capabilities, input.capabilities.clone())?;
            domains.push(record);
        }

        // Where the segments start is known once the tables' sizes are.
        let mut tables = Tables { bytes: vec![0; size_of::<Header>()] };
        let protection_domains = tables.reserve(&domains)?;
        let segment_table = tables.reserve(&segments)?;
        let mut header = Header {
            magic: MAGIC,
            version: VERSION,
            spec_bytes: 0,
            payload_bytes: 0,
            image_vaddr: self.image_vaddr,
            payload_vaddr: self.payload_vaddr,
            uart_paddr: self.uart_paddr.unwrap_or(NO_PADDR),
            protection_domains,
            segments: segment_table,
            regions: tables.add(&regions)?,
            maps: tables.add(&maps)?,
            irqs: tables.add(&irqs)?,
            capabilities: tables.add(&capabilities)?,
            paddr_patches: tables.reserve(&patches)?,
            names: tables.add(names.bytes.as_slice())?,
        };
        header.spec_bytes = u32::try_from(tables.bytes.len()).map_err(|_| TooLarge)?;
        let start = u64::from(header.spec_bytes).next_multiple_of(PAGE_BYTES);
        for segment in segments.iter_mut().filter(|segment| segment.file_bytes > 0) {
            segment.payload_offset += start;
        }
        for patch in &mut patches {
            patch.payload_offset += start;
        }
        let mut payload = tables;
        payload.write(header.protection_domains, &domains);
        payload.write(header.segments, &segments);
        payload.write(header.paddr_patches, &patches);
        let mut payload = payload.bytes;
        payload.resize(usize::try_from(start).map_err(|_| TooLarge)?, 0);
        payload.extend_from_slice(&blobs.bytes);
        header.payload_bytes = payload.len() as u64;
        if let Some(place) = payload.get_mut(..size_of::<Header>()) {
            place.copy_from_slice(header.as_bytes());
        }
        Ok(payload)
    }
}

#[derive(Default)]
struct Names {
    bytes: Vec<u8>,
}

impl Names {
    fn add(&mut self, name: &str) -> Result<Span, TooLarge> {
        let first = u32::try_from(self.bytes.len()).map_err(|_| TooLarge)?;
        self.bytes.extend_from_slice(name.as_bytes());
        Ok(Span { first, count: u32::try_from(name.len()).map_err(|_| TooLarge)? })
    }
}

/// The segments' bytes; equal read-only ones are kept once.
#[derive(Default)]
struct Blobs<'a> {
    bytes: Vec<u8>,
    shared: BTreeMap<&'a [u8], u64>,
}

impl<'a> Blobs<'a> {
    fn add(&mut self, segment: &'a SegmentInput) -> u64 {
        if segment.bytes.is_empty() {
            return 0;
        }
        let may_share = segment.rights & WRITE == 0 && segment.patches.is_empty();
        if let Some(offset) = self.shared.get(segment.bytes.as_slice()).filter(|_| may_share) {
            return *offset;
        }
        let offset = self.bytes.len() as u64;
        self.bytes.extend_from_slice(&segment.bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(PAGE_BYTES as usize), 0);
        if may_share {
            self.shared.insert(&segment.bytes, offset);
        }
        offset
    }
}

struct Tables {
    bytes: Vec<u8>,
}

impl Tables {
    /// Room for the records, to be filled by [`Tables::write`].
    fn reserve<T: IntoBytes + Immutable>(&mut self, records: &[T]) -> Result<Table, TooLarge> {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let offset = u32::try_from(self.bytes.len()).map_err(|_| TooLarge)?;
        self.bytes.resize(self.bytes.len() + records.as_bytes().len(), 0);
        Ok(Table { offset, count: u32::try_from(records.len()).map_err(|_| TooLarge)? })
    }

    fn add<T: IntoBytes + Immutable>(&mut self, records: &[T]) -> Result<Table, TooLarge> {
        let table = self.reserve(records)?;
        self.write(table, records);
        Ok(table)
    }

    fn write<T: IntoBytes + Immutable>(&mut self, table: Table, records: &[T]) {
        let bytes = records.as_bytes();
        let start = table.offset as usize;
        if let Some(place) = self.bytes.get_mut(start..start + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
}

fn append<T>(all: &mut Vec<T>, own: Vec<T>) -> Result<Span, TooLarge> {
    let first = u32::try_from(all.len()).map_err(|_| TooLarge)?;
    let count = u32::try_from(own.len()).map_err(|_| TooLarge)?;
    all.extend(own);
    Ok(Span { first, count })
}
