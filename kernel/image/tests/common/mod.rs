// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A small system and ELF files made for the tests.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;

use cofferdam_image::diagnostics::Severity;
use cofferdam_image::platform::Platform;

/// A good system; the tests break it in one place each.
pub const GOOD: &str = r#"<system>
  <memory_region name="uart" size="0x1000" phys_addr="0x09000000"/>
  <memory_region name="ring" size="0x2000"/>
  <memory_region name="dma" size="0x4000" page_size="0x1000"/>
  <memory_region name="heap" size="0x400000"/>
  <protection_domain name="driver" priority="200">
    <program_image path="driver.elf"/>
    <map mr="uart" vaddr="0x300000000" perms="rw" cached="false" setvar_vaddr="uart"/>
    <map mr="dma" vaddr="0x200000000" setvar_vaddr="dma" setvar_size="dma_size"/>
    <setvar symbol="dma_paddr" region_paddr="dma"/>
    <irq irq="33" id="0" trigger="edge" setvar_id="irq"/>
  </protection_domain>
  <protection_domain name="manager" priority="100" stack_size="0x4000">
    <program_image path="manager.elf"/>
    <map mr="ring" vaddr="0x100000000" perms="r" setvar_vaddr="ring"/>
    <map mr="heap" vaddr="0x200000000" setvar_vaddr="heap"/>
    <protection_domain name="app_0" priority="150" id="3" setvar_id="app_0_child">
      <program_image path="app.elf"/>
      <map mr="ring" vaddr="0x100000000" perms="rw" setvar_vaddr="ring"/>
    </protection_domain>
    <protection_domain name="app_1" priority="149" id="4">
      <program_image path="app.elf"/>
    </protection_domain>
  </protection_domain>
  <channel>
    <end pd="manager" id="1" pp="true" notify="false" setvar_id="driver_channel"/>
    <end pd="driver" id="1" setvar_id="manager_channel"/>
  </channel>
  <channel>
    <end pd="app_0" id="2" setvar_id="manager_channel"/>
    <end pd="manager" id="5" notify="false"/>
  </channel>
</system>
"#;

/// The platform of all tests.
pub fn platform() -> Platform {
    Platform::named("qemu-virt-aarch64").unwrap()
}

/// Errors as `line:column: message`.
pub fn errors(source: &str) -> Vec<String> {
    findings(source, Severity::Error)
}

/// Warnings as `line:column: message`.
pub fn warnings(source: &str) -> Vec<String> {
    findings(source, Severity::Warning)
}

fn findings(source: &str, severity: Severity) -> Vec<String> {
    let checked = cofferdam_image::read("system.xml", source, &platform(), None);
    let of_interest = checked.findings.iter().filter(|finding| finding.severity == severity);
    of_interest.map(|finding| format!("{}:{}: {}", finding.line, finding.column, finding.message)).collect()
}

/// [`GOOD`] with one text replaced by another.
pub fn changed(from: &str, to: &str) -> String {
    assert_eq!(GOOD.matches(from).count(), 1, "'{from}' must stand once in the good system");
    GOOD.replace(from, to)
}

/// An ELF file in the making.
pub struct TestElf {
    /// `e_machine`.
    pub machine: u16,
    /// `e_type`.
    pub kind: u16,
    /// `e_entry`.
    pub entry: u64,
    /// Virtual address, physical address, bytes, memory bytes, flags, type.
    pub segments: Vec<(u64, u64, Vec<u8>, u64, u32, u32)>,
    /// Name, address, size.
    pub symbols: Vec<(&'static str, u64, u64)>,
}

/// Flags of segments.
pub const RX: u32 = 5;
/// Flags of segments.
pub const R: u32 = 4;
/// Flags of segments.
pub const RW: u32 = 6;

impl TestElf {
    /// An AArch64 executable without anything.
    pub fn new(entry: u64) -> Self {
        Self { machine: 183, kind: 2, entry, segments: Vec::new(), symbols: Vec::new() }
    }

    /// Adds a loadable segment at equal addresses.
    pub fn segment(self, vaddr: u64, bytes: &[u8], memory_bytes: u64, flags: u32) -> Self {
        self.segment_at(vaddr, vaddr, bytes, memory_bytes, flags)
    }

    /// Adds a loadable segment.
    pub fn segment_at(mut self, vaddr: u64, paddr: u64, bytes: &[u8], memory_bytes: u64, flags: u32) -> Self {
        self.segments.push((vaddr, paddr, bytes.to_vec(), memory_bytes, flags, 1));
        self
    }

