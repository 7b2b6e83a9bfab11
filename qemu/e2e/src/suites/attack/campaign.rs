// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The code of one protection domain at a time is destroyed while two apps run, and the others are watched.
//!
//! `pilot` reads the wheels and holds the brake, 100 times a second; `metronome` needs nobody but the timer, and says
//! so every half second. What each death means stands in docs/threat-model.md; each test holds one row of it. After
//! it the power is cut, and both apps must be there again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use cofferdam_client::recipe::RecipeShape;
use cofferdam_client::{Connection, Device, Patience};
use cofferdam_qemu::Line;

use super::debugger::{Debugger, destroy_program, find_heap};
use crate::context::{Context, make};
use crate::harness::Skip;
use crate::suites::systems::fault_report;

const PILOT: &str = "pilot";
const METRONOME: &str = "metronome";
/// In the metronome's memory, far behind anything else.
const MARKER: &str = "where the metronome of the suite attack lies";
const PERIOD_US: u64 = 10_000;
const BEAT_TICKS: u64 = 50;
/// A beat may be late by this much and no more; a tick that is missed makes it a whole period late.
const LATE_MAX_US: u64 = PERIOD_US / 2;
/// What is dead must stay quiet for so long by the machine's own clock.
const SILENCE_BEATS: usize = 4;
/// How faults are told: by our monitor and supervisor, by the SDK's monitor.
const FAULTS: [&str; 2] = ["' faulted", "faulting PD: "];

static KILLED: AtomicUsize = AtomicUsize::new(0);
static LOST: AtomicUsize = AtomicUsize::new(0);

/// What becomes of an app, or of management.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    GoesOn,
    Ends,
}

use Then::{Ends, GoesOn};

/// Gets both apps running; after the first time they are on the disk.
fn ready(context: &mut Context<'_>) -> Result<()> {
    // Its machine dies in each test: what the deaths say is read by the tests themselves.
    for text in ["faulted", "faulting", "fault", "panic"] {
        context.announce(text);
    }
    context.push("downhill", PILOT)?;
    let (mut recipe, _) = context.settings.app("hello")?;
    recipe.name = METRONOME.to_owned();
    recipe.shape = RecipeShape::Reactor;
    recipe.period_us = PERIOD_US;
    recipe.deadline_us = None;
    recipe.restarts = 3;
    let module = wat::parse_str(format!(
        r#"(module (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
            (memory (export "memory") 1) (data (i32.const 0) "beat") (data (i32.const 1024) "{MARKER}") (global $n (mut i32) (i32.const 0))
            (func (export "cofferdam_init"))
            (func (export "cofferdam_tick") (param i64)
              (global.set $n (i32.add (global.get $n) (i32.const 1)))
              (if (i32.eqz (i32.rem_u (global.get $n) (i32.const {BEAT_TICKS})))
                (then (drop (call $log (i32.const 3) (i32.const 0) (i32.const 4)))))))"#
    ))?;
    let file = context.file("metronome.cdam", &make(&recipe, &module, &context.settings.key)?)?;
    context.done(&["push", &file])?;
    context.expect("/metronome: beat")?;
    context.expect("/pilot: speed")?;
    Ok(())
}

/// Destroys the code of `program`. Gives where the console stood.
fn kill(context: &Context<'_>, program: &str) -> Result<usize> {
    let position = destroy_program(context, program)?;
    KILLED.fetch_add(1, Ordering::Relaxed);
    Ok(position)
}

/// Waits until the machine says that `name` has faulted.
fn named(context: &Context<'_>, position: usize, name: &str) -> Result<()> {
    let report = match name {
        "wasm_manager" | "gateway" => Some(format!("'{name}' faulted")), // says supervisor
        _ => fault_report(context.settings, name),
    };
    report.map_or(Ok(()), |report| context.expect_from(position, &report).map(drop))
}

/// The device's time of a console line, `[    0.355325] …`, in µs.
fn device_time_us(line: &str) -> Option<u64> {
    let time = line.strip_prefix('[')?.split_once(']')?.0.trim();
    let (seconds, micros) = time.split_once('.')?;
    Some(seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?)
}

/// The device's times of all lines of an app since `position`.
fn times(context: &Context<'_>, position: usize, app: &str) -> Vec<u64> {
    let name = format!("/{app}: ");
    let lines = context.console().lines_from(position);
    let said = lines.iter().filter(|line| line.text.contains(&name));
    said.filter_map(|line| device_time_us(&line.text)).collect()
}

/// The metronome beats on, and misses no tick.
fn beats(context: &Context<'_>, position: usize, count: usize) -> Result<()> {
    let beats = context.until(&format!("{count} beats"), || {
        let beats = times(context, position, METRONOME);
        Ok((beats.len() > count).then_some(beats))
    })?;
    for pair in beats.windows(2) {
        let apart = pair[1].abs_diff(pair[0]);
        let late = apart.abs_diff(BEAT_TICKS * PERIOD_US);
        ensure!(late < LATE_MAX_US, "the metronome missed a tick: beats {apart} µs apart");
    }
    Ok(())
}

