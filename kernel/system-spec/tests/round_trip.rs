// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the builder writes the reader reads; what is damaged or made up is an error and never a panic.
#![allow(clippy::unwrap_used, reason = "test code")]

use cofferdam_system_spec::builder::{DomainInput, PatchInput, RegionInput, SegmentInput, SystemBuilder};
use cofferdam_system_spec::layout::{
    CAPABILITY_ENDPOINT, CAPABILITY_NOTIFICATION, CONTIGUOUS, Capability, EXECUTE, HAS_ENDPOINT, Header, Irq,
    MAGIC, Map, NO_PADDR, NONE, ProtectionDomain, READ, Span, VERSION, WRITE,
};
use cofferdam_system_spec::{SpecError, SystemSpec};
use proptest::prelude::*;
use zerocopy::{FromBytes, IntoBytes};

fn record(parent: u32, child_id: u32) -> ProtectionDomain {
    ProtectionDomain {
        name: Span::default(),
        entry: 0x20_0000,
        initial_sp: 0xff_ffff_e000,
        stack_bytes: 0x2000,
        ipc_buffer_vaddr: 0xff_ffff_f000,
        budget_us: 1000,
        period_us: 1000,
        priority: 100,
        flags: HAS_ENDPOINT,
        parent,
        child_id,
        segments: Span::default(),
        maps: Span::default(),
        irqs: Span::default(),
        capabilities: Span::default(),
    }
}

fn segment(vaddr: u64, bytes: &[u8], memory_bytes: u64, rights: u32) -> SegmentInput {
    SegmentInput { vaddr, bytes: bytes.to_vec(), memory_bytes, rights, patches: Vec::new() }
}

fn domain(name: &str, parent: u32, child_id: u32) -> DomainInput {
    let mut constants = segment(0x20_1000, &[0; 64], 0x1000, READ);
    constants.patches.push(PatchInput { segment_offset: 8, region: 0 });
    DomainInput {
        name: name.to_owned(),
        record: record(parent, child_id),
        segments: vec![
            segment(0x20_2000, &[9; 5000], 0x9000, READ | WRITE),
            segment(0x20_0000, &[1; 100], 0x1000, READ | EXECUTE),
            constants,
            segment(0x20_c000, &[], 0x1000, READ | WRITE),
        ],
        maps: vec![Map { vaddr: 0x3000_0000, region: 0, rights: READ | WRITE, cached: 1, reserved: 0 }],
        irqs: vec![Irq { number: 33, id: 4, edge: 1, reserved: 0 }],
        capabilities: vec![Capability {
            slot: 13,
            kind: CAPABILITY_NOTIFICATION,
            target: 0,
            reserved: 0,
            badge: 1 << 7,
        }],
    }
}

fn system() -> SystemBuilder {
    SystemBuilder {
        image_vaddr: 0x40_0000,
        payload_vaddr: 0x41_0000,
        uart_paddr: Some(0x900_0000),
        regions: vec![
            RegionInput {
                name: "dma".to_owned(),
                size_bytes: 0x4000,
                page_bytes: 0x1000,
                paddr: None,
                flags: CONTIGUOUS,
            },
            RegionInput {
                name: "uart".to_owned(),
                size_bytes: 0x1000,
                page_bytes: 0x1000,
                paddr: Some(0x900_0000),
                flags: 0,
            },
        ],
        protection_domains: vec![domain("parent", NONE, NONE), domain("child", 0, 3)],
    }
}

/// A payload as it lies in memory: aligned.
#[derive(Clone)]
struct Payload(Vec<u64>);

