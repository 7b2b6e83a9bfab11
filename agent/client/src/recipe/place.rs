// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Where something stands in `cofferdam.toml`.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::RECIPE_FILE;

/// A file, and a line of it where one can be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.path.display())?;
        self.line.map_or(Ok(()), |line| write!(formatter, ":{line}"))
    }
}

/// The text that a recipe was read from; empty if it comes from elsewhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    pub(super) fn new(path: &Path, text: String) -> Self {
        Self { path: path.to_owned(), text }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The place at so many bytes from the beginning.
    pub(super) fn place(&self, at: Option<usize>) -> Place {
        let before = |at| self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        let line = at.map(|at| before(at).iter().filter(|byte| **byte == b'\n').count() + 1);
        let path = if self.path.as_os_str().is_empty() { Path::new(RECIPE_FILE) } else { &self.path };
        Place { path: path.to_owned(), line }
    }

    /// The place of the key under `path`, or of as much of the path as there is; in a list or table there, of the last
    /// entry called `name`: of two alike it is the second that is too many.
    pub(super) fn place_of(&self, path: &[&str], name: Option<&str>) -> Place {
        let Ok(document) = DeTable::parse(&self.text) else { return self.place(None) };
        let mut at = None;
        let mut table = document.get_ref();
        let mut value = None;
        for key in path {
            let Some((key, inner)) = table.get_key_value(*key) else { return self.place(at) };
            at = Some(key.span().start);
            value = Some(inner.get_ref());
            match inner.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => break,
            }
        }
        let entry = match (value, name) {
            (Some(DeValue::Table(table)), Some(name)) => {
                table.get_key_value(name).map(|(key, _)| key.span().start)
            }
            (Some(DeValue::Array(entries)), Some(name)) => {
                let last = entries.iter().rfind(|entry| is_called(entry, name));
                last.map(|entry| entry.span().start)
            }
            _ => None,
        };
        self.place(entry.or(at))
    }
}

/// An entry of a list is a name or a table with one.
fn is_called(entry: &Spanned<DeValue<'_>>, name: &str) -> bool {
    match entry.get_ref() {
        DeValue::String(text) => text == name,
        DeValue::Table(table) => {
            matches!(table.get("name").map(|value| value.get_ref()), Some(DeValue::String(text)) if text == name)
        }
        _ => false,
    }
}