/// The pilot goes on flying, or is silent from now on while the metronome beats.
fn pilot(context: &Context<'_>, then: Then) -> Result<()> {
    let position = context.position();
    if then == GoesOn {
        context.expect_from(position, "/pilot: speed")?;
        return Ok(());
    }
    beats(context, position, SILENCE_BEATS)?;
    let said = times(context, position, PILOT);
    ensure!(said.is_empty(), "the pilot still flies");
    Ok(())
}

/// Somebody asks for the device's state. What kills whoever serves that shows here.
fn management(context: &Context<'_>, then: Then) -> Result<()> {
    // The machine's clock runs as fast as it can, and a reply takes milliseconds of it.
    let limit = Duration::from_secs(if then == GoesOn { 20 } else { 3 });
    let patience = Patience { connect: limit, answer: limit, busy: limit };
    let answer = Connection::open(&context.address()?, &patience, &mut || {})
        .and_then(|connection| Device::over(connection, &context.settings.key).status());
    ensure!(answer.is_ok() == (then == GoesOn), "management: {answer:?}");
    Ok(())
}

/// Cuts the power; both apps must come back by themselves.
fn come_back(context: &mut Context<'_>) -> Result<()> {
    context.boot_again(true)?;
    for app in [PILOT, METRONOME] {
        if let Err(error) = context.expect(&format!("/{app}: ")) {
            LOST.fetch_add(1, Ordering::Relaxed);
            return Err(error.context(format!("{app} was lost")));
        }
    }
    Ok(())
}

/// A death that the apps do not notice.
fn unnoticed(context: &mut Context<'_>, program: &str, manageable: Then) -> Result<()> {
    ready(context)?;
    let position = kill(context, program)?;
    management(context, manageable)?;
    // Who does nothing does not fault.
    if !["entropy_driver", "plant_link"].contains(&program) {
        named(context, position, program)?;
    }
    beats(context, position, 3)?;
    pilot(context, GoesOn)?;
    come_back(context)
}

pub fn without_entropy_driver(context: &mut Context<'_>) -> Result<()> {
    // Nobody asks it for anything after boot, so nobody notices.
    unnoticed(context, "entropy_driver", GoesOn)
}

pub fn without_plant_link(context: &mut Context<'_>) -> Result<()> {
    // No simulator is attached, so it has nothing to do.
    unnoticed(context, "plant_link", GoesOn)
}

pub fn without_wasm_manager(context: &mut Context<'_>) -> Result<()> {
    unnoticed(context, "wasm_manager", Ends)
}

/// Its code is gone, so it crashes at each use: wasm_manager says so, refuses, and goes on.
pub fn without_verifier(context: &mut Context<'_>) -> Result<()> {
    ready(context)?;
    let position = kill(context, "verifier")?;
    management(context, Ends)?;
    context.expect_from(position, "verifier: it crashed")?;
    beats(context, position, 3)?;
    pilot(context, GoesOn)?;
    come_back(context)
}

pub fn without_net_driver(context: &mut Context<'_>) -> Result<()> {
    unnoticed(context, "net_driver", Ends)
}

pub fn without_gateway(context: &mut Context<'_>) -> Result<()> {
    unnoticed(context, "gateway", Ends)
}

/// Management ends with the next thing that has to be kept: wasm_manager waits for an answer.
pub fn without_store_driver(context: &mut Context<'_>) -> Result<()> {
    ready(context)?;
    let position = kill(context, "store_driver")?;
    management(context, GoesOn)?;
    let limit = Duration::from_secs(3);
    let patience = Patience { connect: limit, answer: limit, busy: limit };
    let connection = Connection::open(&context.address()?, &patience, &mut || {})?;
    let stopped = Device::over(connection, &context.settings.key).stop(METRONOME);
    ensure!(stopped.is_err(), "a change counts only when it is kept");
    named(context, position, "store_driver")?;
    pilot(context, GoesOn)?;
    management(context, Ends)?;
    come_back(context)
}

pub fn without_sensor_hub(context: &mut Context<'_>) -> Result<()> {
    ready(context)?;
    let position = kill(context, "sensor_hub")?;
    named(context, position, "sensor_hub")?;
    context.expect_from(position, "ran out: safe value").context("the brake is not made safe")?;
    pilot(context, Ends)?;
    management(context, GoesOn)?;
    come_back(context)
}

/// The outputs stay as they were: nobody else can move them. docs/threat-model.md asks for a watchdog in hardware.
pub fn without_actuator_guard(context: &mut Context<'_>) -> Result<()> {
    ready(context)?;
    let position = kill(context, "actuator_guard")?;
    named(context, position, "actuator_guard")?;
    pilot(context, Ends)?;
    management(context, GoesOn)?;
    come_back(context)
}

