// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From programs to images and back: what the tool writes is what loader and initialiser read.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use std::path::PathBuf;
use std::process::Command;

use cofferdam_image::boot_image::{BootImage, BootImageError, assemble};
use cofferdam_image::elf::{Elf, ElfError, SymbolError};
use cofferdam_image::inspect::{Aligned, inspect};
use cofferdam_image::program::{PristineError, finish};
use cofferdam_image::spec::describe;
use cofferdam_system_spec::SystemSpec;
use cofferdam_system_spec::layout::{
    CAPABILITY_ENDPOINT, CAPABILITY_NOTIFICATION, CAPABILITY_TCB, CONTIGUOUS, DEVICE, READ, WRITE,
};
use common::{GOOD, R, RW, RX, TestElf, platform, programs, write_programs};

const KERNEL_VADDR: u64 = 0xffff_ff80_0000_0000;
const KERNEL_PADDR: u64 = 0x4100_0000;

fn kernel() -> TestElf {
    TestElf::new(KERNEL_VADDR).segment_at(KERNEL_VADDR, KERNEL_PADDR, &[1; 0x1000], 0x1000, RX).segment_at(
        KERNEL_VADDR + 0x1000,
        KERNEL_PADDR + 0x1000,
        &[2; 0x100],
        0x22_0000,
        RW,
    )
}

fn initialiser() -> TestElf {
    TestElf::new(0x40_0000)
        .segment(0x40_0000, &[3; 0x1800], 0x1800, RX)
        .segment(0x40_2000, &[0; 0x20], 0x5000, RW)
        .symbol("initialiser_payload", 0x40_2000, 8)
        .symbol("initialiser_payload_bytes", 0x40_2008, 8)
}

fn loader() -> TestElf {
    TestElf::new(0x4020_0000).segment(0x4020_0000, &[4; 0x100], 0x4000, RX).symbol(
        "loader_payload",
        0x4020_0080,
        8,
    )
}

fn elf(test: &TestElf) -> Elf {
    Elf::parse(&test.bytes()).unwrap()
}

/// The good system with its programs.
fn image() -> BootImage {
    image_of(&kernel(), &initialiser(), &loader()).unwrap()
}

fn image_of(kernel: &TestElf, initialiser: &TestElf, loader: &TestElf) -> Result<BootImage, BootImageError> {
    let folder = tempfile::tempdir().unwrap();
    write_programs(folder.path(), &programs());
    let search = [folder.path().to_owned()];
    let checked = cofferdam_image::read("system.xml", GOOD, &platform(), Some(&search));
    assert!(!checked.refused, "{:#?}", checked.findings);
    let system = describe(&checked.system, &platform(), &checked.programs).unwrap();
    assemble(&platform(), &elf(kernel), elf(initialiser), elf(loader), system)
}

#[test]
fn the_header_says_what_lies_where() {
    let image = image();
    let header = image.header;
    assert_eq!(header.kernel_paddr, KERNEL_PADDR);
    assert_eq!(header.kernel_end_paddr, 0x4122_1000);
    // The user image: 2 MiB aligned behind the kernel; the payload on the page behind the initialiser's .bss.
    assert_eq!(header.user_start_paddr, 0x4140_0000);
    assert_eq!(header.payload_paddr, 0x4140_7000);
    assert_eq!(header.user_end_paddr, header.payload_paddr + image.payload.len() as u64);
    assert_eq!(header.user_offset, 0x4140_0000 - 0x40_0000);
    let parts = header.checked_parts().unwrap();
    assert_eq!(parts.len(), 4);
    assert!(parts.iter().all(|part| part.source_paddr == part.destination_paddr));
    assert_eq!((parts[1].file_bytes, parts[1].memory_bytes), (0x100, 0x22_0000));
    // Patched into loader and initialiser.
    let boot = Elf::parse(&image.file).unwrap();
    let word = |paddr: u64| {
        let (segment, offset) = boot.locate(paddr, 8).unwrap();
        u64::from_le_bytes(boot.segments[segment].bytes[offset..offset + 8].try_into().unwrap())
    };
    assert_eq!(boot.entry, 0x4020_0000);
    assert_eq!(word(0x4020_0080), header.user_end_paddr);
    assert_eq!(word(0x4140_2000), 0x40_7000);
    assert_eq!(word(0x4140_2008), image.payload.len() as u64);
}

