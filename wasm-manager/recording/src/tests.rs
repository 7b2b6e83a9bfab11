// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cofferdam_device_protocol::topic::TopicName;
use cofferdam_host_abi::{ErrorCode, Shape};
use cofferdam_runtime::{App, Host, Level, Message, Reading, SensorInfo};
use cofferdam_shared_memory::SharedRegion;
use cofferdam_slot_protocol::{
    ActuatorGrant, Command, Counters, ORDERS_BYTES, Orders, StopReason, TopicGrant,
};
use proptest::prelude::*;

use super::*;

/// A world whose every answer differs from the one before.
#[derive(Default)]
struct World(u64);

impl World {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

impl Host for World {
    fn now_us(&mut self) -> u64 {
        self.next()
    }

    fn sensor_read(&mut self, _sensor: u32) -> Result<Reading, ErrorCode> {
        let value = self.next();
        if value.is_multiple_of(5) {
            return Err(ErrorCode::NotReady);
        }
        Ok(Reading::new(value, &[value as f64 / 1e9, -0.0, f64::INFINITY]))
    }

    fn sensor_info(&mut self, _sensor: u32) -> Result<SensorInfo, ErrorCode> {
        Ok(SensorInfo { values: 3, period_us: 1000 })
    }

    fn lease_acquire(&mut self, _actuator: u32, _duration_us: u64) -> Result<u64, ErrorCode> {
        Ok(self.next())
    }

    fn actuator_write(&mut self, _actuator: u32, _value: f64) -> Result<(), ErrorCode> {
        if self.next().is_multiple_of(7) { Err(ErrorCode::NoLease) } else { Ok(()) }
    }

    fn lease_release(&mut self, _actuator: u32) -> Result<(), ErrorCode> {
        Ok(())
    }

    fn publish(&mut self, _place: usize, _message: &[u8]) -> Result<(), ErrorCode> {
        if self.next().is_multiple_of(3) { Err(ErrorCode::RateLimited) } else { Ok(()) }
    }

    fn receive(&mut self, _place: usize) -> Result<Message, ErrorCode> {
        let time_us = self.next();
        Ok(Message::new(time_us, self.next(), &time_us.to_le_bytes()))
    }

    fn log(&mut self, _level: Level, _line: &str) {}
}

fn orders() -> Orders {
    let shape = Shape::Reactor;
    let mut orders = Orders { command: Command::Run, shape, sensors: 1, random_seed: 7, ..Orders::idle(3) };
    orders.actuators[4] = Some(ActuatorGrant { minimum: 0.0, maximum: 1.0 });
    let name = TopicName::new(b"pose").unwrap();
    orders.topics[2] = Some(TopicGrant { name, publish: true, receive: true });
    orders
}

/// Reads a sensor, works as long as it says, sets the brake to a function of the sum of all readings and its random
/// numbers, logs each fourth tick, and behaves as `last` says in tick 50.
fn module(last: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
        (import "cofferdam" "sensor_read" (func $read (param i32 i32 i32) (result i32)))
        (import "cofferdam" "lease_acquire" (func $lease (param i32 i64) (result i64)))
        (import "cofferdam" "actuator_write" (func $write (param i32 f64) (result i32)))
        (import "cofferdam" "now_us" (func $now (result i64)))
        (import "cofferdam" "publish" (func $publish (param i32 i32 i32 i32) (result i32)))
        (import "cofferdam" "receive" (func $receive (param i32 i32 i32 i32) (result i32)))
        (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 200) "a line")
        (data (i32.const 210) "pose")
        (global $sum (mut f64) (f64.const 0))
        (global $ticks (mut i32) (i32.const 0))
        (func (export "cofferdam_init") (drop (call $lease (i32.const 4) (i64.const 100000))))
        (func (export "cofferdam_tick") (param i64) (local $i i32)
          (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
          (if (i32.eq (global.get $ticks) (i32.const 50)) (then {last}))
          (drop (call $random (i32.const 100) (i32.const 4)))
          (if (i32.gt_s (call $read (i32.const 0) (i32.const 0) (i32.const 64)) (i32.const 0))
            (then (global.set $sum (f64.add (global.get $sum) (f64.load (i32.const 8))))))
          (local.set $i (i32.and (i32.wrap_i64 (call $now)) (i32.const 63)))
          (loop $again (local.set $i (i32.sub (local.get $i) (i32.const 1)))
            (br_if $again (i32.gt_s (local.get $i) (i32.const 0))))
          (drop (call $lease (i32.const 4) (i64.const 100000)))
          (drop (call $receive (i32.const 210) (i32.const 4) (i32.const 300) (i32.const 64)))
          (drop (call $publish (i32.const 210) (i32.const 4) (i32.const 300) (i32.const 20)))
          (drop (call $write (i32.const 4) (f64.div (global.get $sum)
            (f64.add (global.get $sum) (f64.convert_i32_u (i32.load (i32.const 100)))))))
          (if (i32.eqz (i32.and (global.get $ticks) (i32.const 3)))
            (then (drop (call $log (i32.const 3) (i32.const 200) (i32.const 6)))))))"#
    );
    wat::parse_str(text).unwrap()
}