/// Nobody asks it but who has topics, and wasm_manager when an app starts or stops.
pub fn without_topic_hub(context: &mut Context<'_>) -> Result<()> {
    ready(context)?;
    let position = kill(context, "topic_hub")?;
    pilot(context, GoesOn)?;
    management(context, GoesOn)?;
    let stopped = context.device()?.stop(METRONOME);
    ensure!(stopped.is_err(), "a slot is stopped only when nothing is permitted to it any more");
    named(context, position, "topic_hub")?;
    pilot(context, GoesOn)?;
    come_back(context)
}

/// Everything that waits for a time waits for ever, and nothing else faults.
pub fn without_timer_driver(context: &mut Context<'_>) -> Result<()> {
    ready(context)?;
    let position = kill(context, "timer_driver")?;
    named(context, position, "timer_driver")?;
    // Not before somebody asks for a time: one that gateway asked for before may be as good for a while.
    context
        .until("management ends without a timer", || Ok(management(context, Ends).is_ok().then_some(())))?;
    let from = context.position();
    let end = Instant::now() + Duration::from_secs(2);
    ensure!(context.console().wait_for_text(from, end, "/metronome: ").is_err(), "somebody else gives time");
    let faults = context.console().lines_from(position);
    let faulted = |line: &&Line| FAULTS.iter().any(|text| line.text.contains(text));
    let faults = faults.iter().filter(faulted).count();
    let expected = usize::from(fault_report(context.settings, "timer_driver").is_some());
    ensure!(faults == expected, "{faults} faults for one death, of which {expected} can be told");
    come_back(context)
}

/// Nothing is printed any more; `cofferdam` shows that all goes on.
pub fn without_console(context: &mut Context<'_>) -> Result<()> {
    ready(context)?;
    let position = kill(context, "console")?;
    named(context, position, "console")?;
    for app in [PILOT, METRONOME] {
        context.until_activated(app, 100)?;
        let stats = context.json(&["stats", app])?;
        ensure!(stats["missed_releases"] == 0, "{app} missed ticks: {stats}");
    }
    come_back(context)
}

/// The code of all slots is one: without it no app runs, what they held is made safe, and the device says so.
pub fn without_any_slot(context: &mut Context<'_>) -> Result<()> {
    ready(context)?;
    let position = kill(context, "app_slot")?;
    for app in [PILOT, METRONOME] {
        context.expect_from(position, &format!("app {app} stopped: protection domain fault"))?;
    }
    context.expect_from(position, "on brake taken back: safe value").context("the brake is not made safe")?;
    management(context, GoesOn)?;
    // They have failed, or were about to be started again when the power went, but they are kept.
    context.boot_again(true)?;
    for app in [PILOT, METRONOME] {
        let started = context.done(&["start", app]).map(drop);
        let started = started.or_else(|error| {
            if format!("{error:#}").contains("already running") { Ok(()) } else { Err(error) }
        });
        let started = started.and_then(|()| context.expect(&format!("/{app}: ")));
        LOST.fetch_add(usize::from(started.is_err()), Ordering::Relaxed);
        started.with_context(|| format!("{app} was lost"))?;
    }
    Ok(())
}

/// The interpreter's memory in the metronome's slot is destroyed: the slot is restarted with its app, in a clean state,
/// and the pilot notices nothing.
pub fn without_a_slot(context: &mut Context<'_>) -> Result<()> {
    ready(context)?;
    let mut debugger = Debugger::halt(&context.debugger())?;
    let position = context.position();
    let ram = debugger.ram(context.settings.kernel.memory_mib(), &context.folder().join("ram"))?;
    let pieces = find_heap(MARKER.as_bytes(), &ram)?;
    ensure!(!pieces.is_empty(), "no pointers in the heap");
    pieces.iter().try_for_each(|piece| debugger.destroy_piece(*piece))?;
    drop(debugger);
    KILLED.fetch_add(1, Ordering::Relaxed);
    context.expect_from(position, &format!("app {METRONOME} stopped: protection domain fault"))?;
    beats(context, context.position(), 3)?;
    pilot(context, GoesOn)?;
    let stats = context.json(&["stats", PILOT])?;
    ensure!(stats["missed_releases"] == 0, "the pilot missed ticks: {stats}");
    ensure!(context.state(PILOT)? == "running" && context.state(METRONOME)? == "running", "an app is gone");
    come_back(context)
}

/// The counts of all tests before.
pub fn no_app_was_lost(_context: &mut Context<'_>) -> Result<()> {
    let (killed, lost) = (KILLED.load(Ordering::Relaxed), LOST.load(Ordering::Relaxed));
    if killed == 0 {
        return Err(Skip("no protection domain was killed".into()).into());
    }
    println!("      counts: protection domains killed: {killed}, apps lost: {lost}");
    ensure!(lost == 0, "{lost} apps lost");
    Ok(())
}
