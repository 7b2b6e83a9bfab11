// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The bootable ELF: loader, kernel, initialiser and payload, each where it belongs in RAM.

use std::fmt;
use std::ops::Range;

use cofferdam_system_spec::boot::{LoaderHeader, MAGIC, MAX_PARTS, Part, VERSION};
use cofferdam_system_spec::builder::{SystemBuilder, TooLarge};
use cofferdam_system_spec::environment::{LARGE_PAGE_BYTES, PAGE_BYTES};
use zerocopy::IntoBytes;

use crate::elf::{Elf, LoadSegment, SymbolError};
use crate::elf_writer::{self, Chunk};
use crate::platform::Platform;
use crate::program::pages;
use crate::ranges::{hex, overlap};

/// The loader's symbol that takes the header's physical address.
pub const LOADER_SYMBOL: &str = "loader_payload";
/// The initialiser's symbols that take the payload's virtual address and size.
pub const INITIALISER_SYMBOLS: [&str; 2] = ["initialiser_payload", "initialiser_payload_bytes"];

/// Why no image can be made of the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootImageError {
    /// A symbol of the loader or the initialiser cannot be written.
    Symbol(&'static str, &'static str, SymbolError),
    /// The kernel's segments are not where the platform has it: found, expected.
    KernelPlace(u64, u64),
    /// The kernel's physical and virtual addresses differ by more than one amount.
    KernelWindow(u64),
    /// The loader was not linked at physical addresses.
    LoaderAddress(u64),
    /// The initialiser does not start on a page.
    InitialiserAlignment(u64),
    /// Two parts lie on top of each other.
    Overlap(String, Range<u64>, String, Range<u64>),
    /// A part lies outside the RAM that it may use.
    OutsideRam(String, Range<u64>, Range<u64>),
    /// More segments than the header holds.
    TooManyParts(usize),
    /// The description outgrew its offsets.
    TooLarge(TooLarge),
}

