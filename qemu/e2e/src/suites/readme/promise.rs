// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Promised output against what was seen. What differs from run to run (times, ports, keys, sizes) is left out
//! of both; `…` in a promise stands for anything.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use anyhow::{Result, bail};

/// Stands for anything in a line, and alone for any lines.
const ANYTHING: &str = "…";
/// Stands for what differs.
const VARIABLE: &str = "#";
/// Behind a number: it was measured, or is the size of something that was built.
const UNITS: &[&str] = &["ms", "s", "us", "µs", "bytes", "KiB", "MiB", "m/s", "V", "protection"];
/// Ids of keys and boots are at least this long in hexadecimal.
const ID_DIGITS: usize = 16;
/// Before a port that the host's system picked.
const LOOPBACK: &str = "127.0.0.1:";

/// `line` without what differs from run to run, and with single spaces.
pub fn normal(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut text = String::new();
    for (position, word) in words.iter().enumerate() {
        if position > 0 {
            text.push(' ');
        }
        let unit = words.get(position + 1).map(|next| next.trim_end_matches([',', ';', ')', '.']));
        normal_word(word, unit.is_some_and(|unit| UNITS.contains(&unit)), &mut text);
    }
    // A time in brackets is padded.
    text.replace("[ #]", "[#]")
}

fn normal_word(word: &str, before_unit: bool, text: &mut String) {
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let begins_anew = !text.ends_with(|c: char| c.is_ascii_alphanumeric());
        let run = |wanted: fn(char) -> bool| rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        let digits = run(|c| c.is_ascii_hexdigit());
        let number = run(|c| c.is_ascii_digit() || c == '.' || c == ',');
        let taken = if begins_anew && digits >= ID_DIGITS {
            text.push_str(VARIABLE);
            digits
        } else if begins_anew && first.is_ascii_digit() {
            let whole = rest.get(..number).unwrap_or(rest);
            let value = whole.trim_end_matches(['.', ',']);
            let differs = before_unit
                || value.contains(',')
                || value.matches('.').count() == 1
                || text.ends_with(LOOPBACK);
            text.push_str(if differs { VARIABLE } else { value });
            value.len()
        } else {
            text.push(first);
            first.len_utf8()
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
}

/// Whether `seen` is what `promised` says.
fn matches(promised: &str, seen: &str) -> bool {
    let promised = normal(promised);
    let mut pieces = promised.split(ANYTHING);
    let seen = normal(seen);
    let Some(mut rest) = pieces.next().and_then(|first| seen.strip_prefix(first)) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.split_once(piece) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The whole output of a command that has ended must be what was promised, line by line.
pub fn check_all(promised: &[String], seen: &str) -> Result<()> {
    if promised.is_empty() {
        return Ok(());
    }
    let lines: Vec<&str> = seen.lines().collect();
    match first_difference(promised, &lines) {
        None => Ok(()),
        Some(line) => bail!("promised is:\n  {line}\nseen was:\n  {}", lines.join("\n  ")),
    }
}

/// The promise that does not hold. A line `…` takes as few lines as it can.
fn first_difference<'a>(promised: &'a [String], seen: &[&str]) -> Option<&'a str> {
    let mut seen = seen.iter().filter(|line| !line.trim().is_empty());
    let mut skipping = false;
    for line in promised.iter().filter(|line| !line.trim().is_empty()) {
        if line.trim() == ANYTHING {
            skipping = true;
            continue;
        }
        let found = if skipping {
            seen.any(|seen| matches(line, seen))
        } else {
            seen.next().is_some_and(|seen| matches(line, seen))
        };
        skipping = false;
        if !found {
            return Some(line);
        }
    }
    (!skipping && seen.next().is_some()).then_some("(nothing more)")
}

/// A transcript of several speakers: each line must come, and those of one speaker in their order. Who speaks
/// first is not promised, and others may speak in between.
pub struct Transcript {
    waiting: BTreeMap<String, VecDeque<String>>,
}

