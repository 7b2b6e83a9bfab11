// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A protection domain's program: what the runtime's ELF file must have, and the copy of .data that a restart needs.

use std::fmt;
use std::ops::Range;

use cofferdam_system_spec::environment::PAGE_BYTES;

use crate::elf::{Elf, SymbolError};
use crate::ranges::{hex, overlap};

/// The symbols that Microkit's runtime has, with their sizes.
pub const RUNTIME_SYMBOLS: [(&str, u64); 6] = [
    ("microkit_name", 64),
    ("microkit_passive", 1),
    ("microkit_irqs", 8),
    ("microkit_notifications", 8),
    ("microkit_pps", 8),
    ("microkit_ioports", 8),
];

/// Start of the read-only copy of .data (`sel4-microkit/pd.ld`).
const PRISTINE: &str = "__data_pristine";

/// Bounds of what the runtime rewrites on every entry, so that nothing written by this tool may lie there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volatile {
    /// .data.
    pub data: Range<u64>,
    /// .bss.
    pub bss: Range<u64>,
    /// Address of the copy of .data.
    pub pristine: u64,
}

/// What is wrong with the copy of .data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PristineError {
    /// The program was linked without pd.ld.
    NoSymbols(&'static str),
    /// .data or its copy lies outside the file's bytes.
    OutOfFile,
    /// The copy was never made.
    Unfinished,
}

impl fmt::Display for PristineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSymbols(symbol) => {
                write!(
                    f,
                    "symbol '{symbol}' is missing; link with kernel/sel4-microkit/pd.ld, and keep the symbols"
                )
            }
            Self::OutOfFile => write!(f, ".data or its pristine copy lies outside the file"),
            Self::Unfinished => write!(
                f,
                "the pristine copy of .data is empty, so a restart would start with wrong values; run \
                 `cofferdam-image finish-pd IN -o OUT` on it first"
            ),
        }
    }
}

impl std::error::Error for PristineError {}

/// Whether the program has the runtime that restores .data, and where.
///
/// # Errors
/// When it has a part of it only.
pub fn volatile(elf: &Elf) -> Result<Option<Volatile>, PristineError> {
    let address = |name: &'static str| match elf.symbol(name) {
        Ok(symbol) => Ok(symbol.address),
        Err(_) => Err(PristineError::NoSymbols(name)),
    };
    if elf.symbol(PRISTINE) == Err(SymbolError::Missing) {
        return Ok(None);
    }
    Ok(Some(Volatile {
        data: address("__data_start")?..address("__data_end")?,
        bss: address("__bss_start")?..address("__bss_end")?,
        pristine: address(PRISTINE)?,
    }))
}

/// Copies .data into the room that pd.ld keeps for it. `file` is the whole ELF file.
///
/// # Errors
/// When the program was not linked with pd.ld.
pub fn finish(elf: &Elf, file: &mut [u8]) -> Result<(), PristineError> {
    let volatile = volatile(elf)?.ok_or(PristineError::NoSymbols(PRISTINE))?;
    let length = volatile.data.end.saturating_sub(volatile.data.start);
    if length == 0 {
        return Ok(());
    }
    let place = |address| {
        let (index, offset) = elf.locate(address, length)?;
        let segment = elf.segments.get(index)?;
        let end = offset.checked_add(usize::try_from(length).ok()?)?;
        (end <= segment.bytes.len()).then_some(())?;
        let start = usize::try_from(segment.file_offset).ok()?.checked_add(offset)?;
        Some(start..start.checked_add(usize::try_from(length).ok()?)?)
    };
    let from = place(volatile.data.start).ok_or(PristineError::OutOfFile)?;
    let to = place(volatile.pristine).ok_or(PristineError::OutOfFile)?;
    let data = file.get(from).ok_or(PristineError::OutOfFile)?.to_vec();
    file.get_mut(to).ok_or(PristineError::OutOfFile)?.copy_from_slice(&data);
    Ok(())
}

/// Everything that is wrong with a program on its own, in words.
pub fn faults(elf: &Elf) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, size) in RUNTIME_SYMBOLS {
        match elf.symbol(name) {
            Ok(symbol) if symbol.size == size => {}
            Ok(symbol) => {
                faults.push(format!("symbol '{name}' {}", SymbolError::Size(symbol.size, size)));
            }
            Err(SymbolError::Missing) => faults.push(format!(
                "symbol '{name}' is missing; link the program with a Microkit runtime and keep its symbol table"
            )),
            Err(error) => faults.push(format!("symbol '{name}' {error}")),
        }
    }
    let entered = elf.segments.iter().any(|segment| {
        let [_, _, execute] = segment.rights;
        execute && segment.range().contains(&elf.entry)
    });
    if !entered {
        faults.push(format!("the entry {:#x} lies in no executable segment", elf.entry));
    }
    for segment in &elf.segments {
        let [read, write, execute] = segment.rights;
        if write && execute {
            faults.push(format!("the segment at {:#x} is writable and executable; split it", segment.vaddr));
        }
        if !read {
            faults.push(format!("the segment at {:#x} is not readable", segment.vaddr));
        }
    }
    for pair in elf.segments.windows(2) {
        let [earlier, later] = pair else { continue };
        let (earlier, later) = (pages(&earlier.range()), pages(&later.range()));
        if overlap(&earlier, &later) {
            faults.push(format!(
                "segments share a page ({} and {}); align each to {PAGE_BYTES:#x}, as pd.ld does",
                hex(&earlier),
                hex(&later)
            ));
        }
    }
    match volatile(elf) {
        Ok(None) => {}
        Ok(Some(volatile)) => faults.extend(unfinished(elf, &volatile).map(|error| error.to_string())),
        Err(error) => faults.push(error.to_string()),
    }
    faults
}

fn unfinished(elf: &Elf, volatile: &Volatile) -> Option<PristineError> {
    let length = volatile.data.end.saturating_sub(volatile.data.start);
    let bytes = |address| {
        let (index, offset) = elf.locate(address, length)?;
        elf.segments.get(index)?.bytes.get(offset..offset.checked_add(usize::try_from(length).ok()?)?)
    };
    if length == 0 {
        return None;
    }
    match (bytes(volatile.data.start), bytes(volatile.pristine)) {
        (Some(data), Some(pristine)) if data == pristine => None,
        (Some(_), Some(_)) => Some(PristineError::Unfinished),
        _ => Some(PristineError::OutOfFile),
    }
}

/// The whole pages that a range touches.
pub fn pages(range: &Range<u64>) -> Range<u64> {
    let start = range.start - range.start % PAGE_BYTES;
    start..range.end.checked_next_multiple_of(PAGE_BYTES).unwrap_or(range.end)
}
