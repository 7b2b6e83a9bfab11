// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The machine's memory from outside, through QEMU's debugger stub (GDB's remote protocol): looking for a program's
//! code in it, and destroying that. The machine stands while a debugger is connected.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use memchr::memmem;
use object::{Object, ObjectSegment, SegmentFlags, elf::PF_X};

use crate::context::{Context, STEP_LIMIT};

/// Where RAM begins on QEMU virt.
const RAM: u64 = 0x4000_0000;
const PAGE_BYTES: usize = 4096;
/// Where `system.xml` puts a slot's heap, as the slot sees it, and the size of the pages that it is made of.
const HEAP: std::ops::Range<u64> = 0x2_0000_0000..0x2_0080_0000;
const HEAP_PAGE_BYTES: usize = 2 << 20;
const ZEROS_BYTES: usize = 512;
/// As much as one packet takes: its limit is in hexadecimal digits.
const PIECE_BYTES: usize = 1024;

/// A debugger's connection. The machine goes on when it is dropped.
pub struct Debugger(UnixStream);

impl Debugger {
    /// Connects, which halts the machine.
    pub fn halt(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket)
            .with_context(|| format!("cannot reach QEMU's debugger at {}", socket.display()))?;
        stream.set_read_timeout(Some(STEP_LIMIT))?;
        let mut debugger = Self(stream);
        // Addresses are physical from now on.
        debugger.ask_ok("Qqemu.PhyMemMode:1")?;
        Ok(debugger)
    }

    /// All of RAM: `mib` MiB, through a file that is gone afterwards.
    pub fn ram(&mut self, mib: u32, file: &Path) -> Result<Vec<u8>> {
        let length = u64::from(mib) << 20;
        let command = format!("pmemsave {RAM:#x} {length:#x} \"{}\"", file.display());
        let hex: String = command.bytes().map(|byte| format!("{byte:02x}")).collect();
        self.ask_ok(&format!("qRcmd,{hex}"))?;
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        fs::remove_file(file)?;
        ensure!(bytes.len() as u64 == length, "{} bytes of RAM", bytes.len());
        Ok(bytes)
    }

    /// Fills a page with zeros, which is an undefined instruction. QEMU forgets what it has translated of it.
    pub fn destroy(&mut self, page: u64) -> Result<()> {
        (page..page + PAGE_BYTES as u64).step_by(PIECE_BYTES).try_for_each(|at| self.destroy_piece(at))
    }

    /// Fills [`PIECE_BYTES`] with zeros.
    pub fn destroy_piece(&mut self, at: u64) -> Result<()> {
        self.ask_ok(&format!("M{at:x},{PIECE_BYTES:x}:{}", "00".repeat(PIECE_BYTES)))
    }

    fn ask_ok(&mut self, request: &str) -> Result<()> {
        let sum = request.bytes().fold(0u8, u8::wrapping_add);
        write!(self.0, "${request}#{sum:02x}")?;
        loop {
            let answer = self.packet()?;
            match answer.as_str() {
                "OK" => return Ok(()),
                // What the monitor prints, and that the machine has stopped.
                text if text.starts_with('O') || text.starts_with('T') => {}
                other => {
                    let request = request.get(..60).unwrap_or(request);
                    bail!("QEMU's debugger answered '{other}' to '{request}'")
                }
            }
        }
    }

    /// The next packet, which is acknowledged; acknowledgements of ours are passed over.
    fn packet(&mut self) -> Result<String> {
        while self.byte()? != b'$' {}
        let mut text = vec![];
        loop {
            match self.byte()? {
                b'#' => break,
                byte => text.push(byte),
            }
        }
        // The checksum: the connection is a local socket.
        self.byte()?;
        self.byte()?;
        self.0.write_all(b"+")?;
        String::from_utf8(text).map_err(|_| anyhow!("QEMU's debugger answered with no text"))
    }

    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.0.read_exact(&mut byte).context("QEMU's debugger does not answer")?;
        Ok(byte[0])
    }
}

impl Drop for Debugger {
    fn drop(&mut self) {
        // Detaches; without it QEMU would stay halted. If it is gone, there is nothing to do.
        let _ = self.0.write_all(b"$D#44").and_then(|()| self.0.flush());
        let _ = self.packet();
    }
}

/// Destroys the code of `program` while the machine stands. Gives where the console stood.
pub fn destroy_program(context: &Context<'_>, program: &str) -> Result<usize> {
    let mut debugger = Debugger::halt(&context.debugger())?;
    let position = context.position();
    let ram = debugger.ram(context.settings.kernel.memory_mib(), &context.folder().join("ram"))?;
    let code = find_code(&context.settings.programs.join(format!("{program}.elf")), &ram)?;
    code.iter().flatten().try_for_each(|page| debugger.destroy(*page))?;
    Ok(position)
}

/// The pieces of the heap around an app's memory that hold pointers into that heap. The app's memory is the place that
/// holds `marker` behind zeros; in the module itself something else comes before it.
pub fn find_heap(marker: &[u8], ram: &[u8]) -> Result<Vec<u64>> {
    let mut places = memmem::find_iter(ram, marker).filter(|at| {
        at.checked_sub(ZEROS_BYTES).is_some_and(|from| ram[from..*at].iter().all(|byte| *byte == 0))
    });
    let at = places.next().context("the app's memory is not in RAM")?;
    ensure!(places.next().is_none(), "the app's memory is in RAM twice");
    // A heap is made of pages of this size.
    let block = at - at % HEAP_PAGE_BYTES;
    let pieces = (block..block + HEAP_PAGE_BYTES).step_by(PIECE_BYTES).filter(|piece| {
        let words = ram[*piece..piece + PIECE_BYTES].chunks_exact(8);
        words.filter_map(|word| word.try_into().ok().map(u64::from_le_bytes)).any(|word| HEAP.contains(&word))
    });
    Ok(pieces.map(|piece| RAM + piece as u64).collect())
}

/// Where the pages of `program`'s code lie in `ram`: for each page of code all physical addresses.
fn find_code(program: &Path, ram: &[u8]) -> Result<Vec<Vec<u64>>> {
    let elf = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let elf = object::File::parse(elf.as_slice())?;
    let executable = |flags| matches!(flags, SegmentFlags::Elf { p_flags, .. } if p_flags.0 & PF_X.0 != 0);
    let mut pages = Vec::new();
    for segment in elf.segments().filter(|segment| executable(segment.flags())) {
        ensure!(segment.address().is_multiple_of(PAGE_BYTES as u64), "code that begins inside a page");
        // The last page is shared with nothing, but what follows in it is not known.
        pages.extend(segment.data()?.chunks_exact(PAGE_BYTES).map(<[u8]>::to_vec));
    }
    ensure!(!pages.is_empty(), "{} has no whole page of code", program.display());
    let numbers: HashMap<&[u8], usize> =
        pages.iter().enumerate().map(|(number, page)| (page.as_slice(), number)).collect();
    let mut found = vec![Vec::new(); pages.len()];
    for (address, page) in (RAM..).step_by(PAGE_BYTES).zip(ram.chunks_exact(PAGE_BYTES)) {
        if page[..8] != [0; 8]
            && let Some(number) = numbers.get(page)
        {
            found[*number].push(address);
        }
    }
    ensure!(found.iter().any(|places| !places.is_empty()), "no code of {} in RAM", program.display());
    Ok(found)
}
