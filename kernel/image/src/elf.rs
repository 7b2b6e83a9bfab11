// SPDX-License-Identifier: Apache-2.0 OR MIT
//! ELF files: loadable segments and symbols, read with the `object` crate; and patching them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use object::elf::{
    EM_AARCH64, ET_EXEC, FileHeader64, PF_R, PF_W, PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_TLS, STT_FILE,
    STT_SECTION,
};
use object::read::elf::{FileHeader, ProgramHeader, Sym};
use object::{LittleEndian, SymbolIndex};

/// Why a file is no program for this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElfError {
    /// Not an ELF64 file at all; what the reader says.
    Malformed(String),
    /// Another machine, by its number.
    Machine(u16),
    /// Not a fixed-address executable.
    NotExecutable(u16),
    /// A segment of a kind that nobody here loads.
    Unsupported(&'static str),
    /// No loadable segment.
    Empty,
    /// A loadable segment (at its address) whose numbers contradict each other.
    BadSegment(u64),
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(reason) => write!(f, "not a 64-bit ELF file: {reason}"),
            Self::Machine(machine) => {
                write!(f, "built for machine {machine}, not for AArch64 ({})", EM_AARCH64.0)
            }
            Self::NotExecutable(kind) => write!(
                f,
                "ELF type {kind} is not a fixed-address executable; link it as one (no -pie, no -shared)"
            ),
            Self::Unsupported(what) => write!(f, "has a {what} segment, which nobody here would set up"),
            Self::Empty => write!(f, "has nothing to load"),
            Self::BadSegment(vaddr) => write!(f, "the segment at {vaddr:#x} has impossible sizes"),
        }
    }
}

impl std::error::Error for ElfError {}

/// Why a symbol cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SymbolError {
    /// There is none of that name.
    Missing,
    /// There are several, at these two addresses among others.
    Ambiguous(u64, u64),
    /// It has another size: found, expected.
    Size(u64, u64),
    /// It does not lie in a loadable segment.
    NotLoaded(u64),
}

impl fmt::Display for SymbolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "is not in the program's symbol table"),
            Self::Ambiguous(a, b) => write!(f, "exists more than once (at {a:#x} and {b:#x})"),
            Self::Size(found, expected) => write!(f, "has {found} bytes; it must have {expected}"),
            Self::NotLoaded(address) => write!(f, "at {address:#x} lies in no loadable segment"),
        }
    }
}

impl std::error::Error for SymbolError {}

/// A loadable segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadSegment {
    /// Virtual address.
    pub vaddr: u64,
    /// Physical address.
    pub paddr: u64,
    /// Where its bytes stand in the file.
    pub file_offset: u64,
    /// The bytes that it brings.
    pub bytes: Vec<u8>,
    /// The bytes that it has; at least as many.
    pub memory_bytes: u64,
    /// Readable, writable, executable.
    pub rights: [bool; 3],
}

impl LoadSegment {
    /// Virtual addresses.
    pub fn range(&self) -> Range<u64> {
        self.vaddr..self.vaddr + self.memory_bytes
    }

    /// Physical addresses.
    pub fn physical(&self) -> Range<u64> {
        self.paddr..self.paddr + self.memory_bytes
    }
}

/// A symbol that has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Virtual address.
    pub address: u64,
    /// Bytes.
    pub size: u64,
}

/// What of an ELF file matters here.
#[derive(Clone, Debug)]
pub struct Elf {
    /// Entry (virtual).
    pub entry: u64,
    /// By rising virtual address.
    pub segments: Vec<LoadSegment>,
    symbols: BTreeMap<String, Vec<Symbol>>,
}

