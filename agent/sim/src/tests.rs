// SPDX-License-Identifier: Apache-2.0 OR MIT
use cofferdam_client::recipe::Recipe;
use cofferdam_package::Manifest;
use cofferdam_plants::Scenario;
use cofferdam_recording::Ending;
use cofferdam_runtime::Level;
use cofferdam_simulator::{Begin, Setup};

use super::*;

const MOTOR: usize = 0;

fn desk(begin: Begin) -> Desk {
    Desk::new(Setup { scenario: Scenario::find("quad", Some("calm")).unwrap(), seed: 1, begin })
}

/// A reactor of 250 Hz that may read the IMU and move the first two motors up to 0.9.
fn app(name: &str, rest: &str, body: &str) -> (Manifest, Vec<u8>) {
    let module = wat::parse_str(format!(
        r#"(module
          (import "cofferdam" "sensor_read" (func $read (param i32 i32 i32) (result i32)))
          (import "cofferdam" "lease_acquire" (func $lease (param i32 i64) (result i64)))
          (import "cofferdam" "actuator_write" (func $write (param i32 f64) (result i32)))
          (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "hello")
          (global $ticks (mut i32) (i32.const 0))
          (func (export "cofferdam_init"))
          (func (export "cofferdam_tick") (param i64)
            (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
            {body}))"#
    ))
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cofferdam.toml");
    let text = format!(
        "name = \"{name}\"\nversion = \"1\"\nsequence = 1\nshape = \"reactor\"\nfuel_per_activation = 20000\n{rest}\n\
         [permissions]\nsensors = [\"imu\"]\n[permissions.actuators]\n\
         motor-0 = {{ min = 0.0, max = 0.9 }}\nmotor-1 = {{ min = 0.0, max = 0.9 }}\n"
    );
    std::fs::write(&path, text).unwrap();
    (Recipe::load(&path).unwrap().manifest(&module).unwrap(), module)
}

const FULL: &str = "(drop (call $lease (i32.const 0) (i64.const 100000)))
                    (drop (call $write (i32.const 0) (f64.const 0.8)))";

#[test]
fn an_app_moves_the_plant_through_the_guard() {
    let mut desk = desk(Begin::WhenHeld(MOTOR));
    let (manifest, module) = app("mover", "period_us = 4000", FULL);
    desk.add(manifest, &module).unwrap();
    let mut runs = Vec::new();
    while desk.ticks() < 200 {
        runs.extend(desk.step(None));
    }
    assert_eq!(runs.len(), 50, "each four milliseconds");
    assert!(runs.iter().all(|run| run.ending == Ending::Continue && run.fuel > 0 && run.calls.is_empty()));
    assert_eq!((runs[0].number, runs[0].release_us), (1, 4_000));
    assert!(desk.world().value("motor-0").unwrap() > 0.7 && desk.world().value("motor-1") == Some(0.0));
    let flight = desk.into_flight();
    assert_eq!(flight.begun, Some(5), "the tick after the first lease");
    // No faster than the guard's slew, 50 ms from end to end, and in the tick after the write.
    let motor = |tick: usize| flight.ticks[tick].outputs[MOTOR].value;
    assert_eq!((motor(4), motor(5)), (0.0, 0.02));
    assert!((motor(25) - 0.42).abs() < 1e-9 && motor(60) == 0.8);
    assert_eq!(flight.ticks[5].outputs[MOTOR].holder, Some(0));
}

#[test]
fn the_same_apps_do_the_same() {
    let digest = |value: &str| {
        let mut desk = desk(Begin::WhenHeld(MOTOR));
        let (manifest, module) = app("mover", "period_us = 4000", &FULL.replace("0.8", value));
        desk.add(manifest, &module).unwrap();
        (0..500).for_each(|_| drop(desk.step(None)));
        desk.into_flight().digest
    };
    assert_eq!(digest("0.8"), digest("0.8"));
    assert_ne!(digest("0.8"), digest("0.81"));
}

