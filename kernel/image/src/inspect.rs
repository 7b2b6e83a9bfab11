// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Looks into a finished image: reads it back as loader and initialiser would.

use anyhow::{Context, Result, bail};
use cofferdam_system_spec::SystemSpec;
use cofferdam_system_spec::boot::{LoaderHeader, MAGIC};
use cofferdam_system_spec::layout::Region;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zerocopy::FromBytes;

use crate::elf::{Elf, LoadSegment};
use crate::report::Figures;

/// An image, read back.
#[derive(Debug)]
pub struct Inspection {
    /// What the loader will read.
    pub header: LoaderHeader,
    /// Sizes.
    pub figures: Figures,
    /// SHA-256 of the file.
    pub sha256: String,
    /// SHA-256 of the kernel's bytes.
    pub kernel_sha256: String,
    /// Memory regions as text.
    pub regions: Vec<String>,
}

/// Reads an image back.
///
/// # Errors
/// When it is no image of this tool, or of another version of it.
pub fn inspect(file: &[u8]) -> Result<Inspection> {
    let elf = Elf::parse(file)?;
    let header = elf
        .segments
        .iter()
        .filter_map(|segment| LoaderHeader::read_from_prefix(&segment.bytes).ok().map(|(header, _)| header))
        .find(|header| header.magic == MAGIC)
        .context("no boot header: this is no image made by cofferdam-image")?;
    header.checked_parts().map_err(|error| anyhow::anyhow!("{error}"))?;
    let at = |paddr: u64| -> Result<&LoadSegment> {
        elf.segments
            .iter()
            .find(|segment| segment.paddr == paddr)
            .with_context(|| format!("nothing is loaded at {paddr:#x}, where the boot header points"))
    };
    // Aligned as in the initialiser, where the payload starts a page.
    let payload = Aligned::new(&at(header.payload_paddr)?.bytes);
    let spec = match SystemSpec::new(payload.bytes()) {
        Ok(spec) => spec,
        Err(error) => bail!("{error}"),
    };
    let mut hasher = Sha256::new();
    for segment in &elf.segments {
        if (header.kernel_paddr..header.kernel_end_paddr).contains(&segment.paddr) {
            hasher.update(&segment.bytes);
        }
    }
    let regions = spec.regions().iter().map(|region| describe(&spec, region)).collect();
    Ok(Inspection {
        figures: Figures::new(file.len() as u64, &header, &spec)?,
        sha256: hex::encode(Sha256::digest(file)),
        kernel_sha256: hex::encode(hasher.finalize()),
        header,
        regions,
    })
}

fn describe(spec: &SystemSpec<'_>, region: &Region) -> String {
    let place = match region.paddr {
        cofferdam_system_spec::layout::NO_PADDR
            if region.flags & cofferdam_system_spec::layout::CONTIGUOUS != 0 =>
        {
            " contiguous".to_owned()
        }
        cofferdam_system_spec::layout::NO_PADDR => String::new(),
        paddr => format!(" at {paddr:#x}"),
    };
    format!(
        "{} {:#x} bytes, pages of {:#x}{place}",
        spec.name(region.name),
        region.size_bytes,
        region.page_bytes
    )
}

impl Inspection {
    /// For people.
    pub fn text(&self) -> String {
        let header = &self.header;
        let mut out = format!(
            "sha256               {}\nkernel               {:#x}-{:#x}, entry {:#x}, sha256 {}\n\
             initialiser          {:#x}-{:#x}, entry {:#x}\npayload              {:#x}-{:#x}\n\n{}\n",
            self.sha256,
            header.kernel_paddr,
            header.kernel_end_paddr,
            header.kernel_entry_vaddr,
            self.kernel_sha256.get(..16).unwrap_or(""),
            header.user_start_paddr,
            header.payload_paddr,
            header.user_entry_vaddr,
            header.payload_paddr,
            header.user_end_paddr,
            self.figures.text(),
        );
        for region in &self.regions {
            out.push_str("region ");
            out.push_str(region);
            out.push('\n');
        }
        out
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "sha256": self.sha256,
            "kernel_sha256": self.kernel_sha256,
            "kernel_paddr": self.header.kernel_paddr,
            "user_start_paddr": self.header.user_start_paddr,
            "payload_paddr": self.header.payload_paddr,
            "regions": self.regions,
            "figures": self.figures.json(),
        })
    }
}

/// A copy of bytes that starts at a multiple of 8.
pub struct Aligned {
    words: Vec<u64>,
    length: usize,
}

impl Aligned {
    /// Copies.
    pub fn new(bytes: &[u8]) -> Self {
        let words = bytes
            .chunks(8)
            .map(|chunk| {
                let mut word = [0; 8];
                for (place, byte) in word.iter_mut().zip(chunk) {
                    *place = *byte;
                }
                u64::from_ne_bytes(word)
            })
            .collect();
        Self { words, length: bytes.len() }
    }

    /// The copy.
    pub fn bytes(&self) -> &[u8] {
        let all = zerocopy::IntoBytes::as_bytes(self.words.as_slice());
        all.get(..self.length).unwrap_or(all)
    }
}
