// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Small system descriptions, good and broken, for our tool and for Microkit's own.
//!
//! In `corpus/`, each folder is a verdict: `good` (both tools accept), `refused` (both refuse), `unsupported` (what
//! Microkit has and we deliberately do not: ours refuses), `stricter` (what Microkit's tool lets pass and goes wrong later:
//! ours refuses, and the file says why). A line on which our tool finds something ends in a comment,
//! `<!-- error: words -->` or `<!-- warning: words -->`; nothing else may be found.
//!
//! Microkit's verdicts need an SDK: `MICROKIT_SDK=… cargo test`; without one that test counts as ignored.

#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cofferdam_image::diagnostics::Severity;
use common::{R, TestElf, platform, write_programs};

/// Folders, and whether either tool accepts what is in there: ours, Microkit's.
const VERDICTS: [(&str, bool, bool); 4] = [
    ("good", true, true),
    ("refused", false, false),
    ("unsupported", false, true),
    ("stricter", false, true),
];

/// The descriptions of a folder, by name.
fn descriptions(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// What the descriptions name: programs good and bad, and data.
fn files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let good = TestElf::program(&["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"]);
    let bare = TestElf::new(0x20_0000).segment(0x20_0000, &[0xd5, 3, 0x20, 0x1f], 4, R | 1);
    write_programs(folder.path(), &[("pd.elf", good), ("bare.elf", bare)]);
    fs::write(folder.path().join("text.elf"), "no program").unwrap();
    fs::write(folder.path().join("data.bin"), [7; 64]).unwrap();
    folder
}

/// What our tool is to find: line, severity, words.
fn expectations<'a>(source: &'a str) -> Vec<(u32, Severity, &'a str)> {
    let of_line = |(number, line): (u32, &'a str)| {
        let (_, comment) = line.rsplit_once("<!-- ")?;
        let (kind, words) = comment.split_once(" -->")?.0.split_once(": ")?;
        match kind {
            "error" => Some((number, Severity::Error, words)),
            "warning" => Some((number, Severity::Warning, words)),
            _ => None,
        }
    };
    (1..).zip(source.lines()).filter_map(of_line).collect()
}

/// Differences between what our tool finds and what the file says.
fn differences(path: &Path, accepted: bool, programs: &Path) -> Vec<String> {
    let source = fs::read_to_string(path).unwrap();
    let expected = expectations(&source);
    let name = path.file_name().unwrap().to_string_lossy();
    let mut differences = Vec::new();
    if accepted == expected.iter().any(|(_, severity, _)| *severity == Severity::Error) {
        differences.push(format!("{name}: lies in the wrong folder"));
    }
    let checked = cofferdam_image::read(&name, &source, &platform(), Some(&[programs.to_owned()]));
    for (line, severity, words) in &expected {
        let found = checked.findings.iter().any(|finding| {
            finding.line == *line && finding.severity == *severity && finding.message.contains(words)
        });
        if !found {
            differences.push(format!("{name}:{line}: not found: {severity:?}: {words}"));
        }
    }
    let unexpected = checked.findings.iter().filter(|finding| {
        let known = expected.iter().any(|(line, kind, _)| *line == finding.line && *kind == finding.severity);
        // Beside an error, a warning is no news.
        !known && (accepted || finding.severity == Severity::Error)
    });
    differences.extend(unexpected.map(|finding| format!("found: {finding}")));
    differences
}

#[test]
fn our_tool_judges_as_the_corpus_says() {
    let programs = files();
    let mut all = Vec::new();
    for (folder, accepted, _) in VERDICTS {
        let descriptions = descriptions(folder);
        assert!(!descriptions.is_empty(), "{folder}");
        for path in descriptions {
            all.extend(differences(&path, accepted, programs.path()));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

/// Whether Microkit's tool accepts a description, and what it says.
fn microkit(description: &Path, folder: &Path) -> (bool, String) {
    let sdk = PathBuf::from(std::env::var_os("MICROKIT_SDK").unwrap_or_default());
    let output = Command::new(sdk.join("bin/microkit"))
        .arg(description)
        .args(["--board", "qemu_virt_aarch64", "--config", "release", "--search-path"])
        .arg(folder)
        .arg("--output")
        .arg(folder.join("image"))
        .arg("--report")
        .arg(folder.join("report"))
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    // Ended by a signal, it has not judged.
    assert!(output.status.code().is_some(), "{}: {} {text}", description.display(), output.status);
    (output.status.success(), text)
}

#[test]
#[cfg_attr(not(microkit_sdk), ignore = "needs a Microkit SDK: set MICROKIT_SDK")]
fn microkits_tool_judges_as_the_corpus_says() {
    let programs = files();
    let mut surprises = Vec::new();
    for (folder, _, expected) in VERDICTS {
        for path in descriptions(folder) {
            let (accepted, text) = microkit(&path, programs.path());
            if accepted != expected {
                let verdict = if accepted { "accepts" } else { "refuses" };
                surprises.push(format!("{folder}: Microkit's tool {verdict} {}: {text}", path.display()));
            }
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}
