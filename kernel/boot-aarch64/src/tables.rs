// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Translation tables: 4 KiB granule, 48-bit addresses, 2 MiB blocks (Arm ARM DDI 0487, D8.3).
//!
//! Only values are made here; `mmu` puts them to use. A table's physical address is taken to be its address,
//! which holds in programs that run where they were loaded.

use core::ops::Range;

use tock_registers::register_bitfields;

/// Bytes that one block maps.
pub const BLOCK_BYTES: u64 = 2 << 20;
const ENTRIES: usize = 512;
const ROOTS: usize = 2;
/// For each of four distant gigabytes a table of level 1 and one of level 2.
const POOL: usize = ROOTS + 8;

register_bitfields![u64,
    DESCRIPTOR [
        VALID OFFSET(0) NUMBITS(1) [],
        /// Level 0-2: 1 = next-level table, 0 = block.
        TABLE OFFSET(1) NUMBITS(1) [],
        /// Index into MAIR_EL1.
        ATTRIBUTES OFFSET(2) NUMBITS(3) [],
        SHAREABILITY OFFSET(8) NUMBITS(2) [Inner = 0b11],
        ACCESSED OFFSET(10) NUMBITS(1) [],
        PRIVILEGED_EXECUTE_NEVER OFFSET(53) NUMBITS(1) [],
        EXECUTE_NEVER OFFSET(54) NUMBITS(1) []
    ]
];

const ADDRESS: u64 = 0x0000_ffff_ffff_f000;

/// Kinds of memory, numbered as in MAIR_EL1. seL4's own tables use the same numbers and leave MAIR_EL1 as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// nGnRnE, never executed.
    Device = 0,
    /// Write-back cacheable.
    Normal = 4,
}

/// Which of the two address spaces of EL1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// From address 0 up (TTBR0_EL1).
    Low = 0,
    /// Up to the last address (TTBR1_EL1).
    High = 1,
}

/// Why a range cannot be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// Start or physical address is not a multiple of [`BLOCK_BYTES`].
    Misaligned(u64),
    /// Something is mapped there already.
    Taken(u64),
    /// More tables would be needed than there are.
    Full,
}

impl core::fmt::Display for MapError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Misaligned(address) => write!(f, "{address:#x} is not a multiple of 2 MiB"),
            Self::Taken(address) => write!(f, "{address:#x} is mapped already"),
            Self::Full => f.write_str("no translation table left"),
        }
    }
}

#[derive(Clone, Copy, Debug)]
#[repr(C, align(4096))]
struct Table([u64; ENTRIES]);

/// Both address spaces. It must live, and not move, as long as the MMU uses it.
#[derive(Debug)]
pub struct Tables {
    /// The roots, then tables of level 1 and 2 as they were needed.
    pool: [Table; POOL],
    /// How many of those behind the roots are in use.
    used: usize,
}

impl Tables {
    /// Nothing mapped.
    #[must_use]
    pub const fn new() -> Self {
        Self { pool: [Table([0; ENTRIES]); POOL], used: 0 }
    }

    /// Maps the blocks that cover `virtual_range`, the first to `physical`.
    ///
    /// # Errors
    /// When start or `physical` is not a multiple of 2 MiB, something is mapped there, or no table is left.
    pub fn map(
        &mut self,
        half: Half,
        virtual_range: Range<u64>,
        physical: u64,
        memory: Memory,
    ) -> Result<(), MapError> {
        for address in [virtual_range.start, physical] {
            if !address.is_multiple_of(BLOCK_BYTES) {
                return Err(MapError::Misaligned(address));
            }
        }
        let blocks = virtual_range.end.saturating_sub(virtual_range.start).div_ceil(BLOCK_BYTES);
        for block in 0..blocks {
            let address = virtual_range.start.wrapping_add(block * BLOCK_BYTES);
            let level_1 = self.next(half as usize, index(address, 39))?;
            let level_2 = self.next(level_1, index(address, 30))?;
            let entry = &mut self.pool[level_2].0[index(address, 21)];
            if *entry != 0 {
                return Err(MapError::Taken(address));
            }
            *entry = block_descriptor(physical + block * BLOCK_BYTES, memory);
        }
        Ok(())
    }

    /// Maps the blocks that cover a physical range to the same addresses.
    ///
    /// # Errors
    /// As [`Self::map`], but the start is rounded down.
    pub fn map_identity(&mut self, range: Range<u64>, memory: Memory) -> Result<(), MapError> {
        let start = range.start & !(BLOCK_BYTES - 1);
        self.map(Half::Low, start..range.end, start, memory)
    }

