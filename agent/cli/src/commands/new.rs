// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam new`: the folder of an app, with what it takes to build, test, pack and push it.
//!
//! An app stands alone, in a clone of Cofferdam as in its supplier's own repository: its package is a workspace
//! of its own, and builds into its own target folder. Where the SDK lies is written into its Cargo.toml.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cofferdam_client::recipe::RECIPE_FILE;
use serde_json::json;

use crate::arguments::{Global, NewShape};
use crate::failure::Usage;
use crate::output;

/// The SDK in a clone of Cofferdam.
const SDK: &str = "apps/sdk";
/// The compiler's entry in a clone of Cofferdam.
const TOOLCHAIN: &str = "toolchain/cargo";
/// The SDK's package; an app of this name could not depend on it.
const SDK_PACKAGE: &str = "cofferdam-app";

/// Names that `is_name` allows and Rust does not: libraries that come with the compiler, and keywords.
const NAMES_OF_RUST: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// A file of a new app. Each template begins with a line about its own licence, which is not the app's.
struct Template {
    path: &'static str,
    text: &'static str,
}

const COMMON: [Template; 2] = [
    Template { path: "Cargo.toml", text: include_str!("../../templates/Cargo.toml.in") },
    Template { path: ".gitignore", text: include_str!("../../templates/gitignore.in") },
];

const REACTOR: [Template; 2] = [
    Template { path: RECIPE_FILE, text: include_str!("../../templates/reactor/cofferdam.toml.in") },
    Template { path: "src/lib.rs", text: include_str!("../../templates/reactor/lib.rs.in") },
];

const COMMAND: [Template; 2] = [
    Template { path: RECIPE_FILE, text: include_str!("../../templates/command/cofferdam.toml.in") },
    Template { path: "src/lib.rs", text: include_str!("../../templates/command/lib.rs.in") },
];

/// A clone of Cofferdam, and what an app's Cargo.toml calls its SDK.
struct Clone {
    folder: PathBuf,
    sdk: PathBuf,
}

/// Makes the folder of app `name`.
pub fn run(
    name: &str,
    shape: NewShape,
    folder: Option<PathBuf>,
    cofferdam: Option<&Path>,
    global: &Global,
) -> Result<()> {
    check_name(name)?;
    let folder = folder.unwrap_or_else(|| PathBuf::from(name));
    if folder.symlink_metadata().is_ok() {
        bail!("{} is there already and is left as it is; --path names another folder", folder.display());
    }
    let place = place(&folder)?;
    let clone = match cofferdam {
        Some(named) => named_clone(named)?,
        None => clone_around(&place)?,
    };
    let own = match shape {
        NewShape::Reactor => &REACTOR,
        NewShape::Command => &COMMAND,
    };
    let files = COMMON
        .iter()
        .chain(own)
        .map(|template| Ok((template.path, fill(template.text, name, &clone.sdk)?)))
        .collect::<Result<Vec<_>>>()?;
    if let Err(error) = write(&place, &files) {
        // Half an app would be in the way of the next try. That it cannot be removed is no better news.
        let _ = fs::remove_dir_all(&place);
        return Err(error);
    }
    report(name, shape, &folder, &clone, global)
}

fn check_name(name: &str) -> Result<()> {
    if !cofferdam_package::manifest::is_name(name) {
        let text =
            format!("'{name}' cannot name an app: use 1 to 32 of a-z, 0-9 and '-', beginning with a letter");
        return Err(Usage(text).into());
    }
    if NAMES_OF_RUST.contains(&name) || name == SDK_PACKAGE {
        return Err(Usage(format!("'{name}' cannot name an app in Rust: the word is taken")).into());
    }
    Ok(())
}

/// `folder` without links and `..`; what leads to it is made, itself is not.
fn place(folder: &Path) -> Result<PathBuf> {
    let Some(own_name) = folder.file_name() else {
        return Err(Usage(format!("{} is no name for a new folder", folder.display())).into());
    };
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let cannot = || format!("cannot make the folder {}", parent.display());
    fs::create_dir_all(parent).with_context(cannot)?;
    Ok(parent.canonicalize().with_context(cannot)?.join(own_name))
}

fn named_clone(named: &Path) -> Result<Clone> {
    if !holds_sdk(named) {
        bail!("{} is no clone of Cofferdam: it has no {SDK}", named.display());
    }
    let folder = named.canonicalize().with_context(|| format!("cannot follow {}", named.display()))?;
    Ok(Clone { sdk: folder.join(SDK), folder })
}

/// The clone that `place` is in: the two may move together, so the way to the SDK is relative. Else the clone
/// that this program was built in.
fn clone_around(place: &Path) -> Result<Clone> {
    for (steps_up, folder) in place.ancestors().enumerate() {
        if holds_sdk(folder) {
            let up: PathBuf = std::iter::repeat_n("..", steps_up).collect();
            return Ok(Clone { folder: folder.to_owned(), sdk: up.join(SDK) });
        }
    }
    let program = std::env::current_exe().and_then(|program| program.canonicalize());
    let program =
        program.context("cannot tell where this program lies; name a clone with --cofferdam FOLDER")?;
    match program.ancestors().find(|folder| holds_sdk(folder)) {
        Some(folder) => Ok(Clone { folder: folder.to_owned(), sdk: folder.join(SDK) }),
        None => bail!(
            "an app builds on the SDK in a clone of Cofferdam, and neither {} nor this program is in one; \
             name one with --cofferdam FOLDER",
            place.display()
        ),
    }
}

