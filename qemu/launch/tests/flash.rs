// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `toolchain/flash.sh` asks before it writes, reads back what it wrote, and refuses what it must not overwrite.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn folder(test: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("flash").join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Whether the script wrote `card` to `device`, and all that it said, when somebody answers `answer`.
fn flash(card: &Path, device: &Path, answer: &str) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../toolchain/flash.sh");
    let mut command = Command::new(script);
    command.arg(card).arg(device).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may refuse without asking.
    let _ = child.stdin.take().unwrap().write_all(format!("{answer}\n").as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn it_writes_only_when_the_devices_name_is_typed() {
    let folder = folder("asks");
    let (card, device) = (folder.join("card.img"), folder.join("device"));
    std::fs::write(&card, b"card").unwrap();
    std::fs::write(&device, b"precious").unwrap();
    for answer in ["", "yes", "device"] {
        let (wrote, said) = flash(&card, &device, answer);
        assert!(!wrote && said.contains("nothing was written"), "{said}");
        assert_eq!(std::fs::read(&device).unwrap(), b"precious");
    }
    let (wrote, said) = flash(&card, &device, device.to_str().unwrap());
    assert!(
        wrote && said.contains("this will overwrite the first 4 bytes") && said.contains("read back"),
        "{said}"
    );
    assert_eq!(std::fs::read(&device).unwrap(), b"cardious");
}

#[test]
fn it_refuses_what_cannot_take_the_card() {
    let folder = folder("refuses");
    let (card, small) = (folder.join("card.img"), folder.join("small"));
    std::fs::write(&card, b"card").unwrap();
    std::fs::write(&small, b"abc").unwrap();
    for (card, device, says) in [
        (card.as_path(), small.as_path(), "has 3 bytes"),
        (&card, &folder.join("gone"), "there is no"),
        (&card, &folder, "neither a device nor a file"),
        (&card, Path::new("/dev/null"), "neither a device nor a file"),
        (&folder.join("gone"), &small, "make image"),
    ] {
        let (wrote, said) = flash(card, device, device.to_str().unwrap());
        assert!(!wrote && said.contains(says), "{says}: {said}");
    }
    assert_eq!(std::fs::read(&small).unwrap(), b"abc");
}

/// The disk of the machine that runs the tests, if it is one that can be seen.
#[test]
fn it_refuses_the_disk_of_the_system() {
    let folder = folder("system");
    let card = folder.join("card.img");
    std::fs::write(&card, b"card").unwrap();
    let found = Command::new("findmnt").args(["-nro", "SOURCE", "--target", "/"]).output();
    let Ok(found) = found else { return };
    let source = String::from_utf8(found.stdout).unwrap();
    let device = Path::new(source.trim());
    if !device.starts_with("/dev") || !device.exists() {
        return;
    }
    // Not its name: should the script be wrong, it still writes nothing.
    let (wrote, said) = flash(&card, device, "no");
    assert!(!wrote && !said.contains("Type its name"), "{said}");
    assert!(
        said.contains("in use") || said.contains("of this system") || said.contains("whole device"),
        "{said}"
    );
}
