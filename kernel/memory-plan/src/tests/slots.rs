// SPDX-License-Identifier: Apache-2.0 OR MIT
use cofferdam_system_spec::SystemSpec;
use cofferdam_system_spec::builder::{DomainInput, RegionInput, SegmentInput, SystemBuilder};
use cofferdam_system_spec::layout::{HAS_ENDPOINT, Irq, Map, NONE, ProtectionDomain, READ, Span, WRITE};

use crate::slots::{of_initialiser, of_kernel, paging_structures};

fn region(pages: u64, page_bytes: u64) -> RegionInput {
    RegionInput { name: "r".into(), size_bytes: pages * page_bytes, page_bytes, paddr: None, flags: 0 }
}

fn map(vaddr: u64, region: u32) -> Map {
    Map { vaddr, region, rights: READ | WRITE, cached: 1, reserved: 0 }
}

/// One segment of three pages of which one is .bss, a stack of two pages, in one table each.
fn domain(maps: Vec<Map>, flags: u32, interrupts: u32) -> DomainInput {
    DomainInput {
        name: "d".into(),
        record: ProtectionDomain {
            name: Span::default(),
            entry: 0x20_0000,
            initial_sp: 0xff_ffff_e000,
            stack_bytes: 0x2000,
            ipc_buffer_vaddr: 0xff_ffff_f000,
            budget_us: 1000,
            period_us: 1000,
            priority: 100,
            flags,
            parent: NONE,
            child_id: NONE,
            segments: Span::default(),
            maps: Span::default(),
            irqs: Span::default(),
            capabilities: Span::default(),
        },
        segments: vec![SegmentInput {
            vaddr: 0x20_0000,
            bytes: vec![1; 0x1800],
            memory_bytes: 0x3000,
            rights: READ | WRITE,
            patches: Vec::new(),
        }],
        maps,
        irqs: (0..interrupts).map(|id| Irq { number: 40 + id, id, edge: 0, reserved: 0 }).collect(),
        capabilities: Vec::new(),
    }
}

/// Slots of the initialiser, and paging structures of the first protection domain.
fn count(regions: Vec<RegionInput>, protection_domains: Vec<DomainInput>) -> (u64, u64) {
    let builder = SystemBuilder {
        image_vaddr: 0x40_0000,
        payload_vaddr: 0x41_0000,
        uart_paddr: None,
        regions,
        protection_domains,
    };
    let bytes = builder.build().expect("small");
    // Aligned, as in an image.
    let mut words = vec![0_u64; bytes.len().div_ceil(8)];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks(8)) {
        *word = u64::from_le_bytes(core::array::from_fn(|index| bytes.get(index).copied().unwrap_or(0)));
    }
    let payload = zerocopy::IntoBytes::as_bytes(words.as_slice());
    let spec = SystemSpec::new(&payload[..bytes.len()]).expect("a good system");
    let first = spec.protection_domains().next().expect("one");
    (of_initialiser(&spec).expect("few"), paging_structures(&spec, &first).expect("few"))
}

/// Monitor's endpoint; CNode, TCB, address space, notification; 3 + 2 + 1 pages; an upper directory, a directory and
/// a table at either end of the address space.
const ONE_DOMAIN: u64 = 4 + 6 + 6;

#[test]
fn a_system_is_counted_to_the_slot() {
    assert_eq!(count(vec![], vec![domain(vec![], 0, 0)]), (1 + ONE_DOMAIN, 6));
    // An endpoint, and two slots for each interrupt.
    assert_eq!(count(vec![], vec![domain(vec![], HAS_ENDPOINT, 3)]).0, 1 + ONE_DOMAIN + 1 + 6);
}

#[test]
fn a_region_costs_its_pages_and_a_copy_of_each_further_mapping() {
    let shared = || vec![region(5, 0x1000)];
    let maps = || vec![map(0x30_0000, 0)];
    // Where the program's table reaches, no further table is needed; nobody's region is still allocated.
    assert_eq!(count(shared(), vec![domain(vec![], 0, 0)]).0, 1 + ONE_DOMAIN + 5);
    assert_eq!(count(shared(), vec![domain(maps(), 0, 0)]).0, 1 + ONE_DOMAIN + 5);
    let both = vec![domain(maps(), 0, 0), domain(maps(), 0, 0)];
    assert_eq!(count(shared(), both).0, 1 + 2 * ONE_DOMAIN + 5 + 5);
}

#[test]
fn large_pages_need_no_table() {
    let maps = vec![map(0x4000_0000, 0)];
    let (slots, structures) = count(vec![region(2, 0x20_0000)], vec![domain(maps, 0, 0)]);
    // One directory, for the second GiB.
    assert_eq!((slots, structures), (1 + ONE_DOMAIN + 2 + 1, 7));
    // The same with small pages: two tables.
    let maps = vec![map(0x4000_0000, 0)];
    assert_eq!(count(vec![region(1024, 0x1000)], vec![domain(maps, 0, 0)]).1, 9);
}

#[test]
fn the_kernel_takes_a_slot_for_each_page_of_the_image() {
    assert_eq!(of_kernel(8 << 20) - of_kernel(0), 2048);
    assert_eq!(of_kernel(0x1001) - of_kernel(0x1000), 1);
}