/// Records `ticks` ticks as a slot does; gives the region.
fn record(module: &[u8], ticks: u64, region_bytes: usize) -> SharedRegion {
    let region = SharedRegion::leaked(region_bytes);
    let tape = Tape::begin(region, &orders()).unwrap();
    let mut app =
        App::load(&orders(), module, Recorder::new(World(1), Some(tape))).unwrap_or_else(|_| panic!());
    let mut counters = Counters::default();
    app.count(&mut counters);
    app.host().end(counters.fuel_init, Ending::Continue);
    for tick in 0..ticks {
        app.host().begin(tick * 10_000, tick * 10_000 + 9_000);
        let outcome = app.activate(tick * 10_000, tick * 10_000 + 9_000);
        app.count(&mut counters);
        let ending = Ending::of(&outcome);
        app.host().end(counters.fuel_last, ending);
        if ending != Ending::Continue {
            break;
        }
    }
    region
}

/// Fetches a recording in small pieces.
fn fetch(region: SharedRegion) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let part = read_part(region, bytes.len() as u32, 1000).unwrap();
        if part.bytes.is_empty() {
            assert_eq!(bytes.len(), part.header.length_bytes as usize);
            return bytes;
        }
        bytes.extend(part.bytes);
    }
}

/// Runs a recording to its end or its first difference.
fn replay(recording: &[u8], module: &[u8]) -> Result<Vec<Step>, Malformed> {
    let mut replay = Replay::new(recording, module)?;
    let mut steps = Vec::new();
    while let Some(step) = replay.step()? {
        steps.push(step);
    }
    Ok(steps)
}

fn difference(steps: &[Step]) -> Difference {
    assert!(steps.iter().rev().skip(1).all(|step| step.difference.is_none()), "it ends with the first");
    steps.last().unwrap().difference.clone().unwrap()
}

#[test]
fn a_replay_is_the_same_in_everything() {
    let module = module("nop");
    let region = record(&module, 300, 0x1_0000);
    let header = read_header(region).unwrap();
    assert_eq!((header.generation, header.full, header.activations), (3, false, 301));
    let steps = replay(&fetch(region), &module).unwrap();
    assert_eq!(steps.len(), 301);
    assert!(steps.iter().all(|step| step.difference.is_none() && step.ending == Ending::Continue));
    assert_eq!((steps[7].number, steps[7].release_us, steps[7].deadline_us), (7, 60_000, 69_000));
    assert!(steps.iter().any(|step| step.calls.iter().any(|call| call.contains("not ready"))));
    let writes = |steps: &[Step]| {
        steps.iter().flat_map(|step| &step.calls).filter(|call| call.starts_with("set")).count()
    };
    assert_eq!(writes(&steps), 300);
    let topics = |step: &Step| step.calls.iter().filter(|call| call.contains(" topic 2: ")).count();
    assert!(steps[1..].iter().all(|step| topics(step) == 2), "{:?}", steps[1].calls);
}

#[test]
fn how_an_app_ended_is_replayed_too() {
    for (last, ending) in [
        ("unreachable", Ending::Stopped(StopReason::Unreachable)),
        ("(loop $l (br $l))", Ending::Stopped(StopReason::FuelExhausted)),
    ] {
        let module = module(last);
        let steps = replay(&fetch(record(&module, 300, 0x1_0000)), &module).unwrap();
        assert_eq!((steps.len(), steps[50].ending), (51, ending));
        assert_eq!(steps[50].difference, None);
    }
}