impl Payload {
    fn new(bytes: &[u8]) -> Self {
        let mut words = vec![0; bytes.len().div_ceil(8)];
        words.as_mut_bytes()[..bytes.len()].copy_from_slice(bytes);
        Self(words)
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn payload() -> Payload {
    Payload::new(&system().build().unwrap())
}

/// Touches everything that a reader can reach.
fn walk(spec: &SystemSpec<'_>) -> usize {
    let mut seen: usize = spec.regions().iter().map(|region| spec.name(region.name).len()).sum();
    for domain in spec.protection_domains() {
        seen += domain.name().len() + domain.irqs().len() + domain.capabilities().len();
        seen += domain.maps().iter().filter_map(|map| spec.region(map)).count();
        for segment in domain.segments() {
            seen += spec.segment_bytes(segment).len() + spec.segment_pages(segment).unwrap().len();
        }
    }
    seen + spec.paddr_patches().len()
}

#[test]
fn what_is_written_is_read() {
    let payload = payload();
    let spec = SystemSpec::new(payload.bytes()).unwrap();
    assert_eq!(spec.header.payload_bytes, payload.bytes().len() as u64);
    assert_eq!(spec.header.uart_paddr, 0x900_0000);
    let domains: Vec<_> = spec.protection_domains().collect();
    assert_eq!(domains.len(), 2);
    let child = domains[1];
    assert_eq!((child.name(), child.index, child.parent()), ("child", 1, Some(0)));
    assert_eq!((child.record.child_id, child.has_endpoint()), (3, true));
    assert_eq!(child.irqs()[0].number, 33);
    assert_eq!(child.capabilities()[0].badge, 1 << 7);
    assert_eq!(spec.name(spec.region(&child.maps()[0]).unwrap().name), "dma");
    assert_eq!((spec.regions()[0].paddr, spec.regions()[1].paddr), (NO_PADDR, 0x900_0000));
    // By rising address, whatever order they came in.
    let segments = child.segments();
    let addresses: Vec<u64> = segments.iter().map(|segment| segment.vaddr).collect();
    assert_eq!(addresses, [0x20_0000, 0x20_1000, 0x20_2000, 0x20_c000]);
    assert_eq!(spec.segment_bytes(&segments[2]), [9; 5000]);
    let pages = spec.segment_pages(&segments[2]).unwrap();
    assert!(pages.len() == 0x2000 && pages[5000..].iter().all(|byte| *byte == 0));
    assert_eq!(spec.segment_pages(&segments[3]).unwrap(), [0; 0]);
    // A patch lies in its own domain's segment.
    assert_eq!(spec.paddr_patches()[1].payload_offset, segments[1].payload_offset + 8);
}

#[test]
fn the_guard_page_lies_below_the_stack() {
    let payload = payload();
    let spec = SystemSpec::new(payload.bytes()).unwrap();
    let guard = spec.protection_domains().next().unwrap().guard_page();
    assert_eq!(guard, 0xff_ffff_b000..0xff_ffff_c000);
}

proptest! {
    /// Microkit's badges (FACTS.md section 3), as the image tool writes them.
    #[test]
    fn a_capability_tells_the_other_ends_channel(id in 0..62u8) {
        let to = |kind, badge| Capability { slot: 13, kind, target: 0, reserved: 0, badge };
        prop_assert_eq!(to(CAPABILITY_NOTIFICATION, 1 << id).peer(), id);
        prop_assert_eq!(to(CAPABILITY_ENDPOINT, 1 << 63 | u64::from(id)).peer(), id);
    }
}

#[test]
fn equal_read_only_bytes_are_kept_once() {
    let payload = payload();
    let spec = SystemSpec::new(payload.bytes()).unwrap();
    let domains: Vec<_> = spec.protection_domains().collect();
    let offset = |domain: usize, segment: usize| domains[domain].segments()[segment].payload_offset;
    assert_eq!(offset(0, 0), offset(1, 0), "code is shared");
    assert_ne!(offset(0, 1), offset(1, 1), "a patched segment is not");
    assert_ne!(offset(0, 2), offset(1, 2), "a writable segment is not");
    // One page of code, and for each of two domains one of constants and two of data.
    let pages = (spec.header.payload_bytes - u64::from(spec.header.spec_bytes)) / 0x1000;
    assert_eq!(pages, 1 + 2 * 3);
}

#[test]
fn the_first_bytes_are_golden() {
    let payload = payload();
    assert_eq!(&payload.bytes()[..8], b"1CPSFFOC"); // little-endian
    assert_eq!(payload.bytes()[8..12], VERSION.to_le_bytes());
    assert_eq!(payload.bytes()[24..32], 0x40_0000_u64.to_le_bytes());
    assert_eq!(payload.bytes()[40..48], 0x900_0000_u64.to_le_bytes());
    assert_eq!(MAGIC.to_be_bytes(), *b"COFFSPC1");
}

/// The good payload with its header changed.
fn with_header(change: impl FnOnce(&mut Header)) -> Result<usize, SpecError> {
    let mut payload = payload();
    let (header, _) = Header::mut_from_prefix(payload.0.as_mut_bytes()).unwrap();
    change(header);
    SystemSpec::new(payload.bytes()).map(|spec| walk(&spec))
}

#[test]
fn a_wrong_header_is_an_error() {
    assert!(with_header(|_| {}).is_ok());
    assert_eq!(with_header(|header| header.magic = 1), Err(SpecError::Magic(1)));
    assert_eq!(with_header(|header| header.version = 9), Err(SpecError::Version(9)));
    assert_eq!(with_header(|header| header.payload_bytes += 0x1000), Err(SpecError::Size));
    assert_eq!(with_header(|header| header.payload_bytes -= 1), Err(SpecError::Size));
    assert_eq!(with_header(|header| header.spec_bytes = u32::MAX), Err(SpecError::Size));
    assert_eq!(with_header(|header| header.names.offset = u32::MAX), Err(SpecError::Table("names")));
    assert_eq!(with_header(|header| header.maps.count = u32::MAX), Err(SpecError::Table("mappings")));
    assert_eq!(with_header(|header| header.segments.offset += 4), Err(SpecError::Table("segments")));
    let none = with_header(|header| header.protection_domains.count = 0);
    assert_eq!(none, Err(SpecError::Table("protection domains")));
    let payload = payload();
    assert_eq!(SystemSpec::new(&payload.bytes()[..50]).unwrap_err(), SpecError::NoHeader);
    assert_eq!(SystemSpec::new(&payload.bytes()[1..]).unwrap_err(), SpecError::NoHeader);
}

#[test]
fn impossible_records_are_errors() {
    let refused = |change: fn(&mut SystemBuilder), expected: SpecError| {
        let mut system = system();
        change(&mut system);
        let payload = Payload::new(&system.build().unwrap());
        assert_eq!(SystemSpec::new(payload.bytes()).unwrap_err(), expected);
    };
    refused(|system| system.regions[0].page_bytes = 0x2000, SpecError::Region(0));
    refused(|system| system.regions[1].size_bytes = 0x1001, SpecError::Region(1));
    refused(|system| system.regions[1].paddr = Some(u64::MAX - 0xfff), SpecError::Region(1));
    refused(|system| system.regions[0].name.clear(), SpecError::Region(0));
    refused(|system| system.protection_domains[0].segments[1].memory_bytes = 0, SpecError::Segment(0));
    refused(|system| system.protection_domains[0].segments[1].vaddr = 0x20_0800, SpecError::Segment(0));
    refused(|system| system.protection_domains[1].segments[1].memory_bytes = !0xfff, SpecError::Segment(4));
    refused(|system| system.protection_domains[1].maps[0].region = 2, SpecError::Map(1));
    refused(|system| system.protection_domains[1].maps[0].vaddr += 8, SpecError::Map(1));
    refused(|system| system.protection_domains[0].irqs[0].id = 62, SpecError::Irq(0));
    refused(|system| system.protection_domains[0].capabilities[0].target = 2, SpecError::Capability(0));
    refused(|system| system.protection_domains[0].capabilities[0].kind = 0, SpecError::Capability(0));
    refused(|system| system.protection_domains[0].capabilities[0].slot = 264, SpecError::Capability(0));
    refused(
        |system| system.protection_domains[0].segments[2].patches[0].region = 7,
        SpecError::PaddrPatch(0),
    );
    refused(
        |system| system.protection_domains[0].segments[2].patches[0].segment_offset = 3,
        SpecError::PaddrPatch(0),
    );
    refused(|system| system.protection_domains[1].name.clear(), SpecError::ProtectionDomain(1, "name"));
    refused(
        |system| system.protection_domains[1].record.priority = 255,
        SpecError::ProtectionDomain(1, "priority"),
    );
    refused(
        |system| system.protection_domains[0].record.parent = 1,
        SpecError::ProtectionDomain(0, "parent"),
    );
    refused(
        |system| system.protection_domains[1].record.child_id = 62,
        SpecError::ProtectionDomain(1, "parent"),
    );
    refused(
        |system| system.protection_domains[1].record.stack_bytes = 0,
        SpecError::ProtectionDomain(1, "stack"),
    );
}

#[test]
fn every_error_has_words() {
    for error in [SpecError::NoHeader, SpecError::Names, SpecError::Table("names"), SpecError::Segment(3)] {
        assert!(error.to_string().starts_with("system description"));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let payload = Payload::new(&bytes);
        if let Ok(spec) = SystemSpec::new(payload.bytes()) {
            walk(&spec);
        }
    }

    #[test]
    fn arbitrary_tables_behind_a_sound_header_never_panic(
        words in prop::collection::vec(any::<u64>(), 512),
        tables in prop::collection::vec((0..600_u32, 0..20_u32), 8),
    ) {
        let mut payload = Payload(words);
        let (header, _) = Header::mut_from_prefix(payload.0.as_mut_bytes()).unwrap();
        (header.magic, header.version, header.spec_bytes, header.payload_bytes) = (MAGIC, VERSION, 4096, 4096);
        let places = [
            &mut header.protection_domains, &mut header.segments, &mut header.regions, &mut header.maps,
            &mut header.irqs, &mut header.capabilities, &mut header.paddr_patches, &mut header.names,
        ];
        for (place, (offset, count)) in places.into_iter().zip(tables) {
            (place.offset, place.count) = (offset * 8, count);
        }
        if let Ok(spec) = SystemSpec::new(payload.bytes()) {
            walk(&spec);
        }
    }

    #[test]
    fn a_damaged_description_never_panics(at in 0..900_usize, value: u64, more in prop::option::of(0..900_usize)) {
        let mut payload = payload();
        let words = payload.0.len();
        payload.0[at % words] = value;
        if let Some(more) = more {
            payload.0[more % words] = value;
        }
        if let Ok(spec) = SystemSpec::new(payload.bytes()) {
            walk(&spec);
        }
    }

    #[test]
    fn any_system_comes_back(
        sizes in prop::collection::vec((0..9000_usize, 0..3_u64, any::<bool>()), 1..6),
        names in prop::collection::vec("[a-z_0-9]{1,20}", 1..20),
    ) {
        let mut system = system();
        system.protection_domains.clear();
        for name in &names {
            let mut domain = domain(name, NONE, NONE);
            domain.segments.clear();
            let mut vaddr = 0x20_0000;
            for (bytes, extra, write) in &sizes {
                let memory = (*bytes as u64).next_multiple_of(0x1000) + extra * 0x1000;
                let memory = memory.max(0x1000);
                let rights = if *write { READ | WRITE } else { READ };
                domain.segments.push(segment(vaddr, &vec![name.len() as u8; *bytes], memory, rights));
                vaddr += memory;
            }
            system.protection_domains.push(domain);
        }
        let payload = Payload::new(&system.build().unwrap());
        let spec = SystemSpec::new(payload.bytes()).unwrap();
        for (written, read) in system.protection_domains.iter().zip(spec.protection_domains()) {
            prop_assert_eq!(read.name(), &written.name);
            for (written, read) in written.segments.iter().zip(read.segments()) {
                prop_assert_eq!(spec.segment_bytes(read), &written.bytes);
                prop_assert_eq!((read.vaddr, read.memory_bytes), (written.vaddr, written.memory_bytes));
            }
        }
    }
}
