// SPDX-License-Identifier: Apache-2.0 OR MIT
//! An app that has broken out of its interpreter gains nothing.
//!
//! The image is the product but for `app_slot`, whose feature `rogue-test` makes the slot's own code call `sensor_hub`,
//! `actuator_guard`, `topic_hub` and `timer_driver` with every label and many words, oftener than it may
//! (`protection-domains/app_slot/src/rogue_test.rs`). What a server must not answer, it counts; its neighbours hold a brake and pass
//! each other messages meanwhile. Virtual time follows executed instructions, so a busy host makes nobody late.

use anyhow::{Context as _, Result, ensure};
use cofferdam_client::recipe::{RecipeRange, RecipeShape};
use cofferdam_package::manifest::Resource;

use super::tests;
use crate::context::{Context, make};
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "rogue",
    about: "a slot that calls the servers past the interpreter gets no more than its manifest permits",
    system: System::VariantByInstructions("rogue"),
    tests: tests![nothing_without_permission, no_more_than_is_permitted],
};

const ROGUE: &str = "rogue";
/// What the manifest permits: the first sensor, the first output, and two topics; each so often a second.
const READS_HZ: u32 = 50;
const WRITES_HZ: u32 = 20;
const PUBLISHES_HZ: u32 = 10;
const RECEIVES_HZ: u32 = 5;
const VALUE_MAX: f64 = 0.25;
/// Fewer calls would mean that it did not try.
const CALLS_MIN: u64 = 15_000;

/// What the slot says at its end.
#[derive(Debug, Default, PartialEq)]
struct Summary {
    calls: u64,
    answered: u64,
    breaches: u64,
    most: [u64; 4],
}

fn nothing_without_permission(context: &mut Context<'_>) -> Result<()> {
    let seen = campaign(context, false)?;
    // Only giving back leases that one has not is answered, whoever asks.
    ensure!(seen.most == [0; 4], "something was answered: {seen:?}");
    ensure!(seen.answered < seen.calls / 1000, "{seen:?}");
    Ok(())
}

fn no_more_than_is_permitted(context: &mut Context<'_>) -> Result<()> {
    let seen = campaign(context, true)?;
    let most = [READS_HZ, WRITES_HZ, PUBLISHES_HZ, RECEIVES_HZ].map(u64::from);
    ensure!(seen.most == most, "not as often as permitted, or oftener: {seen:?}, permitted {most:?}");
    Ok(())
}

fn campaign(context: &mut Context<'_>, permitted: bool) -> Result<Summary> {
    push_rogue(context, permitted)?;
    // In slots above it, so that they miss a tick only if a server keeps them waiting.
    context.push("pacer", "pacer")?;
    context.push("downhill", "downhill")?;
    context.push("chaser", "chaser")?;
    context.expect("/chaser: speed")?;
    context.expect("/downhill: speed")?;
    let position = context.position();
    context.done(&["start", ROGUE])?;
    ensure!(context.figure(ROGUE, "slot")? == 3, "the rogue is not below its neighbours");
    // Ten batches at a time: slow is not stuck.
    for batch in 1.. {
        let over = format!("rogue: batch {}0,", batch);
        let seen = context.until("ten more batches, or the end", || {
            let lines = context.console().lines_from(position);
            let end = lines.iter().find(|line| line.text.contains("rogue over: "));
            let more = lines.iter().any(|line| line.text.contains(&over));
            Ok((end.is_some() || more).then(|| end.cloned()))
        })?;
        if let Some(end) = seen {
            let seen = parse(&end.text).with_context(|| format!("not understood: {end}"))?;
            println!("      {seen:?}");
            ensure!(seen.calls >= CALLS_MIN, "it hardly tried: {seen:?}");
            ensure!(seen.breaches == 0, "{seen:?}");
            break;
        }
    }
    // The servers go on, and so do the neighbours: they have missed nothing, and nobody has held their brake.
    for app in ["downhill", "chaser", "pacer"] {
        context.until_activated(app, 50)?;
        ensure!(context.figure(app, "missed_releases")? == 0, "{app} missed ticks");
    }
    for line in context.console().lines_from(position) {
        let foul =
            ["cannot hold", "slowing down", "cannot publish", "no target-speed", "lease of app_slot_0"];
        ensure!(!foul.iter().any(|words| line.text.contains(words)), "a neighbour was disturbed: {line}");
    }
    context.done(&["stop", ROGUE])?;
    parse_end(context, position)
}

fn parse_end(context: &Context<'_>, position: usize) -> Result<Summary> {
    let end = context.expect_from(position, "rogue over: ")?;
    parse(&end.text).with_context(|| format!("not understood: {end}"))
}

/// `… rogue over: 1 calls, 2 answered, 0 breaches; in a second at most 3 reads, 4 writes, 5 publishes, 6 receives`
fn parse(line: &str) -> Option<Summary> {
    let (_, words) = line.split_once("rogue over: ")?;
    let mut numbers = words.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok());
    let mut next = || numbers.next();
    let (calls, answered, breaches) = (next()?, next()?, next()?);
    Some(Summary { calls, answered, breaches, most: [next()?, next()?, next()?, next()?] })
}

/// An app in the lowest slot that does nothing but ask its slot for another batch; not started yet.
fn push_rogue(context: &Context<'_>, permitted: bool) -> Result<()> {
    let asked = if permitted { "rogue with" } else { "rogue without" };
    let module = format!(
        r#"(module
          (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "{asked}")
          (func (export "cofferdam_init"))
          (func (export "cofferdam_tick") (param i64)
            (drop (call $log (i32.const 3) (i32.const 0) (i32.const {})))))"#,
        asked.len()
    );
    let (mut recipe, _) = context.settings.app("pacer")?;
    recipe.name = ROGUE.to_owned();
    recipe.shape = RecipeShape::Reactor;
    recipe.permissions = Default::default();
    recipe.sequence = 1 + u64::from(permitted); // ratchets outlive apps
    if permitted {
        let rated = |name: &str, rate_hz| Resource { name: name.to_owned(), rate_hz: Some(rate_hz) };
        recipe.permissions.sensors = vec![rated("imu", READS_HZ)];
        let range = RecipeRange { min: 0.0, max: VALUE_MAX, rate_hz: Some(WRITES_HZ) };
        recipe.permissions.actuators.insert("motor-0".to_owned(), range);
        recipe.permissions.publish = vec![rated("rogue-own", PUBLISHES_HZ)];
        recipe.permissions.receive = vec![rated("target-speed", RECEIVES_HZ)];
    }
    let package = make(&recipe, &wat::parse_str(module)?, &context.settings.key)?;
    context.done(&["push", "--no-start", &context.file("rogue.cdam", &package)?]).map(drop)
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn the_last_line_is_understood() {
        let line = "[ 1.0] app_slot_3: rogue over: 1 calls, 2 answered, 0 breaches; in a second at most 3 reads, \
                    4 writes, 5 publishes, 6 receives";
        let expected = Summary { calls: 1, answered: 2, breaches: 0, most: [3, 4, 5, 6] };
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse("rogue over: 1 calls"), None);
    }
}
