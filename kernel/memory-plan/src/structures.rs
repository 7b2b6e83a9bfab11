// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Which paging structures an address space has (AArch64, 4 KiB granule, four levels).

/// Most paging structures of one level in one address space.
const STRUCTURES_MAX: usize = 128;

/// A level of paging structures below the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// An entry of the root.
    UpperDirectory,
    /// An entry of an upper directory.
    Directory,
    /// An entry of a directory, where no large page stands.
    Table,
}

impl Level {
    /// All of them, the one below the root first: each needs those before it.
    pub const ALL: [Self; 3] = [Self::UpperDirectory, Self::Directory, Self::Table];

    /// One structure of this level covers 2^n bytes.
    pub const fn covered_bits(self) -> u32 {
        match self {
            Self::UpperDirectory => 39,
            Self::Directory => 30,
            Self::Table => 21,
        }
    }
}

/// More structures of one level than there is room to remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl core::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "an address space needs more than {STRUCTURES_MAX} page tables of one level: map less, or with large pages"
        )
    }
}

impl core::error::Error for NoRoom {}

/// The paging structures of one address space.
#[derive(Clone, Default)]
pub struct Structures {
    known: [heapless::Vec<u64, STRUCTURES_MAX>; 3],
}

impl Structures {
    /// An address space that has nothing below its root.
    pub const fn new() -> Self {
        Self { known: [const { heapless::Vec::new() }; 3] }
    }

    /// Whether the structure of `level` for `vaddr` is missing; from now on it is there. Ask by [`Level::ALL`]'s
    /// order; for a large page not for a table.
    ///
    /// # Errors
    /// [`NoRoom`] if it cannot be remembered.
    pub fn lacks(&mut self, level: Level, vaddr: u64) -> Result<bool, NoRoom> {
        let [upper_directories, directories, tables] = &mut self.known;
        let known = match level {
            Level::UpperDirectory => upper_directories,
            Level::Directory => directories,
            Level::Table => tables,
        };
        let place = vaddr >> level.covered_bits();
        // Pages come by rising address mostly: the last one is the likely one.
        if known.iter().rev().any(|other| *other == place) {
            return Ok(false);
        }
        known.push(place).map_err(|_| NoRoom)?;
        Ok(true)
    }
}
