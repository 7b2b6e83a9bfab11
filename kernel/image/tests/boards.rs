// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One wiring on every board: what a board's file may change, and what becomes of `system.xml` with each in the tree.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use std::path::{Path, PathBuf};

use cofferdam_image::board::{Board, describe};
use cofferdam_image::elf::{Elf, LoadSegment};
use cofferdam_image::platform::Platform;
use cofferdam_image::raw::{RawError, flatten};
use cofferdam_image::sdf::System;
use common::GOOD;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every board in the tree.
fn boards() -> Vec<(String, Board)> {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(top().join("boards")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    folders.into_iter().map(|path| (name(&path), Board::read(&path).unwrap())).collect()
}

fn wiring() -> String {
    std::fs::read_to_string(top().join("system.xml")).unwrap()
}

fn described(board: &Board) -> String {
    describe("system.xml", &wiring(), board).unwrap_or_else(|findings| panic!("{findings:#?}"))
}

fn parsed(source: &str, platform: &Platform) -> System {
    let checked = cofferdam_image::read("system.xml", source, platform, None);
    let errors: Vec<String> = checked.findings.iter().map(ToString::to_string).collect();
    assert!(!checked.refused, "{errors:#?}");
    checked.system
}

#[test]
fn the_board_that_it_is_written_for_changes_nothing() {
    let board = Board::read(&top().join("boards/qemu-virt-aarch64")).unwrap();
    assert_eq!(described(&board), wiring());
}

/// A board moves devices and takes some away; nobody gets a channel, a region, a priority or a neighbour by it.
#[test]
fn every_board_has_the_same_wiring() {
    let home = Platform::named("qemu-virt-aarch64").unwrap();
    let original = parsed(&wiring(), &home);
    for (name, board) in boards() {
        let text = described(&board);
        assert_eq!(text.lines().count(), wiring().lines().count(), "{name}: lines stay where they are");
        // The SDK's own tool knows the platforms that ours does not.
        let Some(platform) = &board.file.crates else { continue };
        let system = parsed(&text, &Platform::named(platform).unwrap());
        let channels = |system: &System| -> Vec<String> {
            let end = |end: &cofferdam_image::sdf::model::End| {
                format!("{} {} {} {}", end.domain.value, end.id.value, end.calls, end.notifies)
            };
            system.channels.iter().map(|channel| channel.ends.each_ref().map(end).join(" - ")).collect()
        };
        assert_eq!(channels(&system), channels(&original), "{name}");
        assert_eq!(system.domains.len(), original.domains.len(), "{name}");
        for (domain, was) in system.domains.iter().zip(&original.domains) {
            assert_eq!(domain.name.value, was.name.value, "{name}");
            assert_eq!(domain.priority.as_ref().unwrap().value, was.priority.as_ref().unwrap().value);
            assert_eq!(domain.program_image.value, was.program_image.value);
            for map in &domain.maps {
                let (_, region) = system.region(&map.region.value).unwrap();
                let had = was.maps.iter().find(|had| had.region.value == map.region.value);
                // Only registers of a device can be new.
                assert!(had.is_some() || region.phys_addr.is_some(), "{name}: {}", map.region.value);
                assert!(had.is_none_or(
                    |had| had.rights.value == map.rights.value && had.vaddr.value == map.vaddr.value
                ));
            }
            assert!(domain.irqs.len() <= was.irqs.len());
        }
    }
}

#[test]
fn every_board_says_what_it_is() {
    let boards = boards();
    assert!(boards.iter().any(|(name, _)| name == "qemu-virt-aarch64"));
    for (name, board) in boards {
        assert!(board.file.crates.is_some() || board.file.sdk.is_some(), "{name} has no kernel");
        let id = &board.file.device_id;
        assert!(!id.is_empty() && id.chars().all(|c| c.is_ascii_graphic()), "{name}: {id}");
        assert!(!board.file.about.is_empty());
    }
}

/// A board's file in a folder of its own.
fn board(text: &str) -> Result<Board, String> {
    let folder = tempfile::tempdir().unwrap();
    let head = "about = \"a\"\ndevice_id = \"b\"\ncrates = \"qemu-virt-aarch64\"\n";
    std::fs::write(folder.path().join("board.toml"), format!("{head}{text}")).unwrap();
    Board::read(folder.path()).map_err(|error| format!("{error:#}"))
}

/// What is said about all devices of [`GOOD`].
const COMPLETE: &str =
    "[regions]\nuart = { phys_addr = 0x09001000 }\n[domains.driver.irqs]\nirq = { irq = 40 }\n";

#[test]
fn devices_move_and_go() {
    let described = |text: &str| describe("good.xml", GOOD, &board(text).unwrap()).unwrap();
    let moved = described(COMPLETE);
    assert!(moved.contains(r#"<memory_region name="uart" size="0x1000" phys_addr="0x9001000"/>"#), "{moved}");
    assert!(moved.contains(r#"<irq irq="40" id="0" trigger="edge" setvar_id="irq"/>"#), "{moved}");
    let gone = described(
        "[regions]\nuart = { absent = true }\ndma = { absent = true }\nring = { size = 0x8000 }\n[domains.driver.irqs]\nirq = { \
         absent = true }\n",
    );
    assert!(!gone.contains("uart") && !gone.contains("dma") && !gone.contains("<irq"), "{gone}");
    assert!(gone.contains(r#"<memory_region name="ring" size="0x8000"/>"#), "{gone}");
    let uncached = described(&COMPLETE.replace("[domains", "dma = { uncached = true }\n[domains"));
    assert!(uncached.contains(r#"setvar_vaddr="dma" setvar_size="dma_size" cached="false"/>"#), "{uncached}");
    let more = described(
        "[regions]\nuart = { phys_addr = 0x09001000, size = 0x2000 }\nmailbox = { new = true, size = 0x1000, phys_addr = \
         0x9009000 }\n[domains.driver]\nirqs.irq = { irq = 40, trigger = \"level\" }\nmaps = [{ region = \"mailbox\", vaddr = \
         0x300001000, symbol = \"mailbox\" }]\n",
    );
    let system = {
        let mut diagnostics = cofferdam_image::diagnostics::Diagnostics::new("x", &more);
        cofferdam_image::sdf::parse(&more, &mut diagnostics)
    };
    let (_, mailbox) = system.region("mailbox").unwrap();
    assert_eq!((mailbox.size.value, mailbox.phys_addr.as_ref().unwrap().value), (0x1000, 0x0900_9000));
    let (driver, map) = system.maps_of("mailbox").next().unwrap();
    assert_eq!((driver.name.value.as_str(), map.vaddr.value, map.cached), ("driver", 0x3_0000_1000, false));
    assert!(!driver.irqs[0].edge);
    assert_eq!(more.lines().count(), GOOD.lines().count());
}

#[test]
fn mistakes_are_named_with_file_and_line() {
    // Lines count from the head of three lines.
    for (text, place, says) in [
        ("[regions]\nuarrt = { absent = true }\n", "5:1", "has no memory_region 'uarrt'; it has: uart, ring"),
        ("[regions]\nuart = { phys_addr = 1, absent = true }\n", "5:1", "which of both?"),
        ("[regions]\nuart = {}\n", "5:1", "nothing is said about 'uart'"),
        ("[regions]\nuart = { new = true, size = 4096 }\n", "5:1", "already"),
        ("[regions]\nmailbox = { new = true }\n", "5:1", "needs a size"),
        ("[domains.driver.irqs]\nirk = { irq = 1 }\n", "5:1", "'driver' has no interrupt 'irk'; it has: irq"),
        ("[domains.driver.irqs]\nirq = {}\n", "5:1", "either absent or has a number"),
        (
            "[domains.diver.irqs]\nirq = { irq = 1 }\n",
            "4:10",
            "has no protection_domain 'diver'; it has: driver, manager",
        ),
        (
            "[domains.driver]\nmaps = [{ region = \"ring\", vaddr = 0, symbol = \"a\" }]\n",
            "5:20",
            "it alone maps its regions",
        ),
        ("[drivers]\ndrivr = \"fast\"\n", "5:1", "names no program 'drivr'"),
        ("[drivers]\ndriver = \"a b\"\n", "5:10", "cargo feature"),
        ("", "1:1", "[regions.uart] is missing: good.xml:2 has it at a fixed address"),
        ("", "1:1", "[domains.driver.irqs.irq] is missing: good.xml:11"),
    ] {
        let board = board(text).unwrap();
        let findings = describe("good.xml", GOOD, &board).unwrap_err();
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let wanted = format!("board.toml:{place}: error: ");
        assert!(texts.iter().any(|text| text.contains(&wanted) && text.contains(says)), "{says}: {texts:#?}");
    }
    for (text, says) in [
        ("speed = 3\n", "board.toml:4:1: error: unknown field `speed`"),
        ("[regions]\nuart = { paddr = 3 }\n", "board.toml:5:"),
        ("[domains.driver.irqs]\nirq = { irq = 1, trigger = \"both\" }\n", "board.toml:5:"),
        ("[regions]\nuart = { phys_addr = -1 }\n", "board.toml:5:"),
        ("like = \"nowhere\"\n", "board.toml:4:8: error: no such board"),
        ("like = \"nowhere\"\n[drivers]\ndriver = \"a\"\n", "no tables of its own"),
    ] {
        let error = board(text).unwrap_err();
        assert!(error.contains(says), "{says}: {error}");
    }
    let broken = describe("bad.xml", "<system>", &board(COMPLETE).unwrap()).unwrap_err();
    assert!(broken[0].message.contains("bad.xml is not well-formed XML"));
}

#[test]
fn a_board_like_another_has_its_tables() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("board.toml"), text).unwrap();
    };
    write("small", &format!("about = \"s\"\ndevice_id = \"s\"\nsdk = \"s\"\n{COMPLETE}"));
    write("large", "about = \"l\"\ndevice_id = \"l\"\nsdk = \"l\"\nlike = \"small\"\n");
    write("third", "about = \"t\"\ndevice_id = \"t\"\nsdk = \"t\"\nlike = \"large\"\n");
    let large = Board::read(&folder.path().join("large")).unwrap();
    assert_eq!((large.file.sdk.as_deref(), large.file.regions.len()), (Some("l"), 1));
    assert!(describe("good.xml", GOOD, &large).is_ok());
    let error = format!("{:#}", Board::read(&folder.path().join("third")).unwrap_err());
    assert!(error.contains("is itself like another board"), "{error}");
}

fn segment(paddr: u64, bytes: &[u8], memory_bytes: u64) -> LoadSegment {
    let bytes = bytes.to_vec();
    LoadSegment { vaddr: paddr, paddr, file_offset: 0, bytes, memory_bytes, rights: [true; 3] }
}

#[test]
fn an_image_as_plain_bytes_begins_where_it_is_entered() {
    let platform = Platform::named("rpi4b").unwrap();
    let mut elf = Elf::parse(&common::TestElf::program(&[]).bytes()).unwrap();
    elf.entry = 0x8_0000;
    elf.segments = vec![
        segment(0x20_0000, b"kernel", 6),
        segment(0x8_0000, b"loader", 0x100),
        segment(0x9_0000, b"", 0x1000),
    ];
    let raw = flatten(&elf, &platform).unwrap();
    assert_eq!((raw.address, raw.bytes.len()), (0x8_0000, 0x18_0000 + 6));
    assert!(raw.bytes.starts_with(b"loader\0") && raw.bytes.ends_with(b"\0kernel"));
    elf.entry = 0x8_0004;
    assert_eq!(flatten(&elf, &platform), Err(RawError::Entry(0x8_0000, 0x8_0004)));
    elf.segments.push(segment(0x7_0000, b"low", 3));
    assert!(matches!(flatten(&elf, &platform), Err(RawError::OutsideRam(..))));
    elf.segments = vec![segment(0x1000_0000, b"high", 4)];
    assert!(matches!(flatten(&elf, &platform), Err(RawError::OutsideRam(..))));
}