#[test]
fn another_module_is_found_out_at_its_first_difference() {
    let recording = fetch(record(&module("nop"), 300, 0x1_0000));
    // In tick 50 it uses a little more fuel, and nothing else.
    let difference = difference(&replay(&recording, &module("nop nop (drop (i32.const 1))")).unwrap());
    assert_eq!(difference.activation, 50);
    assert!(difference.recorded.starts_with("end with ") && difference.replayed.starts_with("end with "));
    assert_ne!(difference.recorded, difference.replayed);
    let other = difference_of(&recording, &module("(drop (call $now))"));
    assert_eq!((other.activation, other.call, other.replayed.as_str()), (50, 1, "now"));
    assert!(other.recorded.starts_with("read sensor 0: "), "{other}");
}

fn difference_of(recording: &[u8], module: &[u8]) -> Difference {
    difference(&replay(recording, module).unwrap())
}

#[test]
fn a_changed_answer_is_found_out_where_it_first_makes_a_difference() {
    let module = module("nop");
    let mut recording = fetch(record(&module, 300, 0x1_0000));
    // The first sample of tick 20: one bit of its value.
    let (mut rest, mut release_us, mut begun) = (&recording[ORDERS_BYTES..], 0, 0);
    let at = loop {
        let before = rest.len();
        match Entry::decode(&mut rest, release_us).unwrap() {
            Entry::Begin { release_us: at_us, .. } => (release_us, begun) = (at_us, begun + 1),
            Entry::SensorRead { answer: Ok(_), .. } if begun >= 20 => break recording.len() - before,
            _ => {}
        }
    };
    let entry = Entry::decode(&mut &recording[at..], release_us).unwrap().to_string();
    // Behind the entry's number, the sensor, "0", the time and the count.
    let value = (at..at + 20).find(|at| recording[*at] == 3).unwrap() + 1;
    recording[value + 6] ^= 1;
    assert_ne!(Entry::decode(&mut &recording[at..], release_us).unwrap().to_string(), entry);
    let difference = difference_of(&recording, &module);
    assert_eq!(difference.activation, begun);
    assert!(difference.recorded.starts_with("set actuator 4 to "), "{difference}");
    assert!(difference.replayed.starts_with("set actuator 4 to "), "{difference}");
}

#[test]
fn a_full_tape_keeps_whole_activations() {
    let module = module("nop");
    let region = record(&module, 300, TAPE_BYTES_MIN);
    let header = read_header(region).unwrap();
    assert!(header.full && (5..100).contains(&header.activations), "{header:?}");
    let steps = replay(&fetch(region), &module).unwrap();
    assert_eq!(steps.len() as u64, header.activations);
    assert!(steps.iter().all(|step| step.difference.is_none()));
    assert!(Tape::begin(SharedRegion::leaked(TAPE_BYTES_MIN - 8), &orders()).is_err());
}

#[test]
fn without_a_tape_nothing_is_kept_and_a_new_one_forgets_the_old() {
    let region = SharedRegion::leaked(0x4000);
    assert_eq!(read_header(region), None);
    let mut recorder = Recorder::new(World(1), None);
    recorder.begin(1, 2);
    assert_eq!(recorder.now_us(), World(1).now_us());
    let mut tape = Tape::begin(region, &orders()).unwrap();
    tape.put(&Entry::End { fuel: 1, ending: Ending::Continue });
    assert_eq!(read_header(region).unwrap().activations, 1);
    let _tape = Tape::begin(region, &Orders { generation: 4, ..orders() }).unwrap();
    let header = read_header(region).unwrap();
    assert_eq!((header.generation, header.activations, header.length_bytes as usize), (4, 0, ORDERS_BYTES));
}

#[test]
fn a_state_can_be_looked_at_between_steps() {
    let module = module("nop");
    let recording = fetch(record(&module, 10, 0x1_0000));
    let mut replay = Replay::new(&recording, &module).unwrap();
    assert!(replay.memory().is_empty());
    for _ in 0..5 {
        replay.step().unwrap();
    }
    assert_eq!(replay.memory().get(200..206), Some(b"a line".as_slice()));
    assert_eq!(replay.memory().len(), 0x1_0000);
    assert!(replay.counters().fuel_total > 0);
}

