// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use std::string::String;
use std::vec::Vec;

use cofferdam_log_ring::{Line, Origin, Producer, Reader, layout};
use cofferdam_shared_memory::SharedRegion;
use log::Level;
use proptest::prelude::*;

use super::*;

const RING_BYTES: usize = 0x2000;

/// An output that takes so many bytes at a time.
struct Fifo {
    seen: Vec<u8>,
    room: usize,
}

impl Output for Fifo {
    fn try_write(&mut self, byte: u8) -> bool {
        if self.room == 0 {
            return false;
        }
        self.room -= 1;
        self.seen.push(byte);
        true
    }
}

fn ring(name: &'static str) -> (Producer, Source, SharedRegion) {
    let region = SharedRegion::leaked(RING_BYTES);
    let producer = Producer::attach(region).unwrap();
    (producer, Source::new(name, Reader::new(region).unwrap()), region)
}

fn own(time_us: u64, text: &[u8]) -> Line<'_> {
    Line { time_us, level: Level::Info, origin: Origin::ProtectionDomain, name: b"", text }
}

/// All that a console has to say, with room for `room` bytes at each interrupt.
fn print<const N: usize>(console: &mut Console<N>, now_us: u64, room: usize) -> String {
    let mut fifo = Fifo { seen: Vec::new(), room };
    while console.pump(&mut fifo, now_us) == Progress::More {
        fifo.room = room;
    }
    String::from_utf8(fifo.seen).unwrap()
}

#[test]
fn lines_are_merged_in_the_order_of_time() {
    let ((a, source_a, _), (b, source_b, _)) = (ring("net_driver"), ring("app_slot_0"));
    a.push(own(1_234_567, b"up"));
    a.push(own(3_000_000, b"link"));
    b.push(Line { origin: Origin::App, name: b"hello", ..own(2_000_001, b"Hello!") });
    let mut console = Console::new([source_a, source_b]);
    let expected = "[    1.234567] net_driver: up\r\n\
                    [    2.000001] app_slot_0/hello: Hello!\r\n\
                    [    3.000000] net_driver: link\r\n";
    assert_eq!(print(&mut console, 10_000_000, 16), expected);
    assert_eq!(print(&mut console, 10_000_000, 16), "");
    b.push(own(100_000_000_000, b"from the future"));
    assert_eq!(print(&mut console, 10_000_000, 1), "[   10.000000] app_slot_0: from the future\r\n");
}

#[test]
fn text_commands_no_terminal() {
    let mut text = String::new();
    sanitise("ok ü\t\x1b[2J\n\r\u{9b}\u{202e}\u{7f}".as_bytes(), &mut text).unwrap();
    sanitise(b"\xff\xc3", &mut text).unwrap();
    assert_eq!(text, "ok ü \\x1b[2J\\n\\r\\x9b\\u{202e}\\x7f\\xff\\xc3");
}

#[test]
fn nobody_speaks_in_another_s_name() {
    let (producer, source, _) = ring("app_slot_1");
    producer.push(Line {
        origin: Origin::App,
        name: b"x\r\n[    0.000001] wasm_manager",
        ..own(5, b"fine\r\n[    0.000001] wasm_manager: installed")
    });
    let printed = print(&mut Console::new([source]), 10, 9999);
    assert_eq!(printed.matches('\n').count(), 1);
    assert!(printed.starts_with("[    0.000005] app_slot_1/x\\r\\n[    0.000001] wasm_manager: fine\\r\\n["));
}

#[test]
fn long_lines_are_cut_at_a_character() {
    let (producer, source, _) = ring("gateway");
    producer.push(own(0, "\u{202e}".repeat(300).as_bytes()));
    producer.push(own(0, &[0x1b; 1000]));
    let printed = print(&mut Console::new([source]), 0, 9999);
    for line in printed.lines() {
        assert!(line.ends_with("...") && line.len() <= 2046, "{}", line.len());
    }
    assert_eq!(printed.lines().count(), 2);
}

