// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The kernel's boot information page, laid out as its headers say.

use std::vec;
use std::vec::Vec;

use core::ptr::NonNull;

use proptest::prelude::*;

use crate::{BootInfo, SlotRange, UntypedDescription, constants};

/// The whole page, and one more for records that run over.
const PAGE_BYTES: usize = 2 * 4096;

fn put(page: &mut [u8], offset: u64, bytes: &[u8]) {
    page[offset as usize..][..bytes.len()].copy_from_slice(bytes);
}

proptest! {
    #[test]
    fn untyped_memory_is_listed_as_the_kernel_wrote_it(
        pieces in prop::collection::vec((any::<u64>(), 4..48u8, any::<bool>()), 0..167),
        first in 10..1u64 << 16,
        buffer: u64,
        empty in (0..1u64 << 16, 0..1u64 << 16),
        skew in 0..8usize,
    ) {
        let mut memory = vec![0xee; PAGE_BYTES + 8];
        // The kernel's structure is packed: no field need be aligned.
        let page = &mut memory[skew..];
        put(page, constants::BOOTINFO_IPC_BUFFER_OFFSET, &buffer.to_le_bytes());
        put(page, constants::BOOTINFO_EMPTY_OFFSET, &empty.0.to_le_bytes());
        put(page, constants::BOOTINFO_EMPTY_OFFSET + 8, &empty.1.to_le_bytes());
        put(page, constants::BOOTINFO_UNTYPED_OFFSET, &first.to_le_bytes());
        put(page, constants::BOOTINFO_UNTYPED_OFFSET + 8, &(first + pieces.len() as u64).to_le_bytes());
        for (index, (paddr, size_bits, is_device)) in pieces.iter().enumerate() {
            let record =
                constants::BOOTINFO_UNTYPED_LIST_OFFSET + index as u64 * constants::UNTYPED_DESC_BYTES;
            put(page, record, &paddr.to_le_bytes());
            put(page, record + constants::UNTYPED_DESC_SIZE_BITS_OFFSET, &[*size_bits]);
            put(page, record + constants::UNTYPED_DESC_IS_DEVICE_OFFSET, &[u8::from(*is_device)]);
        }
        let address = NonNull::from(page).cast();
        // SAFETY: the page is laid out by the kernel's own offsets and outlives its reader.
        let boot_info = unsafe { BootInfo::new(address) };
        prop_assert_eq!(boot_info.ipc_buffer(), buffer);
        prop_assert_eq!(boot_info.empty_slots(), SlotRange { start: empty.0, end: empty.1 });
        let expected: Vec<_> = pieces
            .into_iter()
            .zip(first..)
            .map(|((paddr, size_bits, is_device), slot)| UntypedDescription { slot, paddr, size_bits, is_device })
            .collect();
        prop_assert_eq!(boot_info.untyped().collect::<Vec<_>>(), expected);
    }
}
