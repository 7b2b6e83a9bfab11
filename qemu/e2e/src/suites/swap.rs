// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A control loop is swapped for another version in flight: no tick goes without a value, what must not move does not, and a
//! version that fails is handed back.
//!
//! The image is that of the suite `lifecycle`: an app can ask its slot to fault, the network wasm_manager. Virtual time follows
//! executed instructions, so a tick can be missed only by what runs inside the machine. `actuator_guard` says how many ticks
//! went without a value and how long it took from one to the next; the slots say how many releases they missed.

use anyhow::{Context as _, Result, anyhow, ensure};
use cofferdam_client::recipe::{Recipe, RecipeShape, RecipeSwap};
use cofferdam_management_protocol::SwapState;
use serde_json::Value;

use super::lifecycle::kill_manager;
use super::tests;
use crate::command::Finished;
use crate::context::{Context, make, number};
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "swap",
    about: "a version takes over from a running one without a missed tick, and is handed back when it fails",
    system: System::VariantWithDisk("lifecycle"),
    tests: tests![
        a_shadow_moves_nothing,
        a_hundred_swaps,
        a_difference_hands_back,
        a_trap_hands_back,
        exhausted_fuel_hands_back,
        a_missed_deadline_hands_back,
        a_slot_fault_hands_back,
        both_are_shown,
        wasm_manager_dies_in_the_middle,
        power_fails_in_the_middle,
    ],
};

const APP: &str = "swapped";
/// 250 Hz.
pub const PERIOD_US: u64 = 4_000;
/// Swaps in one flight.
pub const SWAPS: u64 = 100;
/// How far apart two values may lie beside a period: what slots above, servers and a longer tick can cost.
const LATE_US: u64 = 1_000;

/// What a version writes in each tick: a function of time, so that two versions write the same.
const WAVE: &str = "(f64.add (f64.const 0.4) (f64.div (f64.convert_i64_u (i64.rem_u (i64.div_u (local.get 0) \
    (i64.const 4000)) (i64.const 16))) (f64.const 1000)))";