impl Transcript {
    /// Of these lines.
    pub fn new(promised: &[String]) -> Self {
        let mut waiting: BTreeMap<String, VecDeque<String>> = BTreeMap::new();
        for line in promised.iter().filter(|line| !line.trim().is_empty() && line.trim() != ANYTHING) {
            waiting.entry(speaker(line)).or_default().push_back(line.clone());
        }
        Self { waiting }
    }

    /// Takes a line that was seen; whether everything has come by now.
    pub fn hear(&mut self, line: &str) -> bool {
        let speaker = speaker(line);
        if let Some(lines) = self.waiting.get_mut(&speaker)
            && lines.front().is_some_and(|promised| matches(promised, line))
        {
            lines.pop_front();
        }
        self.waiting.values().all(VecDeque::is_empty)
    }

    /// What has not come.
    pub fn missing(&self) -> String {
        self.waiting.values().flatten().map(|line| format!("\n  {line}")).collect()
    }
}

/// Who prints the line: the host, or the protection domain behind the time.
fn speaker(line: &str) -> String {
    let line = match line.split_once("] ") {
        Some((time, text)) if time.starts_with('[') => text,
        _ => line,
    };
    if line.starts_with("-- ") {
        return "--".to_owned();
    }
    line.split_once(": ").map_or("", |(speaker, _)| speaker).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_differs_is_left_out_and_nothing_else() {
        for (a, b) in [
            ("[    0.283996] x: done", "[   12.5] x: done"),
            ("reached at 127.0.0.1:37143; then", "reached at 127.0.0.1:1; then"),
            ("boot=30680b623dc32ea9ce66e9a7892ac77a", "boot=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            ("watch  0.1.0  1  7,289  running", "watch 0.1.0  1   17,289 running"),
            ("running (52 ms)", "running (7 ms)"),
            ("test result: ok; finished in 0.00s", "test result: ok; finished in 1.23s"),
            ("8389 bytes into slot 0 in 205 ms", "8391 bytes into slot 0 in 9 ms"),
        ] {
            assert_eq!(normal(a), normal(b));
        }
        for (a, b) in [
            ("slot 0", "slot 1"),
            ("hello 0.1.0", "hello 0.1.1"),
            ("exited with code 0", "exited with code 1"),
            ("5 actuators, all safe", "4 actuators, all safe"),
            ("52 passed", "53 passed"),
        ] {
            assert_ne!(normal(a), normal(b));
        }
    }

    #[test]
    fn output_is_compared_as_a_whole() {
        let promised = lines("made it in 3 ms\n…\nbye");
        assert!(check_all(&promised, "made it in 4 ms\nbye\n").is_ok());
        assert!(check_all(&promised, "made it in 4 ms\nmore\nand more\nbye\n").is_ok());
        assert!(check_all(&promised, "made it in 4 ms\nbye\nand more\n").is_err());
        assert!(check_all(&promised, "bye\n").is_err());
        assert!(check_all(&lines("a\nb"), "a\n").is_err());
        assert!(check_all(&lines("a\n…"), "a\nb\nc").is_ok());
        assert!(check_all(&[], "whatever").is_ok());
    }

    #[test]
    fn a_part_of_a_line_may_be_anything() {
        assert!(matches("made key …: keep … yourself", "made key ab: keep it to yourself"));
        assert!(!matches("made key …: keep … yourself", "made key ab: keep it to others"));
        assert!(!matches("made key …", "a key"));
    }

    #[test]
    fn each_speaker_keeps_its_order() {
        let promised = lines("-- booting\n[ 0.1] a: one\n[ 0.2] b: one\n[ 0.3] a: two\n-- ready 0.4 s");
        let mut transcript = Transcript::new(&promised);
        for line in ["-- booting", "[ 9.9] b: one", "[ 9.9] c: one", "[ 9.9] a: one", "-- ready 9.9 s"] {
            assert!(!transcript.hear(line), "{line}");
        }
        assert!(transcript.missing().contains("a: two"));
        assert!(transcript.hear("[ 9.9] a: two"));
        let mut turned = Transcript::new(&promised);
        let heard = ["-- booting", "[1.0] a: two", "[1.0] a: one", "[1.0] b: one", "-- ready 1.0 s"]
            .map(|line| turned.hear(line));
        assert!(!heard.contains(&true));
    }
}
