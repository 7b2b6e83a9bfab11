// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A real QEMU with a few hand-made instructions instead of an operating system.
#![allow(clippy::unwrap_used, reason = "the lint knows test functions, not what they call")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cofferdam_qemu::{Console, Machine, MachineOptions, StartError};

/// Prints "hi\n" on the PL011 and then waits for ever.
const PRINTER: [u32; 9] = [
    0xd2a1_2000, // mov x0, #0x09000000
    0x5280_0d01, // mov w1, #'h'
    0xb900_0001, // str w1, [x0]
    0x5280_0d21, // mov w1, #'i'
    0xb900_0001, // str w1, [x0]
    0x5280_0141, // mov w1, #'\n'
    0xb900_0001, // str w1, [x0]
    0xd503_207f, // wfi
    0x17ff_ffff, // b .-4
];

fn have_qemu() -> bool {
    let found = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join("qemu-system-aarch64").is_file())
    });
    if !found {
        eprintln!("no qemu-system-aarch64 on PATH: nothing was tested here");
    }
    found
}

fn image(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let bytes: Vec<u8> = PRINTER.iter().flat_map(|word| word.to_le_bytes()).collect();
    std::fs::write(&path, bytes).unwrap();
    path
}

fn wait_for_end(console: &Console) {
    let ended = console.wait_for_end(Instant::now() + Duration::from_secs(10));
    assert!(ended.is_ok() && console.ended(), "QEMU is still there");
}

#[test]
fn console_port_and_end() {
    if !have_qemu() {
        return;
    }
    let mut machine = Machine::start(&MachineOptions::new(image("printer.bin"))).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let (_, line) = machine.console().wait_for_text(0, deadline, "hi").unwrap();
    assert_eq!(line.text, "hi");
    let address = machine.management_address().unwrap();
    assert!(address.ip().is_loopback() && address.port() != 0);
    assert!(machine.is_running());
    let console = machine.console().clone();
    drop(machine);
    wait_for_end(&console);
}

/// Prints a line of "h" for ever.
const CHATTERER: [u32; 6] = [
    0xd2a1_2000, // mov x0, #0x09000000
    0x5280_0d01, // mov w1, #'h'
    0xb900_0001, // str w1, [x0]
    0x5280_0141, // mov w1, #'\n'
    0xb900_0001, // str w1, [x0]
    0x17ff_fffc, // b .-16
];

#[test]
fn a_held_machine_says_nothing_until_it_goes_on() {
    if !have_qemu() {
        return;
    }
    let path = image("chatterer.bin");
    let bytes: Vec<u8> = CHATTERER.iter().flat_map(|word| word.to_le_bytes()).collect();
    std::fs::write(&path, bytes).unwrap();
    let options = MachineOptions { network: false, ..MachineOptions::new(path) };
    let mut machine = Machine::start(&options).unwrap();
    let wait = |machine: &Machine, position, time| {
        machine.console().wait_for_text(position, Instant::now() + time, "h").is_ok()
    };
    assert!(wait(&machine, 0, Duration::from_secs(20)));
    machine.hold().unwrap();
    // What QEMU had written before it was held is read within a moment.
    let mut position = machine.console().position();
    let limit = Instant::now() + Duration::from_secs(20);
    while wait(&machine, position, Duration::from_millis(500)) {
        assert!(Instant::now() < limit, "it goes on");
        position = machine.console().position();
    }
    machine.go_on().unwrap();
    assert!(wait(&machine, position, Duration::from_secs(20)));
}

#[test]
fn a_machine_outlives_the_thread_that_asked_for_it() {
    if !have_qemu() {
        return;
    }
    let options = MachineOptions { network: false, ..MachineOptions::new(image("thread.bin")) };
    let mut machine = std::thread::spawn(move || Machine::start(&options).unwrap()).join().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    machine.console().wait_for_text(0, deadline, "hi").unwrap();
    assert!(machine.is_running());
    assert_eq!(machine.management_address(), None);
}

#[test]
fn a_panic_takes_the_machine_along() {
    if !have_qemu() {
        return;
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let outcome = std::thread::spawn(move || {
        let machine = Machine::start(&MachineOptions::new(image("panic.bin"))).unwrap();
        sender.send(machine.console().clone()).unwrap();
        panic!("on purpose");
    })
    .join();
    assert!(outcome.is_err());
    wait_for_end(&receiver.recv().unwrap());
}

#[test]
fn what_qemu_complains_about_is_shown() {
    if !have_qemu() {
        return;
    }
    let mut options = MachineOptions::new(image("complaint.bin"));
    options.extra_arguments = vec!["-device".into(), "no-such-device".into()];
    let Err(error) = Machine::start(&options) else { panic!("it started") };
    assert!(error.to_string().contains("no-such-device"), "{error}");
}

#[test]
fn a_missing_image_is_named() {
    let Err(error) = Machine::start(&MachineOptions::new("/nowhere/x.elf")) else { panic!("it started") };
    assert!(matches!(error, StartError::NoImage(_)));
    assert!(error.to_string().contains("/nowhere/x.elf"));
}