/// Version `sequence` of [`APP`], which writes `value` in each tick and does `act` before it from tick `from` on.
fn package(
    context: &Context<'_>,
    sequence: u64,
    value: &str,
    (from, act): (u32, &str),
    change: impl FnOnce(&mut Recipe),
) -> Result<String> {
    let module = format!(
        r#"(module
          (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
          (import "cofferdam" "sensor_read" (func $read (param i32 i32 i32) (result i32)))
          (import "cofferdam" "lease_acquire" (func $lease (param i32 i64) (result i64)))
          (import "cofferdam" "actuator_write" (func $write (param i32 f64) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "fault")
          (global $version i64 (i64.const {sequence}))
          (global $ticks (mut i32) (i32.const 0))
          (global $burn (mut i32) (i32.const 0))
          (global $fastest (mut f64) (f64.const 0))
          (func (export "cofferdam_init"))
          (func (export "cofferdam_tick") (param i64)
            (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
            (if (i32.gt_u (global.get $ticks) (i32.const {from})) (then {act}))
            (if (i64.lt_s (call $lease (i32.const 4) (i64.const 100000)) (i64.const 0)) (then unreachable))
            (if (i32.ne (call $write (i32.const 4) {value}) (i32.const 0)) (then unreachable))))"#
    );
    let (mut recipe, _) = context.settings.app("downhill")?;
    recipe.name = APP.to_owned();
    recipe.version = format!("{sequence}.0");
    recipe.sequence = sequence;
    recipe.shape = RecipeShape::Reactor;
    recipe.period_us = PERIOD_US;
    recipe.deadline_us = None;
    recipe.fuel_per_activation = 150_000;
    recipe.swap = Some(terms(40_000, 2_000_000));
    change(&mut recipe);
    let package = make(&recipe, &wat::parse_str(module)?, &context.settings.key)?;
    context.file(&format!("{APP}-{sequence}.cdam"), &package)
}

fn terms(agree_us: u64, watch_us: u64) -> RecipeSwap {
    RecipeSwap {
        agree_us: Some(agree_us),
        watch_us: Some(watch_us),
        divergence_permille: Some(10),
        divergent_ticks_max: None,
    }
}

const NOTHING: (u32, &str) = (0, "nop");
/// Ticks after which a bad version has taken over, and is watched: it agrees for ten.
const TAKEN_OVER: u32 = 100;

/// The sequence numbers of a test: the ratchet outlives its apps.
fn numbers(test: u64) -> [u64; 2] {
    [1_000 * test, 1_000 * test + 1]
}

/// Pushes the first version and lets it run.
fn push_first(context: &Context<'_>, sequence: u64) -> Result<()> {
    let file = package(context, sequence, WAVE, NOTHING, |_| ())?;
    context.done(&["push", &file])?;
    context.until_activated(APP, 20).map(drop)
}

/// What `push --swap --json` prints of the swap.
fn swap(context: &Context<'_>, file: &str) -> Result<(Finished, Value)> {
    let finished = context.cofferdam(&["push", "--swap", file, "--json"])?;
    let line = finished.stdout.lines().next().with_context(|| format!("nothing printed: {finished}"))?;
    let value = serde_json::from_str(line).with_context(|| format!("not JSON: {finished}"))?;
    Ok((finished, value))
}

/// The version that is installed, alone, and its slot's own count of what it missed.
fn installed(context: &Context<'_>) -> Result<u64> {
    let list = context.json(&["ls"])?;
    let apps = list["apps"].as_array().ok_or_else(|| anyhow!("no list of apps: {list}"))?;
    ensure!(apps.len() == 1 && apps[0]["state"] == "running" && apps[0]["swap"].is_null(), "{list}");
    let stats = context.json(&["stats", APP])?;
    ensure!(stats["missed_releases"] == 0 && stats["overruns"] == 0, "{stats}");
    number(&apps[0], "sequence")
}

/// A version that does `act` from some tick on takes over, and loses that again for `reason`.
fn is_handed_back(
    context: &mut Context<'_>,
    test: u64,
    (value, act): (&str, &str),
    reason: &str,
    change: impl FnOnce(&mut Recipe),
) -> Result<()> {
    context.announce(&format!("app {APP}"));
    context.announce("goes on, not");
    let [first, second] = numbers(test);
    push_first(context, first)?;
    let file = package(context, second, value, (TAKEN_OVER, act), change)?;
    let position = context.position();
    let (finished, swap) = swap(context, &file)?;
    ensure!(finished.status.code() == Some(1), "should have failed: {finished}");
    let said = swap["reason"].as_str().unwrap_or_default().to_owned();
    ensure!(swap["state"] == "failed" && said.contains(reason), "for '{reason}'? {swap}");
    ensure!(number(&swap, "taken_over_us")? > 0, "it never took over: {swap}");
    context.expect_from(position, "authority passed from app_slot_0 to app_slot_1")?;
    let back = context.expect_from(position, "authority is with app_slot_0, not with app_slot_1")?;
    println!("      {said}: {}", back.text);
    println!("      missed {}, longest {} us", swap["missed_ticks"], swap["longest_us"]);
    ensure!(number(&swap, "missed_ticks")? == 0, "a tick went without a value: {swap}");
    ensure!(number(&swap, "longest_us")? <= 2 * PERIOD_US + LATE_US, "{swap}");
    context.until_activated(APP, 20)?;
    ensure!(installed(context)? == first, "the version before does not go on");
    Ok(())
}

/// The vehicle rolls faster and faster while the brake is off. The shadow brakes fully for as long as it is let: the running
/// version, which would trap if the vehicle had become slower, must not have seen anything of it.
fn a_shadow_moves_nothing(context: &mut Context<'_>) -> Result<()> {
    context.announce("goes on, not");
    let [first, second] = numbers(1);
    let watch = "(if (i32.lt_s (call $read (i32.const 2) (i32.const 64) (i32.const 128)) (i32.const 0)) (then unreachable))
        (if (f64.gt (f64.load (i32.const 72)) (global.get $fastest)) (then (global.set $fastest (f64.load (i32.const 72)))))
        (if (f64.lt (f64.load (i32.const 72)) (f64.sub (f64.mul (global.get $fastest) (f64.const 0.98)) (f64.const 0.05)))
          (then unreachable))";
    let file = package(context, first, "(f64.const 0)", (0, watch), |_| ())?;
    context.done(&["push", &file])?;
    context.until_activated(APP, 100)?;
    let file = package(context, second, "(f64.const 1)", NOTHING, |_| ())?;
    let (finished, swap) = swap(context, &file)?;
    ensure!(finished.status.code() == Some(1), "should have failed: {finished}");
    let reason = "did not agree for long enough: value too far off (brake)";
    ensure!(swap["reason"].as_str().is_some_and(|said| said.contains(reason)), "{swap}");
    ensure!(number(&swap, "taken_over_us")? == 0 && number(&swap, "compared_ticks")? > 100, "{swap}");
    println!("      {} ticks of full brake in shadow moved nothing", swap["compared_ticks"]);
    ensure!(installed(context)? == first, "the version before does not go on");
    // The same value without a shadow's cover does move something: the watcher sees it.
    context.announce(&format!("app {APP}"));
    let file = package(context, second + 1, "(f64.const 1)", (0, watch), |_| ())?;
    // It may have trapped before this returns.
    context.cofferdam(&["push", &file])?;
    context.until_state(APP, "failed")
}

/// What swaps did to an output.
#[derive(Default)]
pub struct Swaps {
    /// Ticks that went without a value.
    pub missed: u64,
    /// From one value to the next, at most.
    pub longest_us: u64,
    /// Ticks in which both versions were compared.
    pub compared: u64,
    /// From the command to its end, all of them.
    pub milliseconds: u64,
}

/// Swaps [`SWAPS`] times in one flight; each must be done, at a tick's boundary.
pub fn swaps(context: &Context<'_>) -> Result<Swaps> {
    let first = 2_000;
    push_first(context, first)?;
    let mut swaps = Swaps::default();
    for sequence in first + 1..=first + SWAPS {
        let file = package(context, sequence, WAVE, NOTHING, |recipe| {
            recipe.swap = Some(terms(40_000, 40_000));
        })?;
        let (finished, swap) = swap(context, &file)?;
        ensure!(finished.status.success() && swap["state"] == "done", "{finished}");
        let taken_over_us = number(&swap, "taken_over_us")?;
        ensure!(
            taken_over_us > 0 && taken_over_us.is_multiple_of(PERIOD_US),
            "not at a tick's boundary: {swap}"
        );
        swaps.missed += number(&swap, "missed_ticks")?;
        swaps.longest_us = swaps.longest_us.max(number(&swap, "longest_us")?);
        swaps.compared += number(&swap, "compared_ticks")?;
        swaps.milliseconds += number(&swap, "milliseconds")?;
        ensure!(installed(context)? == sequence, "{sequence} is not the installed one");
    }
    Ok(swaps)
}

fn a_hundred_swaps(context: &mut Context<'_>) -> Result<()> {
    let Swaps { missed, longest_us, compared, milliseconds } = swaps(context)?;
    println!(
        "      swap gap: {missed} ticks in {SWAPS} swaps of a loop of 250 Hz ({compared} ticks side by side); longest time between \
         two values {longest_us} us of a period of {PERIOD_US} us; {} ms a swap",
        milliseconds / SWAPS
    );
    ensure!(missed == 0, "{missed} ticks went without a value");
    ensure!(longest_us <= PERIOD_US + LATE_US, "{longest_us} us");
    let log = context.json(&["audit"])?;
    let count = |what: &str| {
        let all = log["entries"].as_array().into_iter().flatten();
        all.filter(|entry| entry["what"] == what && entry["component"] == APP).count()
    };
    ensure!(count("replace") > 0 && count("hand-over") > 0 && count("swap") > 0, "the event log: {log}");
    Ok(())
}

fn a_difference_hands_back(context: &mut Context<'_>) -> Result<()> {
    let value = format!(
        "(f64.add {WAVE} (select (f64.const 0.1) (f64.const 0) (i32.gt_u (global.get $ticks) (i32.const {TAKEN_OVER}))))"
    );
    is_handed_back(context, 3, (&value, "nop"), "value too far off (brake)", |_| ())
}

fn a_trap_hands_back(context: &mut Context<'_>) -> Result<()> {
    is_handed_back(context, 4, (WAVE, "unreachable"), "unreachable executed", |_| ())
}

/// Its deadline is its period, and the tick has no value until the fuel is used up: there must be so little of it that this happens
/// within the period also where a slot has a fifth of the processor.
fn exhausted_fuel_hands_back(context: &mut Context<'_>) -> Result<()> {
    is_handed_back(context, 5, (WAVE, "(loop $again (br $again))"), "fuel exhausted", |recipe| {
        recipe.fuel_per_activation = 30_000;
    })
}

/// It writes what it should, but burns 0.75 ms' worth of fuel before, which is past its deadline and within what it has.
fn a_missed_deadline_hands_back(context: &mut Context<'_>) -> Result<()> {
    let late = "(global.set $burn (i32.const 0))
        (loop $again (global.set $burn (i32.add (global.get $burn) (i32.const 1)))
          (br_if $again (i32.lt_u (global.get $burn) (i32.const 15000))))";
    is_handed_back(context, 6, (WAVE, late), "no value by the deadline (brake)", |recipe| {
        recipe.deadline_us = Some(500);
    })
}

fn a_slot_fault_hands_back(context: &mut Context<'_>) -> Result<()> {
    context.announce("panicked at");
    let fault = "(drop (call $log (i32.const 3) (i32.const 0) (i32.const 5)))";
    is_handed_back(context, 7, (WAVE, fault), "protection domain fault", |_| ())
}

/// Begins a swap that goes on; returns once the new version has taken over.
fn begin(context: &Context<'_>, test: u64) -> Result<()> {
    let [first, second] = numbers(test);
    push_first(context, first)?;
    let file = package(context, second, WAVE, NOTHING, |recipe| {
        recipe.swap = Some(terms(40_000, 600_000_000));
    })?;
    let mut device = context.device()?;
    device.swap(&std::fs::read(file)?, &mut |_| ())?;
    context.until("the new version has taken over", || {
        Ok((device.swap_status(APP)?.state == SwapState::Watching).then_some(()))
    })
}

fn both_are_shown(context: &mut Context<'_>) -> Result<()> {
    context.announce("goes on, not");
    begin(context, 8)?;
    let shown = context.done(&["ls"])?;
    let row = |words: &str| shown.lines().any(|line| line.starts_with(APP) && line.contains(words));
    ensure!(row("as a shadow: it is compared and moves nothing") && row("has just taken over"), "{shown}");
    let stats = context.done(&["stats"])?;
    ensure!(stats.contains(&format!("{APP}@0")) && stats.contains(&format!("{APP}@1")), "{stats}");
    for slot in 0..2 {
        let name = format!("{APP}@{slot}");
        ensure!(context.figure(&name, "slot")? == slot, "{name} is elsewhere");
        context.until_activated(&name, 10)?;
    }
    context.refused(&["rollback", APP], "a swap is under way")?;
    context.done(&["stop", APP])?;
    ensure!(context.state(APP)? == "stopped", "a stop ends a swap");
    Ok(())
}

fn wasm_manager_dies_in_the_middle(context: &mut Context<'_>) -> Result<()> {
    context.announce("panicked at");
    context.announce("'wasm_manager' faulted");
    begin(context, 9)?;
    let position = context.position();
    kill_manager(context)?;
    context.expect_from(position, "wasm_manager starts again")?;
    context.expect_from(position, "authority is with app_slot_0, not with app_slot_1: it was stopped")?;
    context.expect_from(position, &format!("took over {APP}"))?;
    context.until_served("wasm_manager's fault")?;
    ensure!(installed(context)? == numbers(9)[0], "the version before does not go on");
    let lost =
        context.console().lines_from(position).into_iter().find(|line| line.text.contains("safe value"));
    ensure!(lost.is_none(), "an output went to its safe state: {lost:?}");
    context.until_activated(APP, 20).map(drop)
}

fn power_fails_in_the_middle(context: &mut Context<'_>) -> Result<()> {
    begin(context, 10)?;
    context.boot_again(true)?;
    context.until_state(APP, "running")?;
    ensure!(installed(context)? == numbers(10)[0], "not the version before");
    Ok(())
}
