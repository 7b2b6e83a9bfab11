// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The image as plain bytes, for boot loaders that copy a file to one address and jump to its first byte.

use std::fmt;
use std::ops::Range;

use crate::elf::Elf;
use crate::platform::Platform;
use crate::ranges::hex;

/// Why an image cannot be plain bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawError {
    /// The first byte is not where it starts: lowest address, entry.
    Entry(u64, u64),
    /// Something lies where the platform has no RAM for an image.
    OutsideRam(Range<u64>, Range<u64>),
}

impl fmt::Display for RawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(start, entry) => {
                write!(
                    f,
                    "the image begins at {start:#x} and is entered at {entry:#x}: it must be its first byte"
                )
            }
            Self::OutsideRam(range, ram) => write!(f, "{} lies outside of RAM ({})", hex(range), hex(ram)),
        }
    }
}

impl std::error::Error for RawError {}

/// Plain bytes and the address that they belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// Where the first byte belongs.
    pub address: u64,
    /// All bytes; what the image leaves open in between is zero.
    pub bytes: Vec<u8>,
}

/// Flattens an image that was made for `platform`.
///
/// # Errors
/// When it is not entered at its first byte, or was made for another platform.
pub fn flatten(image: &Elf, platform: &Platform) -> Result<Raw, RawError> {
    // A segment without bytes is memory that the loader clears by itself.
    let segments = || image.segments.iter().filter(|segment| !segment.bytes.is_empty());
    let range = |paddr: u64, bytes: &[u8]| paddr..paddr.saturating_add(bytes.len() as u64);
    for segment in segments() {
        let range = range(segment.paddr, &segment.bytes);
        if range.start < platform.loader.start || range.end > platform.ram.end {
            return Err(RawError::OutsideRam(range, platform.loader.start..platform.ram.end));
        }
    }
    let address = segments().map(|segment| segment.paddr).min().unwrap_or(0);
    if image.entry != address {
        return Err(RawError::Entry(address, image.entry));
    }
    let mut bytes = Vec::new();
    for segment in segments() {
        // Both lie in the platform's RAM, so this is small.
        let at = usize::try_from(segment.paddr - address).unwrap_or(usize::MAX);
        let end = at.saturating_add(segment.bytes.len());
        bytes.resize(end.max(bytes.len()), 0);
        if let Some(place) = bytes.get_mut(at..end) {
            place.copy_from_slice(&segment.bytes);
        }
    }
    Ok(Raw { address, bytes })
}