impl Elf {
    /// Reads an AArch64 executable.
    ///
    /// # Errors
    /// [`ElfError`] says what it is instead.
    pub fn parse(data: &[u8]) -> Result<Self, ElfError> {
        let malformed = |error: object::Error| ElfError::Malformed(error.to_string());
        let endian = LittleEndian;
        let header = FileHeader64::<LittleEndian>::parse(data).map_err(malformed)?;
        header.endian().map_err(malformed)?;
        let machine = header.e_machine(endian);
        if machine != EM_AARCH64 {
            return Err(ElfError::Machine(machine.0));
        }
        let kind = header.e_type(endian);
        if kind != ET_EXEC {
            return Err(ElfError::NotExecutable(kind.0));
        }
        let mut segments = Vec::new();
        for program in header.program_headers(endian, data).map_err(malformed)? {
            match program.p_type(endian) {
                PT_LOAD => segments.extend(load_segment(program, data)?),
                PT_TLS => return Err(ElfError::Unsupported("thread-local storage")),
                PT_DYNAMIC => return Err(ElfError::Unsupported("dynamic linking")),
                PT_INTERP => return Err(ElfError::Unsupported("program interpreter")),
                _ => {}
            }
        }
        if segments.is_empty() {
            return Err(ElfError::Empty);
        }
        segments.sort_by_key(|segment| segment.vaddr);
        let sections = header.sections(endian, data).map_err(malformed)?;
        let table = sections.symbols(endian, data, object::elf::SHT_SYMTAB).map_err(malformed)?;
        let mut symbols: BTreeMap<String, Vec<Symbol>> = BTreeMap::new();
        for (index, symbol) in table.enumerate() {
            let skipped = index == SymbolIndex(0)
                || symbol.is_undefined(endian)
                || matches!(symbol.st_type(), STT_FILE | STT_SECTION);
            let name =
                symbol.name(endian, table.strings()).ok().and_then(|name| std::str::from_utf8(name).ok());
            // Names that start with '$' mark code and data for disassemblers.
            if let Some(name) = name.filter(|name| !skipped && !name.is_empty() && !name.starts_with('$')) {
                let found = Symbol { address: symbol.st_value(endian), size: symbol.st_size(endian) };
                symbols.entry(name.to_owned()).or_default().push(found);
            }
        }
        Ok(Self { entry: header.e_entry(endian), segments, symbols })
    }

    /// The one symbol of that name.
    ///
    /// # Errors
    /// When there is none, or several at different places.
    pub fn symbol(&self, name: &str) -> Result<Symbol, SymbolError> {
        let found = self.symbols.get(name).map(Vec::as_slice).unwrap_or_default();
        match found {
            [] => Err(SymbolError::Missing),
            [first, rest @ ..] => match rest.iter().find(|other| *other != first) {
                Some(other) => Err(SymbolError::Ambiguous(first.address, other.address)),
                None => Ok(*first),
            },
        }
    }

    /// Overwrites a symbol of exactly `value`'s size. What lies behind a segment's bytes (.bss) is made part of them.
    ///
    /// # Errors
    /// When there is no such symbol of that size.
    pub fn write_symbol(&mut self, name: &str, value: &[u8]) -> Result<(), SymbolError> {
        let symbol = self.symbol(name)?;
        let expected = value.len() as u64;
        if symbol.size != expected {
            return Err(SymbolError::Size(symbol.size, expected));
        }
        let (index, offset) =
            self.locate(symbol.address, expected).ok_or(SymbolError::NotLoaded(symbol.address))?;
        let missing = SymbolError::NotLoaded(symbol.address);
        let segment = self.segments.get_mut(index).ok_or(missing.clone())?;
        if segment.bytes.len() < offset + value.len() {
            segment.bytes.resize(offset + value.len(), 0);
        }
        segment.bytes.get_mut(offset..offset + value.len()).ok_or(missing)?.copy_from_slice(value);
        Ok(())
    }

    /// The segment (by index) and the offset in it where some bytes lie.
    pub fn locate(&self, address: u64, bytes: u64) -> Option<(usize, usize)> {
        let end = address.checked_add(bytes)?;
        self.segments.iter().enumerate().find_map(|(index, segment)| {
            let range = segment.range();
            let inside = range.start <= address && end <= range.end;
            inside.then(|| Some((index, usize::try_from(address - range.start).ok()?))).flatten()
        })
    }

    /// Virtual addresses from the first byte to the last.
    pub fn extent(&self) -> Range<u64> {
        let start = self.segments.first().map_or(0, |segment| segment.vaddr);
        start..self.segments.iter().map(|segment| segment.range().end).max().unwrap_or(start)
    }
}

fn load_segment(
    program: &object::elf::ProgramHeader64<LittleEndian>,
    data: &[u8],
) -> Result<Option<LoadSegment>, ElfError> {
    let endian = LittleEndian;
    let (vaddr, paddr) = (program.p_vaddr(endian), program.p_paddr(endian));
    let memory_bytes = program.p_memsz(endian);
    if memory_bytes == 0 {
        return Ok(None);
    }
    let bad = ElfError::BadSegment(vaddr);
    let bytes = program.data(endian, data).map_err(|()| bad.clone())?.to_vec();
    let fits = bytes.len() as u64 <= memory_bytes
        && vaddr.checked_add(memory_bytes).is_some()
        && paddr.checked_add(memory_bytes).is_some();
    if !fits {
        return Err(bad);
    }
    let flags = program.p_flags(endian);
    let rights = [PF_R, PF_W, PF_X].map(|flag| flags.0 & flag.0 != 0);
    Ok(Some(LoadSegment { vaddr, paddr, file_offset: program.p_offset(endian), bytes, memory_bytes, rights }))
}
