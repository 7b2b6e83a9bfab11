// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam new`; what it makes is built, packed and run in qemu/e2e's suite `readme`.
#![allow(clippy::unwrap_used, reason = "the lint knows test functions, not what they call")]

mod program;

use std::fs;

use program::{cofferdam, stderr, stdout};
use serde_json::Value;

/// This clone, whose SDK new apps build on.
const CLONE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn a_new_app_has_what_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| cofferdam(folder.path(), arguments);
    let made = stdout(&run(&["new", "watch", "--cofferdam", CLONE]));
    assert!(made.contains("toolchain/cargo app build") && made.contains("cofferdam pack watch"), "{made}");
    for file in ["Cargo.toml", ".gitignore", "cofferdam.toml", "src/lib.rs"] {
        assert!(folder.path().join("watch").join(file).is_file(), "{file}");
    }
    // Everything but the module is there.
    let error = stderr(&run(&["pack", "watch"]), 1);
    assert!(error.contains("cannot read the module watch/target/"), "{error}");
    let output =
        run(&["new", "count", "--shape", "command", "--path", "a/b", "--json", "--cofferdam", CLONE]);
    let value: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(value["folder"], "a/b");
    let recipe = fs::read_to_string(folder.path().join("a/b/cofferdam.toml")).unwrap();
    assert!(recipe.contains("name = \"count\"") && recipe.contains("shape = \"command\""), "{recipe}");
}

#[test]
fn what_is_there_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sample"), "").unwrap();
    fs::create_dir(folder.path().join("watch")).unwrap();
    for (arguments, name) in [(&["new", "watch"][..], "watch"), (&["new", "a", "--path", "sample"], "sample")]
    {
        let error = stderr(&cofferdam(folder.path(), arguments), 1);
        assert!(error.contains(name) && error.contains("there already"), "{error}");
    }
    assert!(fs::read_dir(folder.path().join("watch")).unwrap().next().is_none());
}

#[test]
fn a_new_app_needs_a_name_and_an_sdk() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sample"), "").unwrap();
    let run = |arguments: &[&str]| cofferdam(folder.path(), arguments);
    assert!(stderr(&run(&["new", "My App"]), 2).contains("cannot name an app: use 1 to 32"));
    assert!(stderr(&run(&["new", "match"]), 2).contains("the word is taken"));
    assert!(stderr(&run(&["new", "a", "--path", "no/.."]), 2).contains("no name for a new folder"));
    assert!(stderr(&run(&["new", "a", "--cofferdam", "sample"]), 1).contains("no clone of Cofferdam"));
    assert!(stderr(&run(&["new", "a", "--path", "sample/a"]), 1).contains("cannot make the folder"));
    assert!(stderr(&run(&["new", "a", "--shape", "round"]), 2).contains("reactor, command"));
    assert!(!folder.path().join("a").exists());
}
