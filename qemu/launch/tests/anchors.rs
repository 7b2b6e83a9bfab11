// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `toolchain/anchors.sh`: whoever builds an image is told whom it will not trust.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The script's exit status and what it says about a folder with these files.
fn said(test: &str, files: &[&str]) -> (Option<i32>, String) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("anchors").join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    for file in files {
        std::fs::write(folder.join(file), "").unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../toolchain/anchors.sh");
    let output = Command::new(script).arg(&folder).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_pair_is_fine() {
    assert_eq!(said("pair", &["development.key", "development.toml", "list.toml"]), (Some(0), String::new()));
}

#[test]
fn a_development_key_without_its_anchor_builds_no_image() {
    let (status, said) = said("lost", &["development.key", "list.toml"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("development.key has no") && said.contains("made anew"), "{said}");
}

#[test]
fn others_are_warned_of() {
    let (status, words) = said("other", &["supplier.key", "owner.toml"]);
    assert_eq!(status, Some(0));
    assert!(words.contains("supplier.key has no") && !words.contains("nobody"), "{words}");
    let (status, words) = said("nobody", &["list.toml"]);
    assert_eq!(status, Some(0));
    assert!(words.contains("this image trusts nobody"), "{words}");
}
