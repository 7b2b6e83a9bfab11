// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Modules through admission and runtime. The first byte says whether the rest is a module as it is, or chance for
//! wasm-smith, which makes a valid one of it; and the app's shape.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;

use arbitrary::Unstructured;
use cofferdam_admission::{Admitted, SlotClass, admit};
use cofferdam_host_abi::{COFFERDAM, COFFERDAM_MODULE, ErrorCode, ValueType, WASI, WASI_MODULE};
use cofferdam_package::manifest::{Manifest, Shape};
use cofferdam_runtime::{Activation, App, Host, Level, Reading, SensorInfo};
use cofferdam_slot_protocol::{ActuatorGrant, Command, Counters, Orders, StopReason};

use crate::package::with_permissions;

/// What is admitted runs within its bounds or stops for a reason with a name, and does the same thing twice.
pub fn run(input: &[u8]) -> bool {
    let Some((&kind, rest)) = input.split_first() else { return false };
    let shape = if kind & 2 == 0 { Shape::Reactor } else { Shape::Command };
    let made;
    let module = if kind & 1 == 0 {
        rest
    } else {
        let Some(module) = smith(rest, shape) else { return false };
        made = module;
        &made
    };
    let manifest = manifest(shape);
    let Ok(admitted) = admit(&manifest, module, &SlotClass::SHARED) else { return false };
    let first = live(module, &admitted);
    assert_eq!(first, live(module, &admitted), "not the same twice");
    true
}

fn manifest(shape: Shape) -> Manifest {
    let sensors: Vec<&str> = cofferdam_device_protocol::SENSORS.iter().map(|sensor| sensor.name).collect();
    let actuators = cofferdam_device_protocol::ACTUATORS.iter();
    let actuators: Vec<_> = actuators.map(|actuator| (actuator.name, actuator.min, actuator.max)).collect();
    let mut manifest = with_permissions("fuzzed", &sensors, &actuators);
    manifest.app.shape = shape;
    manifest
}

/// A module that wasm-smith makes: valid, with our exports but for the memory, and our imports.
fn smith(chance: &[u8], shape: Shape) -> Option<Vec<u8>> {
    let exports = match shape {
        Shape::Reactor => {
            r#"(module (func (export "cofferdam_init")) (func (export "cofferdam_tick") (param i64)))"#
        }
        Shape::Command => r#"(module (func (export "_start")))"#,
    };
    let config = wasm_smith::Config {
        exports: Some(wat::parse_str(exports).unwrap()),
        available_imports: Some(wat::parse_str(imports()).unwrap()),
        bulk_memory_enabled: true,
        exceptions_enabled: false,
        gc_enabled: false,
        max_memory32_bytes: 4 << 16,
        max_memories: 1,
        max_tables: 1,
        max_table_elements: 1000,
        memory64_enabled: false,
        multi_value_enabled: true,
        reference_types_enabled: false,
        relaxed_simd_enabled: false,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        ..wasm_smith::Config::default()
    };
    wasm_smith::Module::new(config, &mut Unstructured::new(chance)).ok().map(|module| module.to_bytes())
}

