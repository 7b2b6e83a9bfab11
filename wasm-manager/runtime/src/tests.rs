// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Apps of all kinds against a fake host.

mod bounds;
mod commands;
mod devices;
mod hostile;
mod pointers;
mod topics;
mod wasi;

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;

use cofferdam_host_abi::{ErrorCode, Limits, Shape};
use cofferdam_slot_protocol::{ActuatorGrant, Command, Counters, Orders, StopReason};

use crate::{Activation, App, Host, Level, Message, Reading, SensorInfo, Stop};

/// What the fake host saw, and its clock.
#[derive(Default)]
struct World {
    now_us: u64,
    log: Vec<String>,
    writes: Vec<(u32, f64)>,
    leases: Vec<(u32, u64)>,
    published: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone, Default)]
struct Fake(Rc<RefCell<World>>);

impl Host for Fake {
    fn now_us(&mut self) -> u64 {
        self.0.borrow().now_us
    }

    fn sensor_read(&mut self, sensor: u32) -> Result<Reading, ErrorCode> {
        match sensor {
            0 => Ok(Reading::new(self.now_us(), &[1.5, 2.5, -3.0])),
            _ => Err(ErrorCode::NotReady),
        }
    }

    fn sensor_info(&mut self, _sensor: u32) -> Result<SensorInfo, ErrorCode> {
        Ok(SensorInfo { values: 3, period_us: 1000 })
    }

    fn lease_acquire(&mut self, actuator: u32, duration_us: u64) -> Result<u64, ErrorCode> {
        let until_us = self.now_us() + duration_us;
        self.0.borrow_mut().leases.push((actuator, until_us));
        Ok(until_us)
    }

    fn actuator_write(&mut self, actuator: u32, value: f64) -> Result<(), ErrorCode> {
        self.0.borrow_mut().writes.push((actuator, value));
        Ok(())
    }

    fn lease_release(&mut self, actuator: u32) -> Result<(), ErrorCode> {
        self.0.borrow_mut().leases.retain(|(held, _)| *held != actuator);
        Ok(())
    }

    fn publish(&mut self, place: usize, message: &[u8]) -> Result<(), ErrorCode> {
        self.0.borrow_mut().published.push((place, message.to_vec()));
        Ok(())
    }

    /// The latest that was published, at whatever place.
    fn receive(&mut self, _place: usize) -> Result<Message, ErrorCode> {
        let world = self.0.borrow();
        let (_, bytes) = world.published.last().ok_or(ErrorCode::NotReady)?;
        Ok(Message::new(world.now_us, world.published.len() as u64, bytes))
    }

    fn log(&mut self, level: Level, line: &str) {
        self.0.borrow_mut().log.push(format!("{level:?}: {line}"));
    }
}

impl Fake {
    fn log(&self) -> Vec<String> {
        self.0.borrow().log.clone()
    }
}

fn orders(shape: Shape) -> Orders {
    let mut orders = Orders { command: Command::Run, shape, sensors: 0b11, ..Orders::idle(1) };
    orders.actuators[4] = Some(ActuatorGrant { minimum: 0.0, maximum: 0.5 });
    orders
}

fn load_with(orders: &Orders, text: &str) -> (Fake, Result<App<Fake>, Stop>) {
    let host = Fake::default();
    let module = wat::parse_str(text).unwrap();
    let app = App::load(orders, &module, host.clone());
    (host, app)
}

/// A reactor whose `cofferdam_tick` has this body, with `fields` beside it.
fn reactor(fields: &str, tick: &str) -> String {
    format!(
        r#"(module {fields}
            (func (export "cofferdam_init"))
            (func (export "cofferdam_tick") (param $now i64) {tick}))"#
    )
}

/// Loads a reactor and runs one tick.
fn tick(fields: &str, body: &str) -> (Fake, Result<Activation, Stop>) {
    let (host, app) = load_with(&orders(Shape::Reactor), &reactor(fields, body));
    let outcome = app.unwrap().activate(0, 10_000);
    (host, outcome)
}

fn refused(app: Result<App<Fake>, Stop>) -> Stop {
    match app {
        Ok(_) => panic!("the module was accepted"),
        Err(stop) => stop,
    }
}

fn counters(app: &App<Fake>) -> Counters {
    let mut counters = Counters::default();
    app.count(&mut counters);
    counters
}

#[test]
fn a_reactor_is_initialised_then_ticks() {
    let text = r#"(module
        (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "inittick")
        (func (export "cofferdam_init") (drop (call $log (i32.const 3) (i32.const 0) (i32.const 4))))
        (func (export "cofferdam_tick") (param i64)
            (drop (call $log (i32.const 2) (i32.const 4) (i32.const 4)))))"#;
    let (host, app) = load_with(&orders(Shape::Reactor), text);
    let mut app = app.unwrap();
    assert_eq!(app.activate(0, 10), Ok(Activation::Continue));
    assert_eq!(app.activate(10, 20), Ok(Activation::Continue));
    assert_eq!(host.log(), ["Info: init", "Warn: tick", "Warn: tick"]);
    let counters = counters(&app);
    assert!(counters.fuel_init > 0 && counters.fuel_last > Limits::FUEL_PER_HOST_CALL);
    assert_eq!((counters.memory_pages, counters.host_calls_last, counters.log_lines), (1, 1, 3));
}

#[test]
fn the_same_inputs_give_the_same_fuel_and_outputs() {
    let text = reactor(
        r#"(import "cofferdam" "sensor_read" (func $read (param i32 i32 i32) (result i32)))
           (import "cofferdam" "actuator_write" (func $write (param i32 f64) (result i32)))
           (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
           (memory (export "memory") 1)"#,
        r#"(local $i i32)
           (drop (call $read (i32.const 0) (i32.const 0) (i32.const 64)))
           (drop (call $random (i32.const 100) (i32.const 4)))
           (local.set $i (i32.and (i32.load (i32.const 100)) (i32.const 255)))
           (loop $again
               (f64.store (i32.const 8) (f64.sqrt (f64.add (f64.load (i32.const 8)) (f64.load (i32.const 16)))))
               (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
           (drop (call $write (i32.const 4) (f64.div (f64.load (i32.const 8)) (f64.const 10))))"#,
    );
    let run = |seed: u64| {
        let (host, app) = load_with(&Orders { random_seed: seed, ..orders(Shape::Reactor) }, &text);
        let mut app = app.unwrap();
        let mut fuel = Vec::new();
        for release_us in [0, 10, 20] {
            host.0.borrow_mut().now_us = release_us;
            app.activate(release_us, release_us + 10).unwrap();
            fuel.push(counters(&app).fuel_last);
        }
        (fuel, host.0.borrow().writes.clone())
    };
    let (fuel, writes) = run(7);
    assert_eq!((fuel.clone(), writes), run(7));
    assert_ne!(fuel, run(8).0, "another seed, another number of rounds");
}

#[test]
fn an_app_that_is_over_does_nothing() {
    let (_, app) = load_with(&orders(Shape::Reactor), &reactor("", "unreachable"));
    let mut app = app.unwrap();
    assert_eq!(app.activate(0, 1).unwrap_err().reason, StopReason::Unreachable);
    assert_eq!(app.activate(1, 2).unwrap_err().reason, StopReason::Internal);
}

#[test]
fn a_stop_reads_well() {
    let (_, outcome) = tick("", "unreachable");
    assert_eq!(outcome.unwrap_err().to_string(), "unreachable executed (in cofferdam_tick)");
}