#[test]
fn the_description_holds_the_system() {
    let image = image();
    let payload = Aligned::new(&image.payload);
    let spec = SystemSpec::new(payload.bytes()).unwrap();
    assert_eq!((spec.header.image_vaddr, spec.header.payload_vaddr), (0x40_0000, 0x40_7000));
    assert_eq!(spec.header.uart_paddr, 0x0900_0000);
    let names: Vec<&str> = spec.protection_domains().map(|domain| domain.name()).collect();
    assert_eq!(names, ["driver", "manager", "app_0", "app_1"]);
    let domains: Vec<_> = spec.protection_domains().collect();
    let [driver, manager, app_0, app_1] = domains.as_slice() else { panic!() };

    assert_eq!(driver.record.priority, 200);
    assert!(driver.has_endpoint() && manager.has_endpoint() && !app_0.has_endpoint());
    assert_eq!((app_0.parent(), app_0.record.child_id), (Some(1), 3));
    assert_eq!((app_1.parent(), app_1.record.child_id), (Some(1), 4));
    assert_eq!(manager.record.stack_bytes, 0x4000);
    assert_eq!(manager.record.ipc_buffer_vaddr, 0xff_ffff_f000);
    assert_eq!(manager.record.initial_sp, 0xff_ffff_e000);
    let irq = driver.irqs()[0];
    assert_eq!((irq.number, irq.id, irq.edge), (33, 0, 1));

    let of = |domain: &cofferdam_system_spec::reader::DomainView<'_>| -> Vec<(u32, u32, u32, u64)> {
        let capabilities = domain.capabilities().iter();
        capabilities.map(|one| (one.slot, one.kind, one.target, one.badge)).collect()
    };
    assert_eq!(of(driver), [(10 + 1, CAPABILITY_NOTIFICATION, 1, 1 << 1)]);
    assert_eq!(
        of(manager),
        [
            (74 + 1, CAPABILITY_ENDPOINT, 0, (1 << 63) | 1),
            (202 + 3, CAPABILITY_TCB, 2, 0),
            (202 + 4, CAPABILITY_TCB, 3, 0)
        ]
    );
    assert_eq!(of(app_0), [(10 + 2, CAPABILITY_NOTIFICATION, 1, 1 << 5)]);
    assert_eq!(of(app_1), []);

    let regions = spec.regions();
    assert_eq!(regions[0].flags, DEVICE);
    assert_eq!((regions[2].flags, regions[2].page_bytes), (CONTIGUOUS, 0x1000));
    assert_eq!(regions[3].page_bytes, 0x20_0000);
    let map = manager.maps()[0];
    assert_eq!((map.vaddr, map.rights, map.cached), (0x1_0000_0000, READ, 1));
    assert_eq!(driver.maps()[1].cached, 0);
    assert_eq!(driver.maps()[0].rights, READ | WRITE);
}

