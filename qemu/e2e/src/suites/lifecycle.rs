// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Restarts, probation and rollback; slots, gateway and wasm_manager that fault while control loops go on.
//!
//! The image is the product, but apps can ask their slot to fault (`app_slot`'s feature `spin-test`), and the network can
//! ask gateway and wasm_manager (their feature `fault-test`). Virtual time follows executed instructions, so a tick can be
//! missed only by what runs inside the machine.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, anyhow, ensure};
use cofferdam_client::recipe::{Recipe, RecipeAfterRestarts, RecipeProbation, RecipeRestart, RecipeShape};
use serde_json::Value;

use super::tests;
use crate::context::{Context, STEP_LIMIT, make, number};
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "lifecycle",
    about: "restarts with back-off, probation, rollback; slots, gateway and wasm_manager fault, and apps go on",
    system: System::VariantWithDisk("lifecycle"),
    tests: tests![
        restarts_back_off_and_then_roll_back,
        a_trap_on_probation_rolls_back,
        exhausted_fuel_on_probation_rolls_back,
        missed_deadlines_on_probation_roll_back,
        a_slot_fault_on_probation_rolls_back,
        a_probation_is_passed,
        a_rollback_by_command_lasts,
        what_happened_by_itself_is_in_the_event_log,
        a_slot_faults_and_neighbours_miss_nothing,
        gateway_faults_and_comes_back,
        wasm_manager_faults_and_comes_back,
        the_counts,
    ],
};

/// The app that misbehaves.
const APP: &str = "changer";
/// Control loops beside it.
const NEIGHBOURS: [&str; 2] = ["left", "right"];
/// Long enough for each cause to come first.
const PROBATION_US: u64 = 3_000_000;

/// What was done, for the last line.
static KILLED: AtomicU32 = AtomicU32::new(0);
static ROLLED_BACK: AtomicU32 = AtomicU32::new(0);
static LOST: AtomicU32 = AtomicU32::new(0);

/// What version `sequence` of [`APP`] does in each tick.
fn package(
    context: &Context<'_>,
    sequence: u64,
    tick: &str,
    change: impl FnOnce(&mut Recipe),
) -> Result<String> {
    let module = format!(
        r#"(module
          (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "fault")
          (data (i32.const 16) "v{sequence}")
          (global $ticks (mut i32) (i32.const 0))
          (func (export "cofferdam_init") (drop (call $log (i32.const 3) (i32.const 16) (i32.const 2))))
          (func (export "cofferdam_tick") (param i64)
            (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
            (if (i32.gt_u (global.get $ticks) (i32.const 20)) (then {tick}))))"#
    );
    let (mut recipe, _) = context.settings.app("downhill")?;
    recipe.name = APP.to_owned();
    recipe.version = format!("{sequence}.0");
    recipe.sequence = sequence;
    recipe.shape = RecipeShape::Reactor;
    recipe.fuel_per_activation = 400_000;
    recipe.permissions.sensors.clear();
    recipe.permissions.actuators.clear();
    recipe.deadline_us = None;
    change(&mut recipe);
    let package = make(&recipe, &wat::parse_str(module)?, &context.settings.key)?;
    context.file(&format!("{APP}-{sequence}.cdam"), &package)
}

const NOTHING: &str = "nop";
const TRAP: &str = "unreachable";
const ENDLESS: &str = "(loop $again (br $again))";
const FAULT: &str = "(drop (call $log (i32.const 3) (i32.const 0) (i32.const 5)))";
/// Longer than a deadline of 1 µs, within its fuel.
const LATE: &str = "(loop $again (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
    (br_if $again (i32.rem_u (global.get $ticks) (i32.const 20000))))";

/// A sequence number that no test before has used: ratchets outlive apps.
fn next_sequence() -> u64 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    // Two digits at most: see the module's log line.
    u64::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

fn entry(context: &Context<'_>) -> Result<Value> {
    context.entry(APP)?.ok_or_else(|| anyhow!("{APP} is gone"))
}

fn on_probation(recipe: &mut Recipe, time_us: u64) {
    recipe.probation = Some(RecipeProbation { time_us, missed_deadlines_max: 3 });
}

