// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Hard deadlines: what is admitted meets them with all that is admitted beside it running as long as it may, and what is refused
//! would not.
//!
//! Virtual time follows executed instructions, so what a loop takes is what it executes. An app that is refused is pushed again
//! without its promise: the same loop, which then shows what it would have done.

use anyhow::{Context as _, Result, ensure};
use cofferdam_client::recipe::RecipeShape;
use cofferdam_qemu::KernelKind;

use super::tests;
use crate::context::{Context, make, number};
use crate::harness::{Skip, Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "admission",
    about: "hard deadlines are kept where they are admitted, and would be missed where they are refused",
    system: System::ProductByInstructions,
    tests: tests![the_speed_is_measured, what_is_admitted_is_kept_and_what_is_refused_is_not],
};

/// A loop with the share of its period, in hundredths, that it takes of the processor.
#[derive(Clone, Copy)]
struct Loop {
    name: &'static str,
    period_us: u64,
    share: u64,
}

/// By slot: those with the shorter period first, as rate-monotonic priorities have it.
const ADMITTED: [Loop; 3] = [
    Loop { name: "hard-0", period_us: 2_000, share: 10 },
    Loop { name: "hard-1", period_us: 4_000, share: 10 },
    Loop { name: "hard-2", period_us: 10_000, share: 10 },
];
/// It fits into what is left of the processor, and not between the others.
const REFUSED: Loop = Loop { name: "hard-3", period_us: 1_000, share: 7 };
/// So many activations of the slowest: all phases of the others.
const ACTIVATIONS: u64 = 100;

/// What the device says about its speed, once it has measured it: fuel a millisecond on which it relies.
fn speed(context: &Context<'_>) -> Result<u64> {
    context.until("a measured speed", || {
        let stats = context.json(&["stats"])?;
        let relied_on = number(&stats["device"], "fuel_per_ms")?;
        Ok((relied_on != ASSUMED).then_some(relied_on))
    })
}

/// What is assumed before.
const ASSUMED: u64 = 100_000;

/// The loop's package: it burns nearly all its fuel in each tick.
fn package(context: &Context<'_>, one: &Loop, hard: bool) -> Result<String> {
    let execution_us = one.period_us * one.share / 100;
    // Beginning and ending take 40 µs; its one call takes 5.
    let fuel = (execution_us - 45) * speed(context)? / 1_000;
    let module = format!(
        r#"(module
          (import "cofferdam" "now_us" (func $now (result i64)))
          (memory (export "memory") 1)
          (func (export "cofferdam_init"))
          (func (export "cofferdam_tick") (param i64) (local i32)
            (drop (call $now))
            (loop (br_if 0 (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const {}))))))"#,
        fuel / FUEL_PER_TURN - 100
    );
    let (mut recipe, _) = context.settings.app("downhill")?;
    recipe.name = one.name.to_owned();
    recipe.sequence = if hard { 1 } else { 2 };
    recipe.shape = RecipeShape::Reactor;
    recipe.period_us = one.period_us;
    recipe.deadline_us = None;
    recipe.hard_deadline = hard;
    recipe.fuel_per_activation = fuel;
    recipe.limits.host_calls_per_activation = Some(1);
    recipe.permissions.sensors.clear();
    recipe.permissions.actuators.clear();
    let package = make(&recipe, &wat::parse_str(module)?, &context.settings.key)?;
    context.file(&format!("{}-{hard}.cdam", one.name), &package)
}

/// Fuel of a turn of the loop above, at most.
const FUEL_PER_TURN: u64 = 8;

fn the_speed_is_measured(context: &mut Context<'_>) -> Result<()> {
    let relied_on = speed(context)?;
    println!("      {relied_on} fuel a millisecond is relied on");
    // 125 to 220 a microsecond were seen on emulators, and 100 is what is assumed without a measurement.
    ensure!((20_000..1_000_000).contains(&relied_on), "{relied_on} fuel a millisecond");
    Ok(())
}

fn what_is_admitted_is_kept_and_what_is_refused_is_not(context: &mut Context<'_>) -> Result<()> {
    if context.settings.kernel == KernelKind::Sdk {
        return Err(Skip("a slot has a fifth there: other loops would have to be tried".into()).into());
    }
    for (slot, one) in (0..).zip(&ADMITTED) {
        context.done(&["push", &package(context, one, true)?])?;
        ensure!(context.figure(one.name, "slot")? == slot, "{} is elsewhere", one.name);
    }
    let file = package(context, &REFUSED, true)?;
    let said = context.cofferdam(&["push", &file])?;
    crate::context::check_refused(
        &said,
        "a hard deadline cannot be kept: in slot 3: deadline might be missed",
    )?;
    println!("      {}", said.stderr.trim());
    let slowest = ADMITTED.last().context("no loops")?;
    context.until_activated(slowest.name, ACTIVATIONS)?;
    for one in &ADMITTED {
        let stats = context.json(&["stats", one.name])?;
        let figure = |name: &str| number(&stats, name);
        let (fuel, may) =
            (figure("fuel_max")?, (one.period_us * one.share / 100 - 45) * speed(context)? / 1_000);
        println!(
            "      {}: {} activations, {} µs at most of {} µs, {fuel} of {may} fuel, late {}, missed {}",
            one.name,
            figure("activations")?,
            figure("execution_max_us")? + figure("jitter_max_us")?,
            one.period_us,
            figure("overruns")?,
            figure("missed_releases")?
        );
        ensure!(fuel * 10 >= may * 6, "{} runs for less than it may: {fuel} of {may}", one.name);
        ensure!(figure("overruns")? == 0 && figure("missed_releases")? == 0, "{}: {stats}", one.name);
    }
    // Without its promise it is taken, and is late.
    context.done(&["push", &package(context, &REFUSED, false)?])?;
    context.until_activated(slowest.name, ACTIVATIONS)?;
    let stats = context.json(&["stats", REFUSED.name])?;
    println!("      {}: late {}, missed {}", REFUSED.name, stats["overruns"], stats["missed_releases"]);
    // A tick that ends behind its deadline has its next release behind it, too.
    let late = ["overruns", "missed_releases"].map(|name| stats[name].as_u64().unwrap_or(0));
    ensure!(late != [0, 0], "what was refused would have been in time: {stats}");
    for one in &ADMITTED {
        ensure!(context.figure(one.name, "overruns")? == 0, "{} is late now", one.name);
    }
    Ok(())
}
