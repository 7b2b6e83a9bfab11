// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Lists of packages that an image brings: read when the image is built.
//!
//! ```text
//! # One package a line, relative to this file; installed in this order.
//! ../build/apps/downhill.cdam
//! hello.cdam
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, fs};

use cofferdam_package::verify;

use crate::KeyList;

/// A package of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Where it was found.
    pub path: PathBuf,
    /// The app's name.
    pub name: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// Reads the packages that a list names. Each must be what a device with these `keys` would take as far as its signature, its
/// device and its signer's grant go. (Whether its module fits into a slot is for the device to say.)
///
/// # Errors
/// A text with the list's file and line, and what is wrong there.
pub fn read(list: &Path, keys: &KeyList) -> Result<Vec<Package>, String> {
    let text = fs::read_to_string(list).map_err(|error| format!("{}: {error}", list.display()))?;
    let folder = list.parent().unwrap_or(Path::new(""));
    let mut packages = Vec::new();
    let mut names = BTreeSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what: String| format!("{}:{number}: error: {what}", list.display());
        let package = package(&folder.join(line), keys).map_err(wrong)?;
        if !names.insert(package.name.clone()) {
            return Err(wrong(format!("there is an app '{}' in this list already", package.name)));
        }
        packages.push(package);
    }
    Ok(packages)
}

fn package(path: &Path, keys: &KeyList) -> Result<Package, String> {
    let shown = path.display();
    let bytes = fs::read(path).map_err(|error| format!("{shown}: {error}"))?;
    let anchors = keys.check_image().map_err(|error| error.to_string())?;
    let name = {
        let verified = verify(&bytes, |id| anchors.key(id)).map_err(|error| format!("{shown}: {error}"))?;
        let manifest = &verified.manifest;
        if (manifest.common.vendor_id, manifest.common.class_id) != (keys.vendor_id, keys.class_id) {
            return Err(format!("{shown} is for devices of another vendor or class"));
        }
        let anchor =
            anchors.anchor(&verified.signer).ok_or_else(|| format!("{shown}: its signer is unknown"))?;
        let not_granted = |error| format!("{shown}: {} may not grant it: {error}", anchor.name);
        anchor.grant.permit(manifest).map_err(not_granted)?;
        manifest.common.name.clone()
    };
    Ok(Package { path: path.to_path_buf(), name, bytes })
}

#[cfg(test)]
mod tests {
    use cofferdam_package::manifest::*;
    use cofferdam_package::{SigningKey, create, testing};

    use super::*;
    use crate::{Anchor, Grant};

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn keys() -> KeyList {
        let vendor = vendor_id("maker");
        let anchor = Anchor {
            name: "one".into(),
            public_key: key(1).public(),
            root: true,
            grant: Grant::everything(),
        };
        KeyList::first(vendor, class_id(&vendor, "rig"), Vec::from([anchor]))
    }

    fn made(name: &str, class: &str, by: u8) -> Vec<u8> {
        let mut manifest = testing::manifest(name, 1);
        manifest.common.class_id = class_id(&vendor_id("maker"), class);
        manifest.app.shape = Shape::Command;
        create(manifest, b"\0asm\x01\0\0\0", &key(by)).unwrap()
    }

    fn list(lines: &str, files: &[(&str, Vec<u8>)]) -> Result<Vec<Package>, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let path = folder.path().join("list.txt");
        fs::write(&path, lines).unwrap();
        read(&path, &keys()).map_err(|error| error.replace(&folder.path().display().to_string(), "."))
    }

    #[test]
    fn packages_come_in_the_order_of_the_list() {
        let files = [("b.cdam", made("b", "rig", 1)), ("a.cdam", made("a", "rig", 1))];
        let packages = list("# two\n\n  b.cdam\na.cdam\n", &files).unwrap();
        let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(packages[1].bytes, files[1].1);
        assert_eq!(list("", &[]), Ok(Vec::new()));
    }

    #[test]
    fn what_the_device_would_refuse_is_named_with_its_line() {
        let mut damaged = made("a", "rig", 1);
        *damaged.last_mut().unwrap() ^= 1;
        for (bytes, says) in [
            (damaged, "a.cdam"),
            (b"text".to_vec(), "a.cdam"),
            (made("a", "toaster", 1), "another vendor or class"),
            (made("a", "rig", 2), "a.cdam"),
        ] {
            let error = list("# first\na.cdam\n", &[("a.cdam", bytes)]).unwrap_err();
            assert!(error.starts_with("./list.txt:2: error: ") && error.contains(says), "{error}");
        }
        let error = list("gone.cdam\n", &[]).unwrap_err();
        assert!(error.starts_with("./list.txt:1: error: ./gone.cdam: "), "{error}");
        let error = list("a.cdam\na.cdam", &[("a.cdam", made("a", "rig", 1))]).unwrap_err();
        assert_eq!(error, "./list.txt:2: error: there is an app 'a' in this list already");
        assert!(read(Path::new("/no/such/list"), &keys()).unwrap_err().starts_with("/no/such/list: "));
    }

    #[test]
    fn a_signer_may_grant_no_more_than_its_anchor_says() {
        let mut keys = keys();
        keys.anchors[0].grant.memory_pages_max = 0;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.cdam"), made("a", "rig", 1)).unwrap();
        fs::write(folder.path().join("list"), "a.cdam").unwrap();
        let error = read(&folder.path().join("list"), &keys).unwrap_err();
        assert!(error.contains("one may not grant it: "), "{error}");
    }
}
