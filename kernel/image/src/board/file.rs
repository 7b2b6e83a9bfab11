// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `boards/NAME/board.toml`: what a board has elsewhere, otherwise or not at all.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use toml::Spanned;

/// The name of the file in a board's folder.
pub const BOARD_FILE: &str = "board.toml";

/// A table whose keys have places.
pub type Table<T> = BTreeMap<Spanned<String>, T>;

/// A board's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardFile {
    /// What it is, for people.
    pub about: String,
    /// The device's name unless the builder gives another one.
    pub device_id: String,
    /// What the crates kernel's overlay for it is called, if there is one.
    pub crates: Option<String>,
    /// What the Microkit SDK calls it, if it knows it.
    pub sdk: Option<String>,
    /// How the crates kernel's image gets into the board's memory.
    #[serde(default)]
    pub image: ImageForm,
    /// The system description is written for this board: nothing is to be said about its devices.
    #[serde(default)]
    pub as_described: bool,
    /// Another board whose tables below this one has, and then none of its own.
    pub like: Option<Spanned<String>>,
    /// Which of its drivers a program is built with: program = feature.
    #[serde(default)]
    pub drivers: Table<Spanned<String>>,
    /// Memory regions.
    #[serde(default)]
    pub regions: Table<RegionChange>,
    /// Protection domains.
    #[serde(default)]
    pub domains: Table<DomainChange>,
}

/// The form of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageForm {
    /// An ELF file; its loader puts each segment where it belongs.
    #[default]
    Elf,
    /// Plain bytes for one address, entered at the first.
    Raw,
}

/// What becomes of a memory region.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionChange {
    /// The board has no such device: the region goes, with its mappings.
    #[serde(default)]
    pub absent: bool,
    /// The description does not have it; it needs a size then.
    #[serde(default)]
    pub new: bool,
    /// Bytes.
    pub size: Option<u64>,
    /// Physical address.
    pub phys_addr: Option<u64>,
    /// Mapped without caches: memory of a device that does not see them.
    #[serde(default)]
    pub uncached: bool,
}

/// What becomes of a protection domain.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainChange {
    /// Interrupts, by the symbol that takes their identifier (`setvar_id`).
    #[serde(default)]
    pub irqs: Table<IrqChange>,
    /// Further mappings.
    #[serde(default)]
    pub maps: Vec<NewMap>,
}

/// What becomes of an interrupt.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IrqChange {
    /// The board has no such interrupt.
    #[serde(default)]
    pub absent: bool,
    /// Its number.
    pub irq: Option<u32>,
    /// How it asks.
    pub trigger: Option<Trigger>,
}

/// How an interrupt asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// By a change.
    Edge,
    /// As long as it is not served.
    Level,
}

/// A mapping that the description does not have, of device registers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMap {
    /// The region.
    pub region: Spanned<String>,
    /// Where.
    pub vaddr: u64,
    /// The program's symbol for the address; the one for the size is called the same with `_size` behind it.
    pub symbol: String,
}

/// A file as it was read.
#[derive(Clone, Debug)]
pub struct Board {
    /// The path of the file whose tables these are, for messages.
    pub path: PathBuf,
    /// Its text, for messages.
    pub source: String,
    /// What it says; the tables are those of the board that it is like.
    pub file: BoardFile,
}

impl Board {
    /// Reads a board's folder.
    ///
    /// # Errors
    /// When a file cannot be read or says something that means nothing: with file, line and reason.
    pub fn read(folder: &Path) -> Result<Self> {
        let board = Self::read_one(folder)?;
        let Some(like) = &board.file.like else { return Ok(board) };
        let own = &board.file;
        let at = board.place(&like.span());
        if !(own.drivers.is_empty() && own.regions.is_empty() && own.domains.is_empty()) {
            bail!("{at}: error: a board that is like another one has no tables of its own");
        }
        let other = folder.parent().unwrap_or(Path::new("")).join(like.get_ref());
        let base = Self::read_one(&other).with_context(|| format!("{at}: error: no such board"))?;
        if base.file.like.is_some() {
            bail!("{at}: error: {} is itself like another board; name that one", like.get_ref());
        }
        let BoardFile { as_described, drivers, regions, domains, .. } = base.file;
        let file = BoardFile { as_described, drivers, regions, domains, ..board.file };
        Ok(Self { file, ..base })
    }

    fn read_one(folder: &Path) -> Result<Self> {
        let path = folder.join(BOARD_FILE);
        let source = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let file = match toml::from_str(&source) {
            Ok(file) => file,
            Err(error) => {
                let at = place(&path, &source, &error.span().unwrap_or_default());
                bail!("{at}: error: {}", error.message());
            }
        };
        Ok(Self { path, source, file })
    }

    fn place(&self, span: &Range<usize>) -> String {
        place(&self.path, &self.source, span)
    }
}

fn place(path: &Path, source: &str, span: &Range<usize>) -> String {
    let before = source.get(..span.start).unwrap_or(source);
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    format!("{}:{}:{column}", path.display(), before.matches('\n').count() + 1)
}