    /// Address of an address space's root table.
    #[must_use]
    pub fn root(&self, half: Half) -> u64 {
        address_of(&self.pool[half as usize])
    }

    /// The table below `table`'s entry, made if there is none.
    fn next(&mut self, table: usize, entry: usize) -> Result<usize, MapError> {
        let found = self.pool[table].0[entry];
        if found != 0 {
            let below = self.pool.iter().position(|candidate| address_of(candidate) == found & ADDRESS);
            return below.ok_or(MapError::Full);
        }
        let below = ROOTS + self.used;
        if below == POOL {
            return Err(MapError::Full);
        }
        self.used += 1;
        self.pool[table].0[entry] =
            address_of(&self.pool[below]) | (DESCRIPTOR::VALID::SET + DESCRIPTOR::TABLE::SET).value;
        Ok(below)
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self::new()
    }
}

fn address_of(table: &Table) -> u64 {
    core::ptr::from_ref(table).addr() as u64
}

fn index(address: u64, shift: u32) -> usize {
    (address >> shift) as usize % ENTRIES
}

fn block_descriptor(physical: u64, memory: Memory) -> u64 {
    let mut fields = DESCRIPTOR::VALID::SET
        + DESCRIPTOR::ATTRIBUTES.val(memory as u64)
        + DESCRIPTOR::SHAREABILITY::Inner
        + DESCRIPTOR::ACCESSED::SET
        + DESCRIPTOR::EXECUTE_NEVER::SET;
    if memory == Memory::Device {
        fields += DESCRIPTOR::PRIVILEGED_EXECUTE_NEVER::SET;
    }
    (physical & ADDRESS) | fields.value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the hardware would do with an address: the block's descriptor.
    fn walk(tables: &Tables, half: Half, address: u64) -> Option<u64> {
        let mut table = &tables.pool[half as usize];
        for shift in [39, 30] {
            let descriptor = table.0[index(address, shift)];
            if descriptor & 0b11 != 0b11 {
                return None;
            }
            table = tables.pool.iter().find(|candidate| address_of(candidate) == descriptor & ADDRESS)?;
        }
        let descriptor = table.0[index(address, 21)];
        (descriptor & 0b11 == 0b01).then_some(descriptor)
    }

    #[test]
    fn the_kernel_window_and_identity() {
        let mut tables = Box::new(Tables::new());
        tables.map_identity(0x900_0000..0x900_1000, Memory::Device).unwrap();
        tables.map_identity(0x4000_0000..0x5000_0000, Memory::Normal).unwrap();
        tables
            .map(Half::High, 0xffff_ff80_0000_0000..0xffff_ff80_0022_3000, 0x4100_0000, Memory::Normal)
            .unwrap();

        let found = |half, address| walk(&tables, half, address).map(|descriptor| descriptor & ADDRESS);
        assert_eq!(found(Half::Low, 0x4321_0000), Some(0x4320_0000));
        assert_eq!(found(Half::Low, 0x900_0000), Some(0x900_0000));
        assert_eq!(found(Half::High, 0xffff_ff80_0021_0000), Some(0x4120_0000));
        assert_eq!(found(Half::High, 0xffff_ff80_0040_0000), None);
        assert_eq!(found(Half::Low, 0x5000_0000), None);
        assert_eq!(found(Half::Low, 0x3fff_ffff), None);
    }

    #[test]
    fn descriptors_by_the_manual() {
        // Valid block, accessed, inner shareable, index 4, not executable at EL0.
        assert_eq!(block_descriptor(0x4000_0000, Memory::Normal), 0x0040_0000_4000_0711);
        // Index 0, not executable at all.
        assert_eq!(block_descriptor(0x0900_0000, Memory::Device), 0x0060_0000_0900_0701);
    }

    #[test]
    fn what_cannot_be_mapped() {
        let mut tables = Box::new(Tables::new());
        let map = |tables: &mut Tables, at: u64, to| tables.map(Half::Low, at..at + 1, to, Memory::Normal);
        assert_eq!(map(&mut tables, 0x1000, 0), Err(MapError::Misaligned(0x1000)));
        assert_eq!(map(&mut tables, 0, 0x1000), Err(MapError::Misaligned(0x1000)));
        map(&mut tables, 0, 0).unwrap();
        assert_eq!(map(&mut tables, 0, 0), Err(MapError::Taken(0)));
        let far = (1..9).find_map(|terabyte| map(&mut tables, terabyte << 40, 0).err());
        assert_eq!(far, Some(MapError::Full));
    }
}
