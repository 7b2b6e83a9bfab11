// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Output: tables, numbers and text that came from elsewhere.

use std::io::{self, Write};

use anyhow::Result;
use cofferdam_package::manifest::Resource;
use serde_json::{Value, json};

/// Prints one line to standard output; unlike `println!`, a closed pipe is an error and no panic.
pub fn line(text: &str) -> Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}")?;
    Ok(output.flush()?)
}

/// Prints a JSON value.
pub fn json(value: &Value) -> Result<()> {
    line(&value.to_string())
}

/// Resources as JSON shows them.
pub fn resources(resources: &[Resource]) -> Value {
    resources.iter().map(|resource| json!({ "name": resource.name, "rate_hz": resource.rate_hz })).collect()
}

/// Lines up the columns of `rows`.
pub fn table(rows: &[Vec<String>]) -> Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// `1234567` as `1,234,567`.
pub fn number(value: impl Into<u64>) -> String {
    let digits = value.into().to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Microseconds in the largest unit that shows them whole.
pub fn duration(us: u64) -> String {
    match us {
        0 => "0".to_owned(),
        us if us.is_multiple_of(1_000_000) => format!("{} s", number(us / 1_000_000)),
        us if us.is_multiple_of(1_000) => format!("{} ms", number(us / 1_000)),
        us => format!("{} µs", number(us)),
    }
}

/// Text from an app or a device: control characters would move the terminal's cursor or worse.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators() {
        assert_eq!(number(7u64), "7");
        assert_eq!(number(1234u64), "1,234");
        assert_eq!(number(1_234_567u64), "1,234,567");
    }

    #[test]
    fn durations_have_the_largest_whole_unit() {
        assert_eq!(duration(10_000), "10 ms");
        assert_eq!(duration(2_000_000), "2 s");
        assert_eq!(duration(1_500), "1,500 µs");
    }

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(printable("grüße"), "grüße");
    }
}
