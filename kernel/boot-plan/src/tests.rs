// SPDX-License-Identifier: Apache-2.0 OR MIT
use cofferdam_system_spec::boot::{MAGIC, MAX_PARTS, VERSION};
use proptest::prelude::*;
use zerocopy::FromZeros as _;

use super::*;

fn machine() -> Machine {
    Machine {
        ram: 0x4000_0000..0x5000_0000,
        loader: 0x4020_0000..0x4024_0000,
        kernel_paddr: 0x4100_0000,
        kernel_vaddr: 0xffff_ff80_0000_0000,
    }
}

fn part(source_paddr: u64, destination_paddr: u64, file_bytes: u64, memory_bytes: u64) -> Part {
    Part { source_paddr, destination_paddr, file_bytes, memory_bytes }
}

fn header() -> LoaderHeader {
    let mut header = LoaderHeader::new_zeroed();
    (header.magic, header.version, header.part_count) = (MAGIC, VERSION, 3);
    (header.kernel_paddr, header.kernel_vaddr) = (0x4100_0000, 0xffff_ff80_0000_0000);
    (header.kernel_end_paddr, header.kernel_entry_vaddr) = (0x4122_3000, 0xffff_ff80_0000_0000);
    (header.user_start_paddr, header.user_end_paddr) = (0x4140_0000, 0x4150_0000);
    (header.user_offset, header.user_entry_vaddr) = (0x4120_0000, 0x20_1000);
    header.parts[0] = part(0x4100_0000, 0x4100_0000, 0x1_0000, 0x1_0000);
    header.parts[1] = part(0x4101_0000, 0x4101_0000, 0x1_0000, 0x21_3000);
    header.parts[2] = part(0x4800_0000, 0x4140_0000, 0x8_0000, 0x10_0000);
    header
}

fn refusal(change: impl FnOnce(&mut LoaderHeader)) -> Refusal {
    let mut header = header();
    change(&mut header);
    check(&header, &machine()).unwrap_err()
}

#[test]
fn a_sound_header_passes() {
    assert_eq!(check(&header(), &machine()).unwrap().len(), 3);
}

#[test]
fn a_foreign_header_is_refused() {
    assert_eq!(refusal(|h| h.magic = 5), Refusal::Header(HeaderError::Magic(5)));
}

#[test]
fn a_kernel_for_another_machine_is_refused() {
    let found = refusal(|h| h.kernel_paddr = 0x6000_0000);
    assert_eq!(found, Refusal::KernelBase { paddr: 0x6000_0000, vaddr: 0xffff_ff80_0000_0000 });
}

#[test]
fn what_is_not_in_ram_is_refused() {
    assert!(matches!(refusal(|h| h.user_end_paddr = 0x5000_1000), Refusal::OutsideRam(Place::User, _)));
    assert!(matches!(refusal(|h| h.kernel_end_paddr = 0x4000_0000), Refusal::OutsideRam(Place::Kernel, _)));
    assert!(matches!(
        refusal(|h| h.parts[2].source_paddr = 0x900_0000),
        Refusal::OutsideRam(Place::Source(2), _)
    ));
    assert!(matches!(
        refusal(|h| h.parts[2].memory_bytes = 0x11_0000),
        Refusal::OutsideRam(Place::Destination(2), _)
    ));
}

#[test]
fn the_loader_is_not_overwritten() {
    assert!(matches!(
        refusal(|h| h.parts[2].source_paddr = 0x4020_0000),
        Refusal::OverLoader(Place::Source(2), _)
    ));
    let found = refusal(|h| h.parts[1].destination_paddr = 0x4023_f000);
    assert!(matches!(found, Refusal::OverLoader(Place::Destination(1), _)));
}

#[test]
fn overlaps_are_refused() {
    assert_eq!(refusal(|h| h.user_start_paddr = 0x4120_0000), Refusal::Overlap(Place::User, Place::Kernel));
    let found = refusal(|h| h.parts[0].memory_bytes = 0x1_1000);
    assert_eq!(found, Refusal::Overlap(Place::Destination(0), Place::Destination(1)));
    // A source inside of another part's destination would be overwritten before it is copied.
    let found = refusal(|h| h.parts[2].source_paddr = 0x4110_0000);
    assert_eq!(found, Refusal::Overlap(Place::Destination(1), Place::Source(2)));
    let found = refusal(|h| h.parts[2].source_paddr = 0x4141_0000);
    assert_eq!(found, Refusal::Overlap(Place::Destination(2), Place::Source(2)));
}

#[test]
fn entries_must_be_in_their_programs() {
    assert_eq!(refusal(|h| h.kernel_entry_vaddr = 0x20_0000), Refusal::Entry(Place::Kernel, 0x20_0000));
    assert_eq!(refusal(|h| h.user_entry_vaddr = 0x10_0000), Refusal::Entry(Place::User, 0x10_0000));
}

#[test]
fn misalignment_is_refused() {
    assert!(matches!(refusal(|h| h.user_start_paddr = 0x4140_1000), Refusal::Alignment(Place::User, _)));
    assert!(matches!(refusal(|h| h.kernel_end_paddr = 0x4122_3010), Refusal::Alignment(Place::Kernel, _)));
}

#[test]
fn reasons_read_well() {
    let text = refusal(|h| h.user_end_paddr = 0x5000_1000).to_string();
    assert_eq!(text, "the user image (0x41400000-0x50001000) is not in RAM");
}

/// Page numbers in RAM, and a little beyond.
const PAGES: Range<u64> = 0x4_0000..0x5_0010;

fn any_part() -> impl Strategy<Value = Part> {
    // Mostly near RAM, so that more than the first check is met.
    let address = prop_oneof![any::<u64>(), (PAGES).prop_map(|page| page << 12)];
    let bytes = prop_oneof![any::<u64>(), 0u64..0x30_0000];
    (address.clone(), address, bytes.clone(), bytes).prop_map(|(a, b, c, d)| part(a, b, c, d))
}

proptest! {
    /// Whatever the header says, accepted parts stay inside of kernel and user image and off the loader.
    #[test]
    fn accepted_parts_are_harmless(
        count in 0u32..=MAX_PARTS as u32,
        parts in proptest::collection::vec(any_part(), MAX_PARTS),
        user in (PAGES, PAGES),
    ) {
        let mut header = header();
        header.part_count = count;
        header.parts.copy_from_slice(&parts);
        (header.user_start_paddr, header.user_end_paddr) = (user.0 << 12 & !(BLOCK_BYTES - 1), user.1 << 12);
        header.user_entry_vaddr = header.user_start_paddr.wrapping_sub(header.user_offset);
        let machine = machine();
        if let Ok(parts) = check(&header, &machine) {
            for part in parts {
                prop_assert!(within(&destination(part), &machine.ram));
                prop_assert!(!overlap(&destination(part), &machine.loader));
                prop_assert!(part.file_bytes <= part.memory_bytes);
            }
        }
    }
}