    /// Adds a symbol.
    pub fn symbol(mut self, name: &'static str, address: u64, size: u64) -> Self {
        self.symbols.push((name, address, size));
        self
    }

    /// A program with the runtime's symbols in a read-only page at 0x201000, `names` behind them, 8 bytes each; code at
    /// 0x200000, data at 0x202000.
    pub fn program(names: &[&'static str]) -> Self {
        let mut elf = Self::new(0x20_0000)
            .segment(0x20_0000, &[0xd5, 3, 0x20, 0x1f], 4, RX)
            .segment(0x20_1000, &[0; 0x200], 0x200, R)
            .segment(0x20_2000, &[7; 16], 0x3000, RW)
            .symbol("microkit_name", 0x20_1000, 64)
            .symbol("microkit_passive", 0x20_1040, 1)
            .symbol("microkit_irqs", 0x20_1048, 8)
            .symbol("microkit_notifications", 0x20_1050, 8)
            .symbol("microkit_pps", 0x20_1058, 8)
            .symbol("microkit_ioports", 0x20_1060, 8);
        for (address, name) in (0x20_1068..).step_by(8).zip(names) {
            elf = elf.symbol(name, address, 8);
        }
        elf
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let program_headers = 64 + 56 * self.segments.len();
        let mut file = vec![0_u8; program_headers];
        let mut headers = Vec::new();
        for (vaddr, paddr, bytes, memory_bytes, flags, kind) in &self.segments {
            let offset = file.len() as u64;
            headers.extend([*kind, *flags].into_iter().flat_map(u32::to_le_bytes));
            let words = [offset, *vaddr, *paddr, bytes.len() as u64, *memory_bytes, 1];
            headers.extend(words.into_iter().flat_map(u64::to_le_bytes));
            file.extend_from_slice(bytes);
        }
        file[64..program_headers].copy_from_slice(&headers);

        let mut names = vec![0_u8];
        let mut table = vec![0_u8; 24];
        for (name, address, size) in &self.symbols {
            table.extend((names.len() as u32).to_le_bytes());
            table.extend([1_u8, 0]); // local object
            table.extend(1_u16.to_le_bytes());
            table.extend([*address, *size].into_iter().flat_map(u64::to_le_bytes));
            names.extend(name.bytes().chain([0]));
        }
        let table_offset = file.len() as u64;
        file.extend(&table);
        let names_offset = file.len() as u64;
        file.extend(&names);
        let section_headers = file.len() as u64;
        file.extend([0_u8; 64]); // the null section
        let mut section = |kind: u32, offset: u64, size: usize, link: u32, info: u32, entry: u64| {
            file.extend([0, kind].into_iter().flat_map(u32::to_le_bytes));
            file.extend([0, 0, offset, size as u64].into_iter().flat_map(u64::to_le_bytes));
            file.extend([link, info].into_iter().flat_map(u32::to_le_bytes));
            file.extend([1, entry].into_iter().flat_map(u64::to_le_bytes));
        };
        section(2, table_offset, table.len(), 2, (self.symbols.len() + 1) as u32, 24);
        section(3, names_offset, names.len(), 0, 0, 0);

        let mut header = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        header.extend([self.kind, self.machine].into_iter().flat_map(u16::to_le_bytes));
        header.extend(1_u32.to_le_bytes());
        header.extend([self.entry, 64, section_headers].into_iter().flat_map(u64::to_le_bytes));
        header.extend(0_u32.to_le_bytes());
        let counts = [64, 56, self.segments.len() as u16, 64, 3, 2];
        header.extend(counts.into_iter().flat_map(u16::to_le_bytes));
        file[..64].copy_from_slice(&header);
        file
    }
}

/// The programs of [`GOOD`].
pub fn programs() -> [(&'static str, TestElf); 3] {
    [
        ("driver.elf", TestElf::program(&["uart", "dma", "dma_size", "dma_paddr", "irq", "manager_channel"])),
        ("manager.elf", TestElf::program(&["ring", "heap", "app_0_child", "driver_channel"])),
        ("app.elf", TestElf::program(&["ring", "manager_channel"])),
    ]
}

/// Writes programs into a folder.
pub fn write_programs(folder: &Path, programs: &[(&'static str, TestElf)]) {
    for (name, elf) in programs {
        std::fs::write(folder.join(name), elf.bytes()).unwrap();
    }
}