#[test]
fn a_wake_writes_a_bounded_number_of_bytes() {
    let (producer, source, _) = ring("gateway");
    for _ in 0..100 {
        producer.push(own(0, &[b'x'; 60]));
    }
    let mut console = Console::new([source]);
    let mut fifo = Fifo { seen: Vec::new(), room: usize::MAX };
    assert_eq!(console.pump(&mut fifo, 0), Progress::More);
    assert_eq!(fifo.seen.len(), BYTES_PER_WAKE);
}

#[test]
fn lost_bytes_are_said() {
    let (producer, source, _) = ring("gateway");
    for index in 0..1000 {
        producer.push(own(index, b"a line"));
    }
    let mut console = Console::new([source]);
    let printed = print(&mut console, 5_000_000, 9999);
    let lost = 1000 * 24 - printed.matches("a line").count() * 24;
    let note = std::format!("[    5.000000] console: gateway: {lost} bytes of its log were lost\r\n");
    assert!(printed.starts_with(&note), "{printed}");
    assert_eq!(console.sources()[0].lost_total_bytes(), lost as u64);
}

#[test]
fn a_flood_with_early_times_does_not_keep_others_waiting() {
    let ((flood, source_a, _), (quiet, source_b, _)) = (ring("app_slot_0"), ring("wasm_manager"));
    for _ in 0..300 {
        flood.push(own(0, b"mine!"));
    }
    quiet.push(own(77, b"installed"));
    let printed = print(&mut Console::new([source_a, source_b]), 100, 9999);
    let place = printed.lines().position(|line| line.contains("wasm_manager: installed"));
    assert_eq!(place, Some(8), "after one round of the flood");
}

#[test]
fn a_broken_ring_is_said_once_and_again_once_a_second_and_others_go_on() {
    let ((_a, source_a, region), (b, source_b, _)) = (ring("app_slot_0"), ring("wasm_manager"));
    region.store_u64_relaxed(0, 77).unwrap();
    let mut console = Console::new([source_a, source_b]);
    let mut printed = String::new();
    for now_us in (1_000_000..3_000_000).step_by(100_000) {
        b.push(own(now_us, b"alive"));
        printed += &print(&mut console, now_us, 64);
    }
    assert_eq!(printed.matches("app_slot_0: log ring: unknown header").count(), 1);
    // One that breaks again and again.
    for now_us in (3_000_000..5_000_000).step_by(100_000) {
        region.store_u64_relaxed(0, layout::MAGIC).unwrap();
        b.push(own(now_us, b"alive"));
        printed += &print(&mut console, now_us, 64);
        region.store_u64_relaxed(0, 77).unwrap();
        printed += &print(&mut console, now_us, 64);
    }
    assert_eq!(printed.matches("app_slot_0: log ring: unknown header").count(), 3);
    assert_eq!(printed.matches("alive").count(), 40);
}

proptest! {
    #[test]
    fn any_text_stays_on_its_line(bytes in proptest::collection::vec(any::<u8>(), 0..1200), name in any::<[u8; 40]>()) {
        let (producer, source, _) = ring("app_slot_0");
        producer.push(Line { origin: Origin::App, name: &name, ..own(0, &bytes) });
        let printed = print(&mut Console::new([source]), 0, 7);
        prop_assert!(printed.ends_with("\r\n"));
        prop_assert!(!printed[..printed.len() - 2].chars().any(char::is_control));
    }

    /// Whatever lies in a ring, printing ends and stays printable.
    #[test]
    fn any_ring_is_printed_without_harm(
        words in proptest::collection::vec(prop_oneof![0u64..5000, any::<u64>()], 5..600),
        positions in proptest::array::uniform2(prop_oneof![0u64..5000, any::<u64>()]),
    ) {
        let (_producer, source, region) = ring("app_slot_0");
        for (index, word) in words.iter().enumerate() {
            region.store_u64_relaxed(layout::DATA_OFFSET + 8 * index, *word).unwrap();
        }
        region.store_u64_relaxed(std::mem::offset_of!(layout::RingHeader, oldest), positions[0]).unwrap();
        region.store_u64_relaxed(std::mem::offset_of!(layout::RingHeader, written), positions[1]).unwrap();
        let mut console = Console::new([source]);
        let printed = print(&mut console, 0, 99);
        prop_assert!(printed.lines().all(|line| !line.chars().any(char::is_control)));
    }
}