impl fmt::Display for BootImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symbol(program, symbol, reason) => write!(f, "{program}: symbol '{symbol}' {reason}"),
            Self::KernelPlace(found, expected) => {
                write!(f, "the kernel starts at {found:#x}, the platform has it at {expected:#x}; rebuild it")
            }
            Self::KernelWindow(vaddr) => {
                write!(
                    f,
                    "the kernel's segment at {vaddr:#x} lies outside its window; check its linker script"
                )
            }
            Self::LoaderAddress(vaddr) => {
                write!(f, "the loader's segment at {vaddr:#x} has another physical address; link both equal")
            }
            Self::InitialiserAlignment(vaddr) => {
                write!(f, "the initialiser starts at {vaddr:#x}, which is not a page's start")
            }
            Self::Overlap(a, a_range, b, b_range) => {
                write!(f, "{a} ({}) overlaps {b} ({})", hex(a_range), hex(b_range))
            }
            Self::OutsideRam(what, range, allowed) => {
                write!(f, "{what} ({}) does not fit into {}", hex(range), hex(allowed))
            }
            Self::TooManyParts(count) => write!(f, "{count} segments; the boot header holds {MAX_PARTS}"),
            Self::TooLarge(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for BootImageError {}

/// The finished image and what went into it.
#[derive(Clone, Debug)]
pub struct BootImage {
    /// The ELF file.
    pub file: Vec<u8>,
    /// What the loader reads.
    pub header: LoaderHeader,
    /// What the initialiser reads.
    pub payload: Vec<u8>,
    /// Physical ranges by name, in order.
    pub map: Vec<(String, Range<u64>)>,
}

/// Puts the parts together.
///
/// # Errors
/// [`BootImageError`] says which part does not fit.
pub fn assemble(
    platform: &Platform,
    kernel: &Elf,
    mut initialiser: Elf,
    mut loader: Elf,
    mut system: SystemBuilder,
) -> Result<BootImage, BootImageError> {
    let window = kernel_window(platform, kernel)?;
    let user_start = window.end.next_multiple_of(LARGE_PAGE_BYTES);

    // The initialiser, and on the page behind it the payload.
    let image = initialiser.extent();
    if !image.start.is_multiple_of(PAGE_BYTES) {
        return Err(BootImageError::InitialiserAlignment(image.start));
    }
    system.image_vaddr = image.start;
    system.payload_vaddr = pages(&image).end;
    let payload = system.build().map_err(BootImageError::TooLarge)?;
    let [start_symbol, size_symbol] = INITIALISER_SYMBOLS;
    write(&mut initialiser, "initialiser", start_symbol, system.payload_vaddr)?;
    write(&mut initialiser, "initialiser", size_symbol, payload.len() as u64)?;
    let payload_paddr = user_start + (system.payload_vaddr - image.start);
    let user = user_start..payload_paddr + payload.len() as u64;
    let header_paddr = user.end;

    // What must be where: everything lies there already, the loader only clears what follows the bytes.
    let mut parts = Vec::new();
    let mut chunks = Vec::new();
    let mut map = Vec::new();
    for segment in &loader.segments {
        if segment.paddr != segment.vaddr {
            return Err(BootImageError::LoaderAddress(segment.vaddr));
        }
        map.push(("loader".to_owned(), segment.physical()));
    }
    for segment in &kernel.segments {
        place(segment.paddr, segment.bytes.clone(), segment.memory_bytes, &mut parts, &mut chunks);
        map.push(("kernel".to_owned(), segment.physical()));
    }
    let bytes = flatten(&initialiser.segments, image.start);
    place(user_start, bytes, payload_paddr - user_start, &mut parts, &mut chunks);
    map.push(("initialiser".to_owned(), user_start..payload_paddr));
    place(payload_paddr, payload.clone(), payload.len() as u64, &mut parts, &mut chunks);
    map.push(("payload".to_owned(), payload_paddr..user.end));
    map.push(("boot header".to_owned(), header_paddr..header_paddr + size_of::<LoaderHeader>() as u64));

    let mut header = LoaderHeader {
        magic: MAGIC,
        version: VERSION,
        part_count: u32::try_from(parts.len()).unwrap_or(u32::MAX),
        kernel_entry_vaddr: kernel.entry,
        kernel_paddr: window.start,
        kernel_vaddr: platform.kernel_virtual_base,
        kernel_end_paddr: window.end,
        user_start_paddr: user.start,
        user_end_paddr: user.end,
        user_offset: user.start.wrapping_sub(image.start),
        user_entry_vaddr: initialiser.entry,
        payload_paddr,
        parts: [Part::default(); MAX_PARTS],
    };
    if parts.len() > MAX_PARTS {
        return Err(BootImageError::TooManyParts(parts.len()));
    }
    for (place, part) in header.parts.iter_mut().zip(&parts) {
        *place = *part;
    }
    write(&mut loader, "loader", LOADER_SYMBOL, header_paddr)?;
    disjoint(platform, &map)?;

    let loader_chunks = loader.segments.iter().map(|segment| Chunk {
        paddr: segment.paddr,
        bytes: segment.bytes.clone(),
        memory_bytes: segment.memory_bytes,
        executable: true,
    });
    let mut all: Vec<Chunk> = loader_chunks.collect();
    all.extend(chunks);
    all.push(Chunk {
        paddr: header_paddr,
        bytes: header.as_bytes().to_vec(),
        memory_bytes: size_of::<LoaderHeader>() as u64,
        executable: false,
    });
    Ok(BootImage { file: elf_writer::write(loader.entry, &all), header, payload, map })
}

fn place(paddr: u64, bytes: Vec<u8>, memory_bytes: u64, parts: &mut Vec<Part>, chunks: &mut Vec<Chunk>) {
    parts.push(Part {
        source_paddr: paddr,
        destination_paddr: paddr,
        file_bytes: bytes.len() as u64,
        memory_bytes,
    });
    // In the file without the tail of zeroes: the loader clears it.
    let file_bytes = bytes.len() as u64;
    chunks.push(Chunk { paddr, bytes, memory_bytes: file_bytes, executable: false });
}

fn write(
    elf: &mut Elf,
    program: &'static str,
    symbol: &'static str,
    value: u64,
) -> Result<(), BootImageError> {
    elf.write_symbol(symbol, &value.to_le_bytes())
        .map_err(|reason| BootImageError::Symbol(program, symbol, reason))
}

/// The kernel's physical range, once its segments are known to lie in one window.
fn kernel_window(platform: &Platform, kernel: &Elf) -> Result<Range<u64>, BootImageError> {
    let start = kernel.segments.iter().map(|segment| segment.paddr).min().unwrap_or(0);
    if start != platform.kernel_ram.start {
        return Err(BootImageError::KernelPlace(start, platform.kernel_ram.start));
    }
    let offset = platform.kernel_virtual_base.wrapping_sub(start);
    if let Some(outside) =
        kernel.segments.iter().find(|segment| segment.vaddr.wrapping_sub(segment.paddr) != offset)
    {
        return Err(BootImageError::KernelWindow(outside.vaddr));
    }
    let end = kernel.segments.iter().map(|segment| segment.physical().end).max().unwrap_or(start);
    Ok(start..end.next_multiple_of(PAGE_BYTES))
}

/// A program's bytes from its first address on, gaps zero, without the zeroes at the end.
fn flatten(segments: &[LoadSegment], start: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for segment in segments {
        let offset = usize::try_from(segment.vaddr - start).unwrap_or(usize::MAX);
        bytes.resize(offset.max(bytes.len()), 0);
        bytes.truncate(offset);
        bytes.extend_from_slice(&segment.bytes);
    }
    bytes
}

fn disjoint(platform: &Platform, map: &[(String, Range<u64>)]) -> Result<(), BootImageError> {
    for (index, (name, range)) in map.iter().enumerate() {
        let allowed = if name == "loader" { &platform.loader } else { &platform.kernel_ram };
        if range.start < allowed.start || range.end > allowed.end {
            return Err(BootImageError::OutsideRam(name.clone(), range.clone(), allowed.clone()));
        }
        for (other, other_range) in map.iter().take(index) {
            if overlap(range, other_range) {
                return Err(BootImageError::Overlap(
                    name.clone(),
                    range.clone(),
                    other.clone(),
                    other_range.clone(),
                ));
            }
        }
    }
    Ok(())
}
