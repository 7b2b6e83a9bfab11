// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Four loops at once, the fastest in the highest slot: how late each begins, how long it takes and what it misses, alone and
//! under what others do.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};

use super::product::boot_product;
use super::{Arguments, Measured};
use crate::context::{Context, number};
use crate::harness::System;
use crate::loops::{self, Loop};

/// By slot.
const LOOPS: [Loop; 4] = [
    Loop { name: "loop-1000hz", period_us: 1_000, slot: 0 },
    Loop { name: "loop-500hz", period_us: 2_000, slot: 1 },
    Loop { name: "loop-250hz", period_us: 4_000, slot: 2 },
    Loop { name: "loop-100hz", period_us: 10_000, slot: 3 },
];
/// So many activations of the slowest.
const ACTIVATIONS: u64 = 100;
/// So many of the same, again and again, until the slowest was activated often enough.
const TIMES_MAX: u32 = 40;

/// What a tick does beside reading a sensor: a line for the log, as often as it is let.
const LOGS: &str = "(drop (call $log (i32.const 3) (i32.const 0) (i32.const 100)))";
/// Eight fuel a turn: just below what it has, as more would be a trap.
const BURNS: &str =
    "(loop (br_if 0 (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 55000))))";

/// Alone, where time follows instructions.
pub fn alone(settings: &crate::context::Settings, _: &Arguments) -> Result<Measured> {
    let context = started(settings, System::ProductByInstructions, [""; 4])?;
    context.until_activated(LOOPS[3].name, ACTIVATIONS)?;
    report(&context, "alone, -icount shift=0")
}

/// While the network is flooded.
pub fn under_flood(settings: &crate::context::Settings, _: &Arguments) -> Result<Measured> {
    let context = started(settings, System::ProductByInstructions, [""; 4])?;
    meanwhile(&context, || loops::flood(&context).map(drop))?;
    report(&context, "under a network flood, -icount shift=0")
}

/// While each of them logs a line in each tick, which is far more than is let through.
pub fn under_logs(settings: &crate::context::Settings, _: &Arguments) -> Result<Measured> {
    let context = started(settings, System::ProductByInstructions, [LOGS; 4])?;
    context.until_activated(LOOPS[3].name, ACTIVATIONS)?;
    report(&context, "while all four log 100 bytes in each tick, -icount shift=0")
}

/// While packages are pushed for which there is no slot: they are uploaded, parsed and verified.
pub fn under_installs(settings: &crate::context::Settings, _: &Arguments) -> Result<Measured> {
    let context = started(settings, System::ProductByInstructions, [""; 4])?;
    let file = context.package("downhill", "one-more.cdam", |recipe| recipe.name = "one-more".to_owned())?;
    meanwhile(&context, || context.refused(&["push", &file], "no free slot"))?;
    report(&context, "while packages are pushed without a pause, -icount shift=0")
}

/// While the loop in the lowest slot burns nearly all the fuel that admission gives anybody.
pub fn beside_a_greedy_one(settings: &crate::context::Settings, _: &Arguments) -> Result<Measured> {
    let context = started(settings, System::ProductByInstructions, ["", "", "", BURNS])?;
    context.until_activated(LOOPS[3].name, ACTIVATIONS)?;
    report(&context, "while the 100 Hz loop burns 440,000 fuel in each tick, -icount shift=0")
}

/// Alone, by the host's clock.
pub fn free_running(settings: &crate::context::Settings, _: &Arguments) -> Result<Measured> {
    let context = started(settings, System::Product, [""; 4])?;
    context.until_activated(LOOPS[3].name, ACTIVATIONS)?;
    report(&context, "alone, free running: whatever the host does beside is in these figures")
}

/// The same under a flood.
pub fn free_running_under_flood(settings: &crate::context::Settings, _: &Arguments) -> Result<Measured> {
    let context = started(settings, System::Product, [""; 4])?;
    meanwhile(&context, || loops::flood(&context).map(drop))?;
    report(&context, "under a network flood, free running: whatever the host does beside is in these figures")
}

fn started<'s>(
    settings: &'s crate::context::Settings,
    system: System,
    ticks: [&str; 4],
) -> Result<Context<'s>> {
    let context = boot_product(settings, system)?;
    for (one, tick) in LOOPS.iter().zip(ticks) {
        push(&context, one, tick)?;
    }
    Ok(context)
}

fn push(context: &Context<'_>, one: &Loop, tick: &str) -> Result<()> {
    let module = format!(
        r#"(module
          (import "cofferdam" "sensor_read" (func $read (param i32 i32 i32) (result i32)))
          (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "{}")
          (func (export "cofferdam_init"))
          (func (export "cofferdam_tick") (param i64) (local i32)
            (if (i32.lt_s (call $read (i32.const 0) (i32.const 256) (i32.const 128)) (i32.const 0)) (then unreachable))
            {tick}))"#,
        "x".repeat(100)
    );
    loops::push(context, one, &module, |recipe| {
        if tick == BURNS {
            recipe.fuel_per_activation = 480_000;
        }
        recipe.limits.log_bytes_per_second = Some(16 * 1024);
    })
}

/// Does `act` until the slowest loop was activated often enough.
fn meanwhile(context: &Context<'_>, act: impl FnMut() -> Result<()>) -> Result<()> {
    let slowest = &LOOPS[3];
    let seen = loops::meanwhile(context, slowest, ACTIVATIONS, TIMES_MAX, act)?;
    ensure!(seen >= 10, "only {seen} activations of {} in {TIMES_MAX} times", slowest.name);
    Ok(())
}

/// The fastest loop's jitter; all figures of all loops in words.
fn report(context: &Context<'_>, how: &str) -> Result<Measured> {
    let mut value = 0;
    let mut words = format!("latest begin of a 1 kHz loop in slot 0 after its release, {how}; by loop:");
    for one in &LOOPS {
        let stats = context.json(&["stats", one.name])?;
        let figure = |name: &str| number(&stats, name);
        let (jitter_us, activations) = (figure("jitter_max_us")?, figure("activations")?);
        let mean_us = figure("execution_total_us")? as f64 / activations.max(1) as f64;
        write!(
            words,
            " {} Hz: jitter {jitter_us} us, execution {mean_us:.0} us, worst {} us, late {}, missed {} of {activations};",
            1_000_000 / one.period_us,
            figure("execution_max_us")?,
            figure("overruns")?,
            figure("missed_releases")?
        )
        .context("a line")?;
        if one.slot == 0 {
            value = jitter_us;
        }
    }
    Ok(Measured { value: value as f64, how: words.trim_end_matches(';').to_owned() })
}