#[test]
fn symbols_take_their_values() {
    let image = image();
    let payload = Aligned::new(&image.payload);
    let spec = SystemSpec::new(payload.bytes()).unwrap();
    let domains: Vec<_> = spec.protection_domains().collect();
    let word = |domain: usize, symbol: u64| {
        let segment = &domains[domain].segments()[1];
        let offset = (0x68 + 8 * symbol) as usize;
        u64::from_le_bytes(spec.segment_bytes(segment)[offset..offset + 8].try_into().unwrap())
    };
    let runtime = |domain: usize| {
        let bytes = spec.segment_bytes(&domains[domain].segments()[1]);
        let at = |offset: usize| u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap());
        let name = bytes[..64].split(|byte| *byte == 0).next().unwrap().to_vec();
        (String::from_utf8(name).unwrap(), at(0x48), at(0x50), at(0x58))
    };
    // uart, dma, dma_size, dma_paddr (left to the initialiser), irq, manager_channel
    assert_eq!(
        [0, 1, 2, 3, 4, 5].map(|symbol| word(0, symbol)),
        [0x3_0000_0000, 0x2_0000_0000, 0x4000, 0, 0, 1]
    );
    // ring, heap, app_0_child, driver_channel
    assert_eq!([0, 1, 2, 3].map(|symbol| word(1, symbol)), [0x1_0000_0000, 0x2_0000_0000, 3, 1]);
    assert_eq!([0, 1].map(|symbol| word(2, symbol)), [0x1_0000_0000, 2]);
    // Name, interrupts, notifications, protected procedures.
    assert_eq!(runtime(0), ("driver".to_owned(), 1, 1 << 1, 0));
    assert_eq!(runtime(1), ("manager".to_owned(), 0, 0, 1 << 1));
    assert_eq!(runtime(2), ("app_0".to_owned(), 0, 1 << 2, 0));
    // The one address that only the initialiser knows.
    let [patch] = spec.paddr_patches() else { panic!() };
    let segment = &domains[0].segments()[1];
    assert_eq!(patch.payload_offset, segment.payload_offset + 0x68 + 3 * 8);
    assert_eq!(spec.name(spec.regions()[patch.region as usize].name), "dma");
}

#[test]
fn read_only_segments_are_shared_and_writable_ones_are_not() {
    let image = image();
    let payload = Aligned::new(&image.payload);
    let spec = SystemSpec::new(payload.bytes()).unwrap();
    let domains: Vec<_> = spec.protection_domains().collect();
    let offsets = |domain: usize| -> Vec<u64> {
        domains[domain].segments().iter().map(|segment| segment.payload_offset).collect()
    };
    let (app_0, app_1) = (offsets(2), offsets(3));
    assert_eq!(app_0[0], app_1[0], "code");
    assert_ne!(app_0[1], app_1[1], "symbols with other values");
    assert_ne!(app_0[2], app_1[2], "data");
    assert!(app_0.iter().chain(&app_1).all(|offset| offset.is_multiple_of(0x1000)));
    let data = &domains[2].segments()[2];
    assert_eq!((data.file_bytes, data.memory_bytes), (16, 0x3000));
    assert_eq!(spec.segment_bytes(data), [7; 16]);
    let pages = spec.segment_pages(data).unwrap();
    assert!(pages.len() == 0x1000 && pages[16..].iter().all(|byte| *byte == 0));
}

#[test]
fn an_image_can_be_inspected() {
    let image = image();
    let inspection = inspect(&image.file).unwrap();
    assert_eq!(inspection.header, image.header);
    let text = inspection.text();
    assert!(text.contains("app_0") && text.contains("< manager") && text.contains("region dma 0x4000 bytes"));
    let json = inspection.json();
    assert_eq!(json["figures"]["protection_domains"][0]["name"], "driver");
    assert_eq!(json["figures"]["protection_domains"].as_array().unwrap().len(), 4);
    // app_0 and app_1 run the same program, with other values in it.
    let digest =
        |index: usize| json["figures"]["protection_domains"][index]["sha256"].as_str().unwrap().to_owned();
    assert_ne!(digest(2), digest(3));
    assert!(inspect(&kernel().bytes()).unwrap_err().to_string().contains("no boot header"));
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let refused = |result: Result<BootImage, BootImageError>, words: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    };
    let moved = TestElf::new(KERNEL_VADDR).segment_at(KERNEL_VADDR, 0x4200_0000, &[1], 1, RX);
    refused(
        image_of(&moved, &initialiser(), &loader()),
        "kernel starts at 0x42000000, the platform has it at 0x41000000",
    );
    let torn = kernel().segment_at(KERNEL_VADDR + 0x40_0000, KERNEL_PADDR + 0x30_0000, &[1], 1, RW);
    refused(image_of(&torn, &initialiser(), &loader()), "outside its window");
    let mut odd = initialiser();
    odd.segments[0].0 += 0x10;
    refused(image_of(&kernel(), &odd, &loader()), "not a page's start");
    let mut nameless = initialiser();
    nameless.symbols.clear();
    refused(image_of(&kernel(), &nameless, &loader()), "initialiser: symbol 'initialiser_payload' is not in");
    let mut high = loader();
    high.segments[0].0 += 0xff_ff00_0000;
    refused(image_of(&kernel(), &initialiser(), &high), "link both equal");
    let large = loader().segment(0x4100_0000, &[1], 1, RX);
    refused(image_of(&kernel(), &initialiser(), &large), "does not fit into 0x40200000-0x41000000");
    let double = loader().segment(0x4020_0080, &[1], 1, RX);
    refused(image_of(&kernel(), &initialiser(), &double), "overlaps loader");
}