#[test]
fn what_is_not_permitted_is_refused_and_said() {
    let mut desk = desk(Begin::AtOnce);
    let body = "(drop (call $read (i32.const 1) (i32.const 64) (i32.const 64)))
                (drop (call $lease (i32.const 0) (i64.const 100000)))
                (if (i32.eq (call $write (i32.const 0) (f64.const 0.95)) (i32.const 0)) (then unreachable))
                (drop (call $log (i32.const 3) (i32.const 0) (i32.const 5)))";
    let (manifest, module) = app("asker", "", body);
    desk.add(manifest, &module).unwrap();
    (0..10).for_each(|_| drop(desk.step(None)));
    let lines = desk.take_lines();
    let own = lines.iter().find(|line| line.text == "hello").unwrap();
    assert_eq!((own.app.as_str(), own.level, own.time_us), ("asker", Level::Info, 10_000));
    assert!(desk.take_lines().is_empty() && desk.any_runs());
}

#[test]
fn a_trap_ends_the_app_and_its_leases() {
    let mut desk = desk(Begin::WhenHeld(MOTOR));
    let body = format!("{FULL} (if (i32.eq (global.get $ticks) (i32.const 5)) (then unreachable))");
    let (manifest, module) = app("trapper", "period_us = 4000", &body);
    desk.add(manifest, &module).unwrap();
    let runs: Vec<_> = (0..6_100).flat_map(|_| desk.step(None)).collect();
    assert_eq!(runs.len(), 5);
    assert!(matches!(runs[4].ending, Ending::Stopped(_)), "{:?}", runs[4]);
    assert!(!desk.any_runs() && desk.memory(0).is_empty());
    assert!(desk.take_lines().iter().any(|line| line.text.starts_with("stopped: ")));
    let flight = desk.into_flight();
    assert_eq!(flight.ticks[21].outputs[MOTOR].holder, None, "in the next tick");
    assert_eq!(flight.ticks.last().unwrap().outputs[MOTOR].value, 0.0, "motors have come down");
}

#[test]
fn a_breakpoint_shows_the_calls_of_its_activation() {
    let mut desk = desk(Begin::WhenHeld(MOTOR));
    let (manifest, module) = app("mover", "period_us = 4000", FULL);
    desk.add(manifest, &module).unwrap();
    let runs: Vec<_> = (0..20).flat_map(|_| desk.step(Some((0, 3)))).collect();
    let calls = |number: usize| &runs[number - 1].calls;
    assert!(calls(2).is_empty() && calls(4).is_empty());
    assert_eq!(calls(3).len(), 2);
    assert!(calls(3)[0].contains("lease") && calls(3)[1].contains("0.8"), "{:?}", calls(3));
    assert_eq!(desk.memory(0).len(), 65_536);
    assert_eq!(desk.memory(0)[..5], *b"hello");
    assert!(desk.fuel_total(0) > runs[0].fuel);
}

#[test]
fn motors_have_one_holder_and_slots_are_four() {
    let mut desk = desk(Begin::AtOnce);
    for name in ["a", "b", "c", "d"] {
        let (manifest, module) = app(name, "period_us = 10000", FULL);
        desk.add(manifest, &module).unwrap();
    }
    let (manifest, module) = app("e", "", FULL);
    assert!(matches!(desk.add(manifest, &module), Err(AddError::Full)));
    (0..50).for_each(|_| drop(desk.step(None)));
    let flight = desk.into_flight();
    assert!(flight.ticks[11..].iter().all(|tick| tick.outputs[MOTOR].holder == Some(0)), "the lowest slot's");
    let mut desk = self::desk(Begin::AtOnce);
    let (manifest, _) = app("e", "", FULL);
    assert!(
        matches!(desk.add(manifest, b"\0asm"), Err(AddError::Refused(_))),
        "not the module that it names"
    );
}
