// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Refusals with file, line, column and reason. All are collected: one run reports every error found.

use std::fmt;

/// Whether a finding stops the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not; somebody should look.
    Warning,
}

/// One finding in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as given on the command line.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
    /// Whether it stops the build.
    pub severity: Severity,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}:{}:{}: {severity}: {}", self.file, self.line, self.column, self.message)
    }
}

/// A place in the source: bytes from its start.
pub type Offset = usize;

/// Findings of one file, while they are collected.
#[derive(Debug)]
pub struct Diagnostics<'a> {
    file: String,
    source: &'a str,
    found: Vec<(Offset, Severity, String)>,
}

impl<'a> Diagnostics<'a> {
    /// Nothing found yet in `source`, which was read from `file`.
    pub fn new(file: &str, source: &'a str) -> Self {
        Self { file: file.to_owned(), source, found: Vec::new() }
    }

    /// Adds an error at a place.
    pub fn error(&mut self, at: Offset, message: impl Into<String>) {
        self.found.push((at, Severity::Error, message.into()));
    }

    /// Adds a warning at a place.
    pub fn warning(&mut self, at: Offset, message: impl Into<String>) {
        self.found.push((at, Severity::Warning, message.into()));
    }

    /// Whether anything stops the build.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|(_, severity, _)| *severity == Severity::Error)
    }

    /// Where a place is, for messages that name a second one: `line 12`.
    pub fn line_of(&self, at: Offset) -> String {
        format!("line {}", self.position(at).0)
    }

    /// All findings, by place.
    pub fn finish(self) -> Vec<Diagnostic> {
        let mut found = self.found.clone();
        found.sort_by_key(|(at, _, _)| *at);
        found.dedup();
        found
            .into_iter()
            .map(|(at, severity, message)| {
                let (line, column) = self.position(at);
                Diagnostic { file: self.file.clone(), line, column, severity, message }
            })
            .collect()
    }

    fn position(&self, at: Offset) -> (u32, u32) {
        let before = self.source.get(..at.min(self.source.len())).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_come_in_order_with_line_and_column() {
        let source = "ab\nç cd\n";
        let mut diagnostics = Diagnostics::new("x.xml", source);
        diagnostics.warning(source.find("cd").unwrap(), "second");
        diagnostics.error(1, "first");
        assert!(diagnostics.has_errors());
        let lines: Vec<String> = diagnostics.finish().iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["x.xml:1:2: error: first", "x.xml:2:3: warning: second"]);
    }

    #[test]
    fn a_place_outside_the_source_is_the_start_or_the_end() {
        let mut diagnostics = Diagnostics::new("x", "a\nb");
        diagnostics.error(99, "late");
        assert_eq!(diagnostics.finish()[0].line, 2);
    }
}
