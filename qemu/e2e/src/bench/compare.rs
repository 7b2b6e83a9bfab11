// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The figures of both kernels beside each other.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// A table of what both files have; `None` while one of them is missing.
pub fn table(crates: &Path, sdk: &Path) -> Result<Option<String>> {
    if !crates.is_file() || !sdk.is_file() {
        return Ok(None);
    }
    let read = |path: &Path| -> Result<Value> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    };
    Ok(Some(beside(&read(crates)?, &read(sdk)?)))
}

fn beside(crates: &Value, sdk: &Value) -> String {
    let mut table = format!("{:<40} {:<13} {:>12} {:>12}\n", "figure", "unit", "crates", "sdk");
    let rows = |file: &Value| file["figures"].as_array().cloned().unwrap_or_default();
    let others = rows(sdk);
    for row in rows(crates) {
        let other = others.iter().find(|other| other["name"] == row["name"]);
        let text = |value: Option<&Value>| {
            value.and_then(|row| row["value"].as_f64()).map_or("-".to_owned(), |value| format!("{value:.3}"))
        };
        let word = |field: &str| row[field].as_str().unwrap_or("?").to_owned();
        // Writing to a string never fails.
        let _ = writeln!(
            table,
            "{:<40} {:<13} {:>12} {:>12}",
            word("name"),
            word("unit"),
            text(Some(&row)),
            text(other)
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_are_matched_by_name() {
        let crates = json!({"figures": [
            {"name": "boot", "unit": "s", "value": 0.5}, {"name": "RAM", "unit": "MiB", "value": 51.0}]});
        let sdk = json!({"figures": [
            {"name": "RAM", "unit": "MiB", "value": null}, {"name": "boot", "unit": "s", "value": 0.25}]});
        let table = beside(&crates, &sdk);
        let words: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[1], ["boot", "s", "0.500", "0.250"]);
        assert_eq!(words[2], ["RAM", "MiB", "51.000", "-"]);
    }

    #[test]
    fn one_kernel_alone_has_nothing_beside_it() {
        assert!(table(Path::new("/nowhere"), Path::new("/nowhere")).unwrap().is_none());
    }
}