fn holds_sdk(folder: &Path) -> bool {
    folder.join(SDK).join("Cargo.toml").is_file()
}

/// The template's text for this app.
fn fill(template: &str, name: &str, sdk: &Path) -> Result<String> {
    let text = template.split_once('\n').map_or(template, |(_licence, text)| text);
    let sdk = sdk.to_str().with_context(|| format!("{} is not UTF-8, as Cargo.toml is", sdk.display()))?;
    Ok(text
        .replace("@NAME@", name)
        .replace("@CRATE@", &name.replace('-', "_"))
        .replace("@SDK@", &toml::Value::from(sdk).to_string()))
}

fn write(place: &Path, files: &[(&str, String)]) -> Result<()> {
    let cannot = |path: &Path| format!("cannot write {}", path.display());
    for (path, text) in files {
        let path = place.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| cannot(folder))?;
        }
        fs::write(&path, text).with_context(|| cannot(&path))?;
    }
    Ok(())
}

/// What was made, and what to type next.
fn report(name: &str, shape: NewShape, folder: &Path, clone: &Clone, global: &Global) -> Result<()> {
    let toolchain = clone.folder.join(TOOLCHAIN);
    // From within the clone, what its README says.
    let here = std::env::current_dir().is_ok_and(|here| here == clone.folder);
    let toolchain = if here { Path::new(TOOLCHAIN) } else { &toolchain };
    let package = format!("--manifest-path {}", word(&folder.join("Cargo.toml")));
    let target = format!("--target-dir {}", word(&folder.join("target")));
    let build = format!("{} app build --release {package} {target}", word(toolchain));
    let test = format!("{} host test {package} {target}", word(toolchain));
    if global.json {
        return output::json(&json!({ "name": name, "folder": folder, "build": build, "test": test }));
    }
    let kind = match shape {
        NewShape::Reactor => "a control loop",
        NewShape::Command => "a program",
    };
    output::line(&format!("made {name}, {kind}: {} and src/lib.rs in {}", RECIPE_FILE, folder.display()))?;
    output::line(&format!("  test   {test}"))?;
    output::line(&format!("  build  {build}"))?;
    // As this program was called.
    let program = std::env::args_os().next().map_or_else(|| "cofferdam".into(), PathBuf::from);
    output::line(&format!("  pack   {} pack {}", word(&program), word(folder)))
}

/// `path` as one word for a shell.
fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_client::recipe::Recipe;

    fn clone() -> tempfile::TempDir {
        let clone = tempfile::tempdir().unwrap();
        fs::create_dir_all(clone.path().join(SDK)).unwrap();
        fs::write(clone.path().join(SDK).join("Cargo.toml"), "").unwrap();
        clone
    }

    #[test]
    fn names_that_rust_would_refuse_are_refused() {
        for name in
            ["", "My App", "ünder", "9lives", "core", "match", "test", "cofferdam-app", &"a".repeat(33)]
        {
            assert!(check_name(name).is_err(), "{name}");
        }
        for name in ["watch", "a", "two-words", "core2"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn templates_have_a_licence_line_and_are_filled() {
        for template in COMMON.iter().chain(&REACTOR).chain(&COMMAND) {
            assert!(
                template.text.lines().next().unwrap().contains("SPDX-License-Identifier"),
                "{}",
                template.path
            );
            let text = fill(template.text, "two-words", Path::new("../apps/sdk")).unwrap();
            assert!(!text.contains('@') && !text.contains("SPDX"), "{text}");
        }
    }

    #[test]
    fn recipes_make_manifests() {
        for [recipe, _] in [&REACTOR, &COMMAND] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(RECIPE_FILE);
            fs::write(&path, fill(recipe.text, "two-words", Path::new("sdk")).unwrap()).unwrap();
            let recipe = Recipe::load(&path).unwrap();
            assert_eq!(recipe.name, "two-words");
            let module = recipe.module.clone().unwrap();
            assert_eq!(module, Path::new("target/wasm32-unknown-unknown/release/two_words.wasm"));
            assert!(recipe.manifest(b"\0asm\x01\0\0\0").is_ok());
        }
    }

    #[test]
    fn a_path_in_cargo_toml_is_quoted() {
        let text = fill("licence\n@SDK@", "a", Path::new("/odd \"folder\"/sdk")).unwrap();
        let value: toml::Table = toml::from_str(&format!("path = {text}")).unwrap();
        assert_eq!(value["path"].as_str(), Some("/odd \"folder\"/sdk"));
    }

    #[test]
    fn inside_of_a_clone_the_sdk_is_named_relatively() {
        let clone = clone();
        let inside = place(&clone.path().join("mine/watch")).unwrap();
        let found = clone_around(&inside).unwrap();
        assert_eq!(found.sdk, Path::new("../../apps/sdk"));
        assert_eq!(found.folder, clone.path().canonicalize().unwrap());
    }

    #[test]
    fn a_named_clone_must_be_one() {
        let clone = clone();
        let found = named_clone(clone.path()).unwrap();
        assert_eq!(found.sdk, clone.path().canonicalize().unwrap().join(SDK));
        let error = named_clone(&clone.path().join("apps")).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("no clone of Cofferdam"), "{error}");
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(word(Path::new("apps/watch")), "apps/watch");
        assert_eq!(word(Path::new("it's here")), "'it'\\''s here'");
    }
}
