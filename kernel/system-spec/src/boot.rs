// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The header between the image tool and the loader.
//!
//! The image tool writes it into the boot ELF as a PT_LOAD of its own and patches the loader's 8-byte symbol
//! `loader_payload` with its physical address. On QEMU every other part already lies where it belongs
//! (`source_paddr == destination_paddr`), because it has a PT_LOAD of its own; the loader copies the others and zeroes
//! what follows the bytes of each.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// First word of a [`LoaderHeader`].
pub const MAGIC: u64 = 0x434f_4646_4c44_5231;
/// Version of this layout.
pub const VERSION: u32 = 1;
/// Room for parts in a header: the kernel's segments and the user image.
pub const MAX_PARTS: usize = 8;

/// A piece of memory that must hold certain bytes before the kernel starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Part {
    /// Where QEMU (or another loader) put the bytes. Page-aligned.
    pub source_paddr: u64,
    /// Where they must be. May equal `source_paddr`; the two ranges never overlap otherwise.
    pub destination_paddr: u64,
    /// How many bytes to copy.
    pub file_bytes: u64,
    /// How many bytes the part has; those after `file_bytes` must be zero. Never below `file_bytes`.
    pub memory_bytes: u64,
}

/// What the loader needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct LoaderHeader {
    /// [`MAGIC`].
    pub magic: u64,
    /// [`VERSION`].
    pub version: u32,
    /// How many of `parts` count.
    pub part_count: u32,
    /// The kernel's entry (virtual).
    pub kernel_entry_vaddr: u64,
    /// The kernel's first byte, physical and virtual; both 2 MiB aligned. The kernel window maps one to the other.
    pub kernel_paddr: u64,
    /// See `kernel_paddr`.
    pub kernel_vaddr: u64,
    /// End of the kernel's memory (physical, page-aligned).
    pub kernel_end_paddr: u64,
    /// The user image (initialiser, then payload): first byte, physical. 2 MiB aligned. Goes to the kernel in x0.
    pub user_start_paddr: u64,
    /// Its end, page-aligned. Goes to the kernel in x1.
    pub user_end_paddr: u64,
    /// Physical minus virtual, wrapping. Goes to the kernel in x2.
    pub user_offset: u64,
    /// Entry of the initialiser (virtual). Goes to the kernel in x3.
    pub user_entry_vaddr: u64,
    /// Where the payload lies in the user image, physical; for tools that look into an image.
    pub payload_paddr: u64,
    /// The first [`LoaderHeader::part_count`] count.
    pub parts: [Part; MAX_PARTS],
}

const _: () = assert!(size_of::<Part>() == 32);
const _: () = assert!(size_of::<LoaderHeader>() == 88 + 32 * MAX_PARTS);

/// Why a header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// The first word is not [`MAGIC`]: nothing was appended, or the symbol was not patched.
    Magic(u64),
    /// The layout is that of another version of the image tool.
    Version(u32),
    /// More parts than a header holds.
    PartCount(u32),
    /// A part (by index) whose ranges wrap or whose memory is smaller than its bytes.
    Part(u32),
}

impl core::fmt::Display for HeaderError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Magic(found) => write!(f, "boot header starts with {found:#x}, expected {MAGIC:#x}"),
            Self::Version(found) => write!(f, "boot header has version {found}, expected {VERSION}"),
            Self::PartCount(found) => write!(f, "boot header counts {found} parts, at most {MAX_PARTS} fit"),
            Self::Part(index) => write!(f, "part {index} of the boot header has an impossible range"),
        }
    }
}

impl LoaderHeader {
    /// The parts, once the header has been found usable.
    ///
    /// # Errors
    /// When magic, version, count or a part's range is wrong.
    pub fn checked_parts(&self) -> Result<&[Part], HeaderError> {
        if self.magic != MAGIC {
            return Err(HeaderError::Magic(self.magic));
        }
        if self.version != VERSION {
            return Err(HeaderError::Version(self.version));
        }
        let parts =
            self.parts.get(..self.part_count as usize).ok_or(HeaderError::PartCount(self.part_count))?;
        for (index, part) in (0..).zip(parts) {
            let sound = part.file_bytes <= part.memory_bytes
                && part.source_paddr.checked_add(part.file_bytes).is_some()
                && part.destination_paddr.checked_add(part.memory_bytes).is_some();
            if !sound {
                return Err(HeaderError::Part(index));
            }
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> LoaderHeader {
        let mut header = LoaderHeader::read_from_bytes(&[0; size_of::<LoaderHeader>()]).unwrap();
        (header.magic, header.version, header.part_count) = (MAGIC, VERSION, 1);
        header.parts[0] =
            Part { source_paddr: 0x1000, destination_paddr: 0x1000, file_bytes: 1, memory_bytes: 2 };
        header
    }

    #[test]
    fn a_sound_header_gives_its_parts() {
        assert_eq!(header().checked_parts().unwrap().len(), 1);
    }

    #[test]
    fn the_magic_spells_its_name() {
        assert_eq!(&MAGIC.to_be_bytes(), b"COFFLDR1");
    }

    #[test]
    fn a_wrong_header_is_an_error() {
        let mut bad = header();
        bad.magic = 7;
        assert_eq!(bad.checked_parts(), Err(HeaderError::Magic(7)));
        let mut bad = header();
        bad.version = 9;
        assert_eq!(bad.checked_parts(), Err(HeaderError::Version(9)));
        let mut bad = header();
        bad.part_count = 9;
        assert_eq!(bad.checked_parts(), Err(HeaderError::PartCount(9)));
        let mut bad = header();
        bad.parts[0].file_bytes = 3;
        assert_eq!(bad.checked_parts(), Err(HeaderError::Part(0)));
        let mut bad = header();
        bad.parts[0].destination_paddr = u64::MAX;
        assert_eq!(bad.checked_parts(), Err(HeaderError::Part(0)));
    }
}