#[test]
fn golden_entries() {
    let bytes = |entry: Entry<'_>| {
        let mut bytes = Vec::new();
        entry.encode(1000, &mut |piece| bytes.extend_from_slice(piece));
        bytes
    };
    assert_eq!(bytes(Entry::Begin { release_us: 300, deadline_us: 301 }), [1, 0xac, 2, 2]);
    assert_eq!(bytes(Entry::End { fuel: 5, ending: Ending::Exited(-1) }), [2, 5, 1, 255, 255, 255, 255]);
    assert_eq!(bytes(Entry::Now { time_us: 999 }), [3, 1]);
    assert_eq!(bytes(Entry::SensorRead { sensor: 2, answer: Err(ErrorCode::NotReady) }), [4, 2, 9]);
    let write = Entry::ActuatorWrite { actuator: 4, value_bits: 1, answer: Ok(()) };
    assert_eq!(bytes(write), [7, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes(Entry::Log { level: Level::Warn, line: "hi" }), [9, 2, 2, b'h', b'i']);
    assert_eq!(bytes(Entry::Publish { place: 1, message: &[7], answer: Ok(()) }), [10, 1, 1, 7, 0]);
    let message = Message::new(1001, 5, &[8, 9]);
    assert_eq!(bytes(Entry::Receive { place: 1, answer: Ok(message) }), [11, 1, 0, 2, 5, 2, 8, 9]);
}

fn any_entry() -> impl Strategy<Value = (u8, u64, u64, u32, u32, Vec<u64>, String)> {
    (
        0u8..11,
        any::<u64>(),
        any::<u64>(),
        any::<u32>(),
        0u32..13,
        proptest::collection::vec(any::<u64>(), 0..4),
        ".{0,20}",
    )
}

proptest! {
    #[test]
    fn entries_come_back((kind, a, b, device, code, values, line) in any_entry(), release_us in any::<u64>()) {
        let error = ErrorCode::from_code(-(code as i32));
        let unit = error.map_or(Ok(()), Err);
        let values: Vec<f64> = values.iter().map(|bits| (*bits >> 2) as f64).collect();
        let entry = match kind {
            0 => Entry::Begin { release_us: a, deadline_us: b },
            1 => Entry::End { fuel: a, ending: Ending::Exited(device as i32) },
            2 => Entry::Now { time_us: a },
            3 => Entry::SensorRead { sensor: device, answer: unit.map(|()| Reading::new(a, &values)) },
            4 => {
                let info = SensorInfo { values: code, period_us: device };
                Entry::SensorInfo { sensor: device, answer: unit.map(|()| info) }
            }
            5 => Entry::LeaseAcquire { actuator: device, duration_us: b, answer: unit.map(|()| a) },
            6 => Entry::ActuatorWrite { actuator: device, value_bits: a, answer: unit },
            7 => Entry::LeaseRelease { actuator: device, answer: unit },
            8 => Entry::Publish { place: device, message: line.as_bytes(), answer: unit },
            9 => Entry::Receive { place: device, answer: unit.map(|()| Message::new(a, b, line.as_bytes())) },
            _ => Entry::Log { level: Level::Info, line: &line },
        };
        let mut bytes = Vec::new();
        entry.encode(release_us, &mut |piece| bytes.extend_from_slice(piece));
        bytes.push(77);
        let mut rest = bytes.as_slice();
        prop_assert_eq!(Entry::decode(&mut rest, release_us), Some(entry));
        prop_assert_eq!(rest, [77]);
        // Every beginning of it is nothing.
        for length in 0..bytes.len() - 1 {
            prop_assert_eq!(Entry::decode(&mut &bytes[..length], release_us), None);
        }
    }

    /// Whatever a device gives for a recording: a replay ends, with an error or a difference unless it is the recording.
    #[test]
    fn any_bytes_are_replayed_without_harm(at in any::<prop::sample::Index>(), change in 1u8.., cut in any::<bool>()) {
        let module = module("nop");
        let mut recording = fetch(record(&module, 5, 0x1_0000));
        let at = at.index(recording.len());
        if cut { recording.truncate(at) } else { recording[at] ^= change }
        if let Ok(steps) = replay(&recording, &module) {
            prop_assert!(steps.len() <= 6);
        }
    }

    #[test]
    fn a_hostile_region_is_read_within_its_bounds(words in proptest::collection::vec(any::<u64>(), 8), offset in any::<u32>()) {
        let region = SharedRegion::leaked(0x4000);
        for (at, word) in words.iter().enumerate().skip(1) {
            region.store_u64_relaxed(8 * at, *word).unwrap();
        }
        region.store_u64_relaxed(0, u64::from_le_bytes(*b"Coffrec\x01")).unwrap();
        prop_assert!(read_header(region).unwrap().length_bytes as usize <= 0x4000);
        if let Some(part) = read_part(region, offset, 3000) {
            prop_assert!(part.bytes.len() <= 3000);
        }
    }
}
