// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Writes the boot ELF: a header, program headers and bytes. It has no sections: boot loaders need none.

use zerocopy::{Immutable, IntoBytes};

/// Bytes at a physical address.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Physical address, used as virtual one as well.
    pub paddr: u64,
    /// Bytes in the file.
    pub bytes: Vec<u8>,
    /// Bytes in memory; those after the file's are zero.
    pub memory_bytes: u64,
    /// Holds code that is entered directly.
    pub executable: bool,
}

/// `Elf64_Ehdr`.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct FileHeader {
    ident: [u8; 16],
    kind: u16,
    machine: u16,
    version: u32,
    entry: u64,
    program_headers: u64,
    section_headers: u64,
    flags: u32,
    header_bytes: u16,
    program_header_bytes: u16,
    program_header_count: u16,
    section_header_bytes: u16,
    section_header_count: u16,
    section_names: u16,
}

/// `Elf64_Phdr`.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct ProgramHeader {
    kind: u32,
    flags: u32,
    offset: u64,
    vaddr: u64,
    paddr: u64,
    file_bytes: u64,
    memory_bytes: u64,
    align: u64,
}

const FILE_HEADER_BYTES: u16 = 64;
const PROGRAM_HEADER_BYTES: u16 = 56;
const _: () = assert!(size_of::<FileHeader>() == FILE_HEADER_BYTES as usize);
const _: () = assert!(size_of::<ProgramHeader>() == PROGRAM_HEADER_BYTES as usize);

/// File offsets are congruent to addresses modulo this.
const ALIGN: u64 = 0x1000;
/// 0x7f ELF, 64 bit, little-endian, version 1.
const IDENT: [u8; 16] = [0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const TYPE_EXECUTABLE: u16 = 2;
const MACHINE_AARCH64: u16 = 183;
const LOAD: u32 = 1;
const READ_WRITE: u32 = 6;
const READ_EXECUTE: u32 = 5;

/// The ELF file of these chunks.
pub fn write(entry: u64, chunks: &[Chunk]) -> Vec<u8> {
    let header = FileHeader {
        ident: IDENT,
        kind: TYPE_EXECUTABLE,
        machine: MACHINE_AARCH64,
        version: 1,
        entry,
        program_headers: u64::from(FILE_HEADER_BYTES),
        section_headers: 0,
        flags: 0,
        header_bytes: FILE_HEADER_BYTES,
        program_header_bytes: PROGRAM_HEADER_BYTES,
        program_header_count: u16::try_from(chunks.len()).unwrap_or(u16::MAX),
        section_header_bytes: 0,
        section_header_count: 0,
        section_names: 0,
    };
    let mut file = header.as_bytes().to_vec();
    let mut offset = file.len() as u64 + u64::from(PROGRAM_HEADER_BYTES) * chunks.len() as u64;
    let mut offsets = Vec::new();
    for chunk in chunks {
        offset = offset.next_multiple_of(ALIGN) + chunk.paddr % ALIGN;
        offsets.push(offset);
        let program = ProgramHeader {
            kind: LOAD,
            flags: if chunk.executable { READ_EXECUTE } else { READ_WRITE },
            offset,
            vaddr: chunk.paddr,
            paddr: chunk.paddr,
            file_bytes: chunk.bytes.len() as u64,
            memory_bytes: chunk.memory_bytes,
            align: ALIGN,
        };
        file.extend_from_slice(program.as_bytes());
        offset += chunk.bytes.len() as u64;
    }
    for (chunk, offset) in chunks.iter().zip(offsets) {
        file.resize(usize::try_from(offset).unwrap_or(file.len()), 0);
        file.extend_from_slice(&chunk.bytes);
    }
    file
}
