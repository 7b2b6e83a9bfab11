// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A recording as `cofferdam replay` gets it from whoever answers in a device's name. The first byte says whether the
//! rest are entries, or orders and entries to run a module from.

use cofferdam_host_abi::{Limits, Shape};
use cofferdam_recording::{Ending, Entry, Recorder, Replay, Tape, read_part};
use cofferdam_runtime::{Host, Level};
use cofferdam_shared_memory::SharedRegion;
use cofferdam_slot_protocol::{Command, ORDERS_BYTES, Orders};

/// Reads a sensor, moves a little, logs: some of each kind of entry.
const MODULE: &str = r#"(module
    (import "cofferdam" "sensor_read" (func $read (param i32 i32 i32) (result i32)))
    (import "cofferdam" "actuator_write" (func $write (param i32 f64) (result i32)))
    (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "cofferdam_init"))
    (func (export "cofferdam_tick") (param i64)
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 64)))
        (drop (call $write (i32.const 4) (f64.load (i32.const 8))))
        (drop (call $log (i32.const 3) (i32.const 0) (i32.const 1)))))"#;

/// Entries come back as they were read, and reading goes forward; a replay ends.
pub fn run(input: &[u8]) -> bool {
    let Some((kind, bytes)) = input.split_first() else { return false };
    if kind % 2 == 0 { entries(bytes) } else { replay(bytes) }
}

fn entries(mut rest: &[u8]) -> bool {
    let (mut release_us, mut seen) = (0, false);
    loop {
        let before = rest.len();
        let Some(entry) = Entry::decode(&mut rest, release_us) else { return seen };
        assert!(rest.len() < before, "it goes forward");
        let mut bytes = Vec::new();
        entry.encode(release_us, &mut |piece| bytes.extend_from_slice(piece));
        // As text, because of numbers that are none.
        let again = Entry::decode(&mut bytes.as_slice(), release_us).unwrap();
        assert_eq!(format!("{entry:?}"), format!("{again:?}"));
        if let Entry::Begin { release_us: at_us, .. } = entry {
            release_us = at_us;
        }
        seen = true;
    }
}

fn replay(bytes: &[u8]) -> bool {
    let Ok(mut replay) = Replay::new(bytes, &wat::parse_str(MODULE).unwrap()) else { return false };
    let limits = &replay.orders().limits;
    assert_eq!(limits.check(), Ok(()), "orders are within the slot's limits");
    // Each activation takes bytes of the recording.
    for _ in 0..=bytes.len() {
        match replay.step() {
            Ok(Some(step)) if step.difference.is_none() => {}
            _ => return true,
        }
    }
    panic!("a replay that does not end");
}

/// A host that always answers the same.
struct Still;

impl Host for Still {
    fn now_us(&mut self) -> u64 {
        5
    }

    fn sensor_read(&mut self, _: u32) -> Result<cofferdam_runtime::Reading, cofferdam_host_abi::ErrorCode> {
        Ok(cofferdam_runtime::Reading::new(4, &[0.25]))
    }

    fn sensor_info(
        &mut self,
        _: u32,
    ) -> Result<cofferdam_runtime::SensorInfo, cofferdam_host_abi::ErrorCode> {
        Err(cofferdam_host_abi::ErrorCode::NotReady)
    }

    fn lease_acquire(&mut self, _: u32, duration_us: u64) -> Result<u64, cofferdam_host_abi::ErrorCode> {
        Ok(duration_us)
    }

    fn actuator_write(&mut self, _: u32, _: f64) -> Result<(), cofferdam_host_abi::ErrorCode> {
        Ok(())
    }

    fn lease_release(&mut self, _: u32) -> Result<(), cofferdam_host_abi::ErrorCode> {
        Ok(())
    }

    fn log(&mut self, _: Level, _: &str) {}
}

/// A recording of two ticks: whole, and its entries alone.
pub fn seeds() -> Vec<Vec<u8>> {
    let limits =
        Limits { memory_pages: 1, init_fuel: 10_000, fuel_per_activation: 10_000, ..Limits::DEFAULT };
    let orders =
        Orders { command: Command::Run, shape: Shape::Reactor, sensors: 1, limits, ..Orders::idle(1) };
    let region = SharedRegion::leaked(0x4000);
    let tape = Tape::begin(region, &orders).unwrap();
    let mut recorder = Recorder::new(Still, Some(tape));
    let mut app =
        cofferdam_runtime::App::load(&orders, &wat::parse_str(MODULE).unwrap(), Still).ok().unwrap();
    let mut counters = cofferdam_slot_protocol::Counters::default();
    app.count(&mut counters);
    recorder.end(counters.fuel_init, Ending::Continue);
    for tick in 0..2 {
        recorder.begin(tick * 10_000, tick * 10_000 + 9000);
        let _ = recorder.sensor_read(0);
        let _ = recorder.lease_acquire(4, 1000);
        let _ = recorder.now_us();
        recorder.log(Level::Info, "x");
        let ending = Ending::of(&app.activate(tick * 10_000, tick * 10_000 + 9000));
        app.count(&mut counters);
        recorder.end(counters.fuel_last, ending);
    }
    let bytes = read_part(region, 0, 0x4000).unwrap().bytes;
    vec![[&[0], &bytes[ORDERS_BYTES..]].concat(), [&[1], bytes.as_slice()].concat()]
}