/// Errors when one program of the good system is replaced.
fn with_program(name: &'static str, program: &TestElf) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    write_programs(folder.path(), &programs());
    std::fs::write(folder.path().join(name), program.bytes()).unwrap();
    let search = [folder.path().to_owned()];
    let checked = cofferdam_image::read("system.xml", GOOD, &platform(), Some(&search));
    checked.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn programs_that_do_not_fit_are_refused() {
    let manager = || programs().into_iter().nth(1).unwrap().1;
    let refused = |program: &TestElf, place: &str, words: &str| {
        let found = with_program("manager.elf", program);
        let right =
            |line: &String| line.starts_with(&format!("system.xml:{place}: error: ")) && line.contains(words);
        assert!(found.iter().any(right), "expected '{place}: {words}', found {found:#?}");
    };
    assert_eq!(with_program("manager.elf", &manager()), [""; 0]);

    let mut other = manager();
    other.machine = 62;
    refused(&other, "14:20", "built for machine 62");
    let mut shared = manager();
    shared.kind = 3;
    refused(&shared, "14:20", "link it as one (no -pie, no -shared)");
    let mut nameless = manager();
    nameless.symbols.retain(|(name, _, _)| *name != "microkit_pps");
    refused(&nameless, "14:20", "symbol 'microkit_pps' is missing");
    let mut short = manager();
    short.symbols[0].2 = 16;
    refused(&short, "14:20", "symbol 'microkit_name' has 16 bytes; it must have 64");
    refused(&manager().segment(0x20_2f00, &[1], 1, R), "14:20", "segments share a page");
    refused(&manager().segment(0x30_0000, &[1], 1, 7), "14:20", "writable and executable");
    refused(&manager().segment(0, &[1], 1, R), "14:20", "covers the null page");
    refused(
        &manager().segment(0x1_0000_1000, &[1], 1, R),
        "15:20",
        "overlaps the program's segment 0x100001000-0x100002000",
    );
    refused(&manager().segment(0xff_ffff_d000, &[1], 1, R), "14:20", "reaches the stack");
    let mut entry = manager();
    entry.entry = 0x20_1000;
    refused(&entry, "14:20", "lies in no executable segment");
    let mut moved = manager();
    moved.entry = 0x20_0002;
    refused(&moved, "18:22", "is entered at 0x200000, its parent's at 0x200002");
    let mut without = manager();
    without.symbols.retain(|(name, _, _)| *name != "heap");
    refused(&without, "16:40", "setvar 'heap': in manager.elf, there is no such symbol");
    let mut narrow = manager();
    narrow.symbols.iter_mut().for_each(|symbol| {
        if symbol.0 == "heap" {
            symbol.2 = 4
        }
    });
    refused(&narrow, "16:40", "has 4 bytes; a setvar takes exactly 8");
    let mut nowhere = manager();
    nowhere.symbols.iter_mut().for_each(|symbol| {
        if symbol.0 == "heap" {
            symbol.1 = 0x900_0000
        }
    });
    refused(&nowhere, "16:40", "lies in no loadable segment");
    refused(&manager().symbol("heap", 0x20_1100, 8), "16:40", "exists more than once");
    let volatile = manager()
        .symbol("__data_pristine", 0x20_1180, 0)
        .symbol("__data_start", 0x20_2000, 0)
        .symbol("__data_end", 0x20_2010, 0)
        .symbol("__bss_start", 0x20_2010, 0)
        .symbol("__bss_end", 0x20_5000, 0);
    refused(&volatile, "14:20", "finish-pd");
    let mut rewritten = volatile;
    rewritten.symbols.iter_mut().for_each(|symbol| {
        if symbol.0 == "heap" {
            symbol.1 = 0x20_3000
        }
    });
    refused(&rewritten, "16:40", "which every restart rewrites");

    // Everything wrong with everything comes at once.
    std::assert_eq!(
        with_program("manager.elf", &{
            let mut bad = manager();
            bad.symbols.clear();
            bad
        })
        .len(),
        6 + 4
    );
}

#[test]
fn a_missing_program_is_named_with_the_folders_searched() {
    let search = [PathBuf::from("/nowhere/a"), PathBuf::from("/nowhere/b")];
    let checked = cofferdam_image::read("system.xml", GOOD, &platform(), Some(&search));
    let first = checked.findings.first().unwrap().to_string();
    assert!(first.starts_with("system.xml:7:20: error: program image 'driver.elf' does not exist; looked in: /nowhere/a, /nowhere/b"), "{first}");
    // app.elf is named by two protection domains and reported once.
    assert_eq!(checked.findings.len(), 3);
}

#[test]
fn elf_files_that_are_none() {
    assert!(matches!(Elf::parse(b""), Err(ElfError::Malformed(_))));
    assert!(matches!(Elf::parse(&[0x7f; 200]), Err(ElfError::Malformed(_))));
    assert_eq!(Elf::parse(&TestElf::new(0).bytes()).unwrap_err(), ElfError::Empty);
    let mut tls = TestElf::program(&[]);
    tls.segments[2].5 = 7;
    assert!(matches!(Elf::parse(&tls.bytes()), Err(ElfError::Unsupported("thread-local storage"))));
    let mut wrapped = TestElf::program(&[]);
    wrapped.segments[2].0 = u64::MAX - 1;
    assert!(matches!(Elf::parse(&wrapped.bytes()), Err(ElfError::BadSegment(_))));
    let mut truncated = TestElf::program(&[]).bytes();
    truncated.truncate(300);
    assert!(Elf::parse(&truncated).is_err());
}

#[test]
fn symbols_are_written_in_place() {
    let mut program = elf(&TestElf::program(&["value"]).symbol("late", 0x20_4000, 8));
    program.write_symbol("value", &7_u64.to_le_bytes()).unwrap();
    assert_eq!(program.segments[1].bytes[0x68..0x70], 7_u64.to_le_bytes());
    assert_eq!(program.write_symbol("value", &[0; 4]), Err(SymbolError::Size(8, 4)));
    assert_eq!(program.write_symbol("absent", &[0; 8]), Err(SymbolError::Missing));
    // A symbol in .bss makes the file's bytes reach that far.
    program.write_symbol("late", &[9; 8]).unwrap();
    assert_eq!(program.segments[2].bytes.len(), 0x2008);
}

#[test]
fn finishing_copies_data() {
    let program = || {
        TestElf::program(&[])
            .symbol("__data_pristine", 0x20_1180, 0)
            .symbol("__data_start", 0x20_2000, 0)
            .symbol("__data_end", 0x20_2010, 0)
            .symbol("__bss_start", 0x20_2010, 0)
            .symbol("__bss_end", 0x20_5000, 0)
    };
    let mut file = program().bytes();
    finish(&Elf::parse(&file).unwrap(), &mut file).unwrap();
    let finished = Elf::parse(&file).unwrap();
    assert_eq!(finished.segments[1].bytes[0x180..0x190], [7; 16]);
    assert_eq!(cofferdam_image::program::faults(&finished), [""; 0]);
    assert_eq!(cofferdam_image::program::faults(&elf(&program())), [PristineError::Unfinished.to_string()]);

    let mut bare = TestElf::program(&[]).bytes();
    let error = finish(&Elf::parse(&bare).unwrap(), &mut bare).unwrap_err();
    assert_eq!(error, PristineError::NoSymbols("__data_pristine"));
    let mut half = program();
    half.symbols.retain(|(name, _, _)| *name != "__bss_end");
    assert_eq!(finish(&elf(&half), &mut half.bytes()), Err(PristineError::NoSymbols("__bss_end")));
    let mut outside = program();
    outside.symbols.iter_mut().for_each(|symbol| {
        if symbol.0 == "__data_end" {
            symbol.1 = 0x20_4000
        }
    });
    assert_eq!(finish(&elf(&outside), &mut outside.bytes()), Err(PristineError::OutOfFile));
}

#[test]
fn the_command_builds_checks_and_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_programs(folder.path(), &programs());
    write_programs(
        folder.path(),
        &[("kernel.elf", kernel()), ("initialiser.elf", initialiser()), ("loader.elf", loader())],
    );
    std::fs::write(path("system.xml"), GOOD).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cofferdam-image"));
        let output = command.current_dir(folder.path()).args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let build = [
        "--system",
        "system.xml",
        "--search-path",
        ".",
        "--kernel",
        "kernel.elf",
        "--initialiser",
        "initialiser.elf",
        "--loader",
        "loader.elf",
        "--output",
        "image.elf",
        "--report",
        "report.txt",
    ];
    assert_eq!(run(&build), (Some(0), String::new(), String::new()));
    assert!(std::fs::read_to_string(path("report.txt")).unwrap().contains("RAM of the system"));
    let (status, out, _) = run(&["inspect", "image.elf", "--json"]);
    assert_eq!(status, Some(0));
    assert!(out.contains("\"ram_bytes\""));
    assert_eq!(run(&["check", "system.xml"]).0, Some(0));
    assert_eq!(run(&["check", "system.xml", "--search-path", "."]).0, Some(0));

    std::fs::write(path("system.xml"), GOOD.replace("size=\"0x2000\"", "size=\"1\"")).unwrap();
    std::fs::remove_file(path("image.elf")).unwrap();
    let (status, _, err) = run(&build);
    assert_eq!(status, Some(1));
    assert!(err.starts_with("system.xml:3:30: error: size 0x1 is not a multiple"), "{err}");
    assert!(!path("image.elf").exists());

    // More RAM than there is.
    let huge = GOOD.replace("size=\"0x400000\"", "size=\"0x10000000\"");
    std::fs::write(path("system.xml"), huge).unwrap();
    let (status, _, err) = run(&build);
    assert!(status == Some(1) && err.contains("KiB of RAM, qemu-virt-aarch64 has"), "{err}");

    // More pages than the initialiser has slots for, in RAM that would do.
    let slots = platform().root_cnode_slots;
    let small =
        GOOD.replace("size=\"0x400000\"", &format!("size=\"{:#x}\" page_size=\"0x1000\"", slots << 12));
    std::fs::write(path("system.xml"), small).unwrap();
    let (status, _, err) = run(&build);
    assert!(
        status == Some(1)
            && err.contains(&format!("capability slots for this system, its CNode has {slots}")),
        "{err}"
    );
    assert!(
        err.contains(&format!("ROOT_CNODE_SIZE_BITS in kernel/build/seL4.conf to {}", slots.ilog2() + 1)),
        "{err}"
    );
    assert!(!path("image.elf").exists());
}

proptest::proptest! {
    #[test]
    fn arbitrary_elf_bytes_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        drop(Elf::parse(&bytes));
    }

    #[test]
    fn a_damaged_elf_never_panics(at in 0..4000_usize, value: u8) {
        let mut bytes = TestElf::program(&["x"]).bytes();
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
        if let Ok(elf) = Elf::parse(&bytes) {
            cofferdam_image::program::faults(&elf);
            drop(finish(&elf, &mut bytes));
        }
    }

    #[test]
    fn a_damaged_image_never_panics(at in 0..0x9000_usize, value: u8) {
        static IMAGE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut bytes = IMAGE.get_or_init(|| image().file).clone();
        let length = bytes.len();
        bytes[length - 1 - at % length] = value;
        drop(inspect(&bytes));
    }
}