/// Pushes a good version and then one on probation that does `tick`; the good one must come back, for `reason`.
fn goes_back(
    context: &mut Context<'_>,
    tick: &str,
    reason: &str,
    change: impl FnOnce(&mut Recipe),
) -> Result<()> {
    context.announce(&format!("app {APP}"));
    let (good, bad) = (next_sequence(), next_sequence());
    let file = package(context, good, NOTHING, |_| ())?;
    context.done(&["push", &file])?;
    context.until_activated(APP, 5)?;
    let position = context.position();
    let update = package(context, bad, tick, |recipe| {
        on_probation(recipe, PROBATION_US);
        change(recipe);
    })?;
    // Whether the push itself sees the rollback already is a matter of time.
    context.cofferdam(&["push", &update])?;
    let said = format!("app {APP} rolled back from {bad}.0 to {good}.0");
    let line = context.expect_from(position, &said)?;
    ensure!(line.text.contains(reason), "rolled back for another reason: {line}");
    context.until_state(APP, "running")?;
    let entry = entry(context)?;
    ensure!(entry["sequence"] == good && entry["previous"].is_null(), "not the version before: {entry}");
    let why = entry["rolled_back"].as_str().unwrap_or_default();
    ensure!(why.contains(reason), "ls does not say why: {entry}");
    context.until_activated(APP, 50)?;
    ROLLED_BACK.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn a_trap_on_probation_rolls_back(context: &mut Context<'_>) -> Result<()> {
    goes_back(context, TRAP, "unreachable executed", |_| ())
}

fn exhausted_fuel_on_probation_rolls_back(context: &mut Context<'_>) -> Result<()> {
    goes_back(context, ENDLESS, "fuel exhausted", |recipe| recipe.fuel_per_activation = 10_000)
}

fn missed_deadlines_on_probation_roll_back(context: &mut Context<'_>) -> Result<()> {
    goes_back(context, LATE, "deadlines missed on probation", |recipe| recipe.deadline_us = Some(1))
}

fn a_slot_fault_on_probation_rolls_back(context: &mut Context<'_>) -> Result<()> {
    context.announce("panicked at");
    KILLED.fetch_add(1, Ordering::Relaxed);
    goes_back(context, FAULT, "protection domain fault", |_| ())
}

/// Times are those of the device's own log.
fn restarts_back_off_and_then_roll_back(context: &mut Context<'_>) -> Result<()> {
    context.announce(&format!("app {APP}"));
    let (good, bad) = (next_sequence(), next_sequence());
    let file = package(context, good, NOTHING, |_| ())?;
    context.done(&["push", &file])?;
    let mut position = context.position();
    let update = package(context, bad, TRAP, |recipe| {
        recipe.restarts = 3;
        recipe.restart = Some(RecipeRestart {
            delay_us: 300_000,
            delay_max_us: Some(700_000),
            window_us: 60_000_000,
            then: RecipeAfterRestarts::Rollback,
        });
    })?;
    context.cofferdam(&["push", &update])?;
    for (number, delay_us) in [(1, 300_000), (2, 600_000), (3, 700_000)] {
        let said = format!("app {APP} starts again in {delay_us} us (restart {number})");
        let (after, failed) = context.follow_from(position, &said)?;
        let (after, again) = context.follow_from(after, &format!("app {APP} running"))?;
        position = after;
        let waited = seconds(&again.text)? - seconds(&failed.text)?;
        let least = f64::from(delay_us) / 1e6;
        ensure!(waited >= least && waited < least + 2.0, "restart {number} came after {waited} s");
    }
    context.expect_from(position, &format!("app {APP} rolled back from {bad}.0 to {good}.0"))?;
    context.until_state(APP, "running")?;
    ensure!(entry(context)?["sequence"] == good, "not the version before");
    ROLLED_BACK.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// The time at the beginning of a console line: `[   12.345678] …`.
pub(super) fn seconds(line: &str) -> Result<f64> {
    let time = line.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(time, _)| time.trim());
    time.and_then(|time| time.parse().ok()).ok_or_else(|| anyhow!("no time in '{line}'"))
}

fn a_probation_is_passed(context: &mut Context<'_>) -> Result<()> {
    let (good, better) = (next_sequence(), next_sequence());
    let file = package(context, good, NOTHING, |_| ())?;
    context.done(&["push", &file])?;
    let update = package(context, better, NOTHING, |recipe| {
        // So long that it is seen before it is over.
        on_probation(recipe, 10 * PROBATION_US);
    })?;
    context.done(&["push", &update])?;
    let before = entry(context)?;
    ensure!(before["probation_left_us"].is_u64(), "not on probation: {before}");
    context.expect(&format!("app {APP} {better}.0 has passed its probation"))?;
    let after = entry(context)?;
    ensure!(after["probation_left_us"].is_null() && after["sequence"] == better, "{after}");
    ensure!(after["previous"] == format!("{good}.0"), "the version before is not kept: {after}");
    Ok(())
}

fn a_rollback_by_command_lasts(context: &mut Context<'_>) -> Result<()> {
    let (older, newer) = (next_sequence(), next_sequence());
    let first = package(context, older, NOTHING, |_| ())?;
    context.done(&["push", &first])?;
    context.refused(&["rollback", APP], "no version to roll back to")?;
    let second = package(context, newer, NOTHING, |_| ())?;
    context.done(&["push", &second])?;
    let output = context.done(&["rollback", APP])?;
    ensure!(output.contains(&format!("rolled {APP} back from {newer}.0 to {older}.0")), "{output}");
    ROLLED_BACK.fetch_add(1, Ordering::Relaxed);
    context.until_activated(APP, 5)?;
    context.cut_power();
    context.boot_again(true)?;
    ensure!(entry(context)?["sequence"] == older, "the rollback was lost with the power");
    context.until_activated(APP, 5)?;
    context.refused(&["push", &first], "ratchet")?;
    context.refused(&["rollback", APP], "no version to roll back to")?;
    context.done(&["push", &second])?;
    Ok(())
}

/// Behind the tests before (of many failures of an app not each has an entry): their failures, restarts, faults, probations and rollbacks, signed by nobody's command.
fn what_happened_by_itself_is_in_the_event_log(context: &mut Context<'_>) -> Result<()> {
    let log = context.json(&["audit"])?;
    let entries = log["entries"].as_array().ok_or_else(|| anyhow!("no entries: {log}"))?;
    let about = |what: &str, text: &str| {
        entries.iter().any(|entry| {
            let says = entry["text"].as_str().unwrap_or_default().contains(text);
            entry["what"] == what && entry["component"] == APP && entry["by"].is_null() && says
        })
    };
    let expected = [
        ("fail", "unreachable executed"),
        ("restart", ""),
        ("fault", "protection domain fault"),
        ("proven", ""),
        ("roll-back", "unreachable executed"),
        ("roll-back", "fuel exhausted"),
        ("roll-back", "deadlines missed on probation"),
        ("roll-back", "protection domain fault"),
    ];
    for (what, text) in expected {
        ensure!(about(what, text), "no entry '{what}' with '{text}' about {APP} in {log}");
    }
    Ok(())
}

/// What `stats` knows of a protection domain.
fn figure(context: &Context<'_>, domain: &str, name: &str) -> Result<u64> {
    let stats = context.json(&["stats"])?;
    let domains = stats["domains"].as_array().ok_or_else(|| anyhow!("no domains: {stats}"))?;
    let found = domains.iter().find(|found| found["name"] == domain);
    found.and_then(|found| found[name].as_u64()).ok_or_else(|| anyhow!("{domain} has no {name}: {stats}"))
}

/// Starts the neighbours; gives how often each was activated.
fn neighbours(context: &Context<'_>) -> Result<Vec<u64>> {
    NEIGHBOURS.iter().try_for_each(|name| context.push("downhill", name).map(drop))?;
    NEIGHBOURS.iter().map(|name| context.until_activated(name, 10)).collect()
}

/// The neighbours must have gone on, without a new start and without a missed tick.
fn went_on(context: &Context<'_>, before: &[u64]) -> Result<()> {
    for (name, before) in NEIGHBOURS.iter().zip(before) {
        let after = context.until_activated(name, 20)?;
        let stats = context.json(&["stats", name])?;
        let restarted = after < *before || stats["restarts"] != 0;
        if restarted || context.state(name)? != "running" {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
        ensure!(!restarted, "{name} was started again: {after} activations after {before}");
        ensure!(stats["missed_releases"] == 0, "{name} missed ticks: {stats}");
        ensure!(stats["overruns"] == 0, "{name} was late: {stats}");
    }
    Ok(())
}

fn a_slot_faults_and_neighbours_miss_nothing(context: &mut Context<'_>) -> Result<()> {
    context.announce("panicked at");
    context.announce(&format!("app {APP}"));
    let before = neighbours(context)?;
    let file = package(context, next_sequence(), FAULT, |recipe| recipe.restarts = 2)?;
    let position = context.position();
    // It may have faulted for good before this returns.
    context.cofferdam(&["push", &file])?;
    for number in 1..=2 {
        context.expect_from(position, &format!("app {APP} starts again ({number} of 2)"))?;
    }
    context.until_state(APP, "failed")?;
    let failed = entry(context)?;
    ensure!(failed["restarts"] == 2, "ls does not count: {failed}");
    let slot = number(&failed, "slot")?;
    let faults = figure(context, &format!("app_slot_{slot}"), "faults")?;
    ensure!(faults >= 3, "stats count {faults} faults of slot {slot}");
    KILLED.fetch_add(3, Ordering::Relaxed);
    ensure!(failed["reason"].as_str().is_some_and(|reason| reason.contains("protection domain fault")));
    went_on(context, &before)
}

/// Lets the gateway fault: it looks for these bytes.
pub(super) fn kill_gateway(context: &Context<'_>) -> Result<()> {
    kill(context, b"fault gateway")
}

/// Lets wasm_manager fault: a message that says so, behind its length.
pub(super) fn kill_manager(context: &Context<'_>) -> Result<()> {
    let message = b"fault wasm_manager";
    kill(context, &[&u32::try_from(message.len())?.to_le_bytes()[..], message].concat())
}

/// A connection that makes `bytes` the last thing that somebody reads; it must end.
fn kill(context: &Context<'_>, bytes: &[u8]) -> Result<()> {
    let mut stream = TcpStream::connect(context.address()?).context("cannot connect")?;
    stream.set_read_timeout(Some(STEP_LIMIT))?;
    let mut greeting = [0; 4];
    stream.read_exact(&mut greeting).context("no greeting")?;
    stream.write_all(bytes)?;
    KILLED.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn gateway_faults_and_comes_back(context: &mut Context<'_>) -> Result<()> {
    context.announce("panicked at");
    context.announce("'gateway' faulted");
    let before = neighbours(context)?;
    ensure!(
        figure(context, "gateway", "restarts")? == 0,
        "stats count restarts of gateway before there are any"
    );
    for time in 1..=2 {
        let position = context.position();
        kill_gateway(context)?;
        context.expect_from(position, &format!("gateway starts again (restart {time})"))?;
        context.until_served("gateway's fault")?;
        went_on(context, &before)?;
    }
    for name in ["faults", "restarts"] {
        ensure!(figure(context, "gateway", name)? == 2, "stats do not count {name} of gateway");
    }
    let file = package(context, next_sequence(), NOTHING, |_| ())?;
    context.done(&["push", &file]).map(drop)
}

fn wasm_manager_faults_and_comes_back(context: &mut Context<'_>) -> Result<()> {
    context.announce("panicked at");
    context.announce("'wasm_manager' faulted");
    let before = neighbours(context)?;
    let (older, newer) = (next_sequence(), next_sequence());
    let first = package(context, older, NOTHING, |_| ())?;
    let second = package(context, newer, NOTHING, |_| ())?;
    context.done(&["push", &second])?;
    for time in 1..=2 {
        let position = context.position();
        kill_manager(context)?;
        context.expect_from(position, &format!("wasm_manager starts again (restart {time})"))?;
        for name in NEIGHBOURS.iter().chain(&[APP]) {
            context.expect_from(position, &format!("took over {name}"))?;
        }
        context.expect_from(position, "device ready")?;
        context.until_served("wasm_manager's fault")?;
        went_on(context, &before)?;
    }
    // It is told by its parent, and remembers itself that it did not begin with a boot.
    ensure!(figure(context, "wasm_manager", "restarts")? == 2, "stats do not count restarts of wasm_manager");
    let log = context.json(&["audit"])?;
    let resumed = log["entries"]
        .as_array()
        .map_or(0, |entries| entries.iter().filter(|entry| entry["what"] == "resume").count());
    ensure!(resumed == 2, "the event log tells {resumed} of 2 restarts of wasm_manager");
    context.refused(&["push", &first], "ratchet")?;
    context.done(&["stop", APP])?;
    context.done(&["start", APP])?;
    context.until_activated(APP, 5).map(drop)
}

fn the_counts(_: &mut Context<'_>) -> Result<()> {
    let [killed, rolled_back, lost] =
        [&KILLED, &ROLLED_BACK, &LOST].map(|count| count.load(Ordering::Relaxed));
    println!(
        "      counts: protection domains killed: {killed}, rollbacks: {rolled_back}, apps lost: {lost}"
    );
    ensure!(lost == 0, "{lost} apps were lost");
    Ok(())
}