/// A module that imports all that there is.
fn imports() -> String {
    let mut text = String::from("(module ");
    for (module, functions) in [(COFFERDAM_MODULE, COFFERDAM), (WASI_MODULE, WASI)] {
        for function in functions {
            let types = |types: &[ValueType]| {
                types.iter().map(|kind| format!(" {kind:?}").to_lowercase()).collect::<String>()
            };
            let (parameters, results) = (types(function.signature.params), types(function.signature.results));
            let name = function.name;
            let _ =
                write!(text, r#"(import "{module}" "{name}" (func (param{parameters}) (result{results})))"#);
        }
    }
    text + ")"
}

/// Everything that could be seen of an app.
#[derive(Debug, Default, PartialEq)]
struct Life {
    end: String,
    counters: Vec<Counters>,
    calls: Vec<String>,
}

fn live(module: &[u8], admitted: &Admitted) -> Life {
    let world = World::default();
    let mut orders = Orders {
        command: Command::Run,
        shape: admitted.shape,
        limits: admitted.limits,
        sensors: 0b11,
        module_length_bytes: module.len() as u32,
        ..Orders::idle(1)
    };
    orders.actuators[0] = Some(ActuatorGrant { minimum: 0.0, maximum: 0.5 });
    let limits = &admitted.limits;
    let mut life = Life::default();
    let stop = match App::load(&orders, module, world.clone()) {
        Err(stop) => Some(stop),
        Ok(mut app) => {
            let mut stop = None;
            for release_us in [0, 10_000, 20_000] {
                world.0.borrow_mut().now_us = release_us;
                let activation = app.activate(release_us, release_us + 5000);
                let mut counters = Counters::default();
                app.count(&mut counters);
                assert!(
                    counters.fuel_last <= limits.fuel_per_activation
                        && counters.fuel_init <= limits.init_fuel
                );
                assert!(counters.memory_pages <= limits.memory_pages.into());
                assert!(counters.host_calls_last <= u64::from(limits.host_calls_per_activation) + 1);
                life.counters.push(counters);
                match activation {
                    Ok(Activation::Continue) => {}
                    Ok(Activation::Exited(code)) => {
                        life.end = format!("exited with {code}");
                        break;
                    }
                    Err(why) => {
                        stop = Some(why);
                        break;
                    }
                }
            }
            stop
        }
    };
    if let Some(stop) = stop {
        let ours = [StopReason::Internal, StopReason::ModuleRejected];
        assert!(!ours.contains(&stop.reason), "admitted, and then: {stop}");
        life.end = stop.to_string();
    }
    life.calls = std::mem::take(&mut world.0.borrow_mut().calls);
    assert!(life.calls.len() <= 4 * (limits.host_calls_per_activation as usize + 1) * 64);
    life
}

#[derive(Default)]
struct Inner {
    now_us: u64,
    calls: Vec<String>,
}

/// A host that answers the same each time and notes what it is asked.
#[derive(Clone, Default)]
struct World(Rc<RefCell<Inner>>);

impl World {
    fn note(&self, call: String) {
        self.0.borrow_mut().calls.push(call);
    }
}

impl Host for World {
    fn now_us(&mut self) -> u64 {
        let mut inner = self.0.borrow_mut();
        inner.now_us += 1;
        inner.now_us
    }

    fn sensor_read(&mut self, sensor: u32) -> Result<Reading, ErrorCode> {
        assert!(sensor < 2, "not permitted");
        self.note(format!("read {sensor}"));
        Ok(Reading::new(7, &[1.5, f64::NAN]))
    }

    fn sensor_info(&mut self, sensor: u32) -> Result<SensorInfo, ErrorCode> {
        assert!(sensor < 2, "not permitted");
        Ok(SensorInfo { values: 2, period_us: 1000 })
    }

    fn lease_acquire(&mut self, actuator: u32, duration_us: u64) -> Result<u64, ErrorCode> {
        assert_eq!(actuator, 0, "not permitted");
        self.note(format!("lease {duration_us}"));
        Ok(duration_us)
    }

    fn actuator_write(&mut self, actuator: u32, value: f64) -> Result<(), ErrorCode> {
        assert!(actuator == 0 && (0.0..=0.5).contains(&value), "not permitted");
        self.note(format!("write {}", value.to_bits()));
        Ok(())
    }

    fn lease_release(&mut self, actuator: u32) -> Result<(), ErrorCode> {
        assert_eq!(actuator, 0, "not permitted");
        self.note("release".into());
        Ok(())
    }

    fn log(&mut self, level: Level, line: &str) {
        assert!(!line.contains('\n'));
        self.note(format!("{level:?}: {line}"));
    }
}

/// Modules as text, in both shapes, and chance for wasm-smith.
pub fn seeds() -> Vec<Vec<u8>> {
    let calls = r#"(module
        (import "cofferdam" "sensor_read" (func $read (param i32 i32 i32) (result i32)))
        (import "cofferdam" "actuator_write" (func $write (param i32 f64) (result i32)))
        (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1 2) (table 2 funcref) (elem (i32.const 0) $f) (global $g (mut i32) (i32.const 3))
        (data (i32.const 8) "text")
        (func $f (result i32) (memory.grow (i32.const 1)))
        (func (export "cofferdam_init"))
        (func (export "cofferdam_tick") (param i64)
            (drop (call_indirect (result i32) (i32.const 0)))
            (drop (call $read (i32.const 0) (i32.const 64) (i32.const 64)))
            (drop (call $write (i32.const 0) (f64.load (i32.const 72))))
            (drop (call $log (i32.const 3) (i32.const 8) (i32.const 4)))
            (loop $l (br_if $l (i32.const 1)))))"#;
    let command = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $e (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\08\00\00\00\03\00\00\00hi\n")
        (func (export "_start") (drop (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
            (call $e (i32.const 3))))"#;
    let module = |kind: u8, text: &str| [&[kind], wat::parse_str(text).unwrap().as_slice()].concat();
    let chance = |kind: u8, seed: u64| {
        let mut chance = crate::mutate::Chance(seed);
        let bytes = (0..100).flat_map(|_| chance.next().to_le_bytes());
        std::iter::once(kind).chain(bytes).collect::<Vec<u8>>()
    };
    let mut seeds =
        vec![[&[0], crate::package::module().as_slice()].concat(), module(0, calls), module(2, command)];
    seeds.extend((1..8).map(|seed| chance(1 + 2 * (seed % 2) as u8, seed)));
    seeds
}
