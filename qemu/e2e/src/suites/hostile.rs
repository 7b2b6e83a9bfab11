// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Apps that misbehave are stopped alone, while a control loop beside them misses no tick.
//!
//! Virtual time follows executed instructions here, so a tick can be late only by what runs inside the machine.

use anyhow::{Result, anyhow, ensure};
use cofferdam_client::recipe::{Recipe, RecipeShape};

use super::tests;
use crate::context::{Context, make};
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "hostile",
    about: "endless, greedy and trapping apps are stopped, and a 100 Hz neighbour misses no tick",
    system: System::ProductByInstructions,
    tests: tests![
        runaway_is_stopped,
        greedy_is_bounded,
        trapper_is_stopped,
        endless_start_function_is_stopped,
        all_of_them_at_once,
        deep_recursion_is_stopped,
        a_flood_of_words_is_dropped,
    ],
};

/// The control loop beside the hostile app.
const NEIGHBOUR: &str = "neighbour";
/// Its period in `apps/downhill/cofferdam.toml`: 100 Hz.
const NEIGHBOUR_PERIOD_US: u64 = 10_000;

/// Runs `hostile` beside the neighbour, which must not miss a single release.
fn beside_a_neighbour(context: &Context<'_>, hostile: impl FnOnce() -> Result<()>) -> Result<()> {
    context.push("downhill", NEIGHBOUR)?;
    let (recipe, _) = context.settings.app("downhill")?;
    ensure!(recipe.period_us == NEIGHBOUR_PERIOD_US, "the neighbour must run at 100 Hz");
    let before = context.until_activated(NEIGHBOUR, 10)?;
    hostile()?;
    let after = context.until_activated(NEIGHBOUR, 100)?;
    ensure!(after >= before + 100, "it was started again");
    let stats = context.json(&["stats", NEIGHBOUR])?;
    ensure!(stats["missed_releases"] == 0, "the neighbour missed ticks: {stats}");
    ensure!(stats["overruns"] == 0, "the neighbour was late: {stats}");
    ensure!(context.state(NEIGHBOUR)? == "running", "the neighbour was stopped");
    Ok(())
}

/// Pushes a package that will fail, and gives the reason that the device lists.
fn failed(context: &Context<'_>, file: &str, name: &str) -> Result<String> {
    // The push itself may already report the failure; that is its business.
    context.cofferdam(&["push", file])?;
    context.until_state(name, "failed")?;
    context.expect(&format!("app {name} stopped: "))?;
    let entry = context.entry(name)?.ok_or_else(|| anyhow!("{name} is gone"))?;
    Ok(entry["reason"].as_str().unwrap_or_default().to_owned())
}

fn stopped_for(context: &mut Context<'_>, app: &str, reason: &str) -> Result<()> {
    context.announce(&format!("app {app} stopped"));
    context.announce(&format!("/{app}: "));
    let file = context.package(app, &format!("{app}.cdam"), |recipe| recipe.restarts = 0)?;
    beside_a_neighbour(context, || {
        let found = failed(context, &file, app)?;
        ensure!(found.contains(reason), "stopped for another reason: {found}");
        // Its slot is free for the next one.
        context.done(&["rm", app])?;
        context.push("hello", "hello")?;
        context.until_state("hello", "exited")
    })
}

fn runaway_is_stopped(context: &mut Context<'_>) -> Result<()> {
    stopped_for(context, "runaway", "fuel exhausted")
}

fn trapper_is_stopped(context: &mut Context<'_>) -> Result<()> {
    stopped_for(context, "trapper", "unreachable executed")
}

/// greedy asks for memory without end: it is refused above its bound, and stopped because it does nothing else.
fn greedy_is_bounded(context: &mut Context<'_>) -> Result<()> {
    context.announce("app greedy stopped");
    context.announce("/greedy: ");
    let (recipe, _) = context.settings.app("greedy")?;
    let bound = recipe.limits.memory_pages.map(u64::from).ok_or_else(|| anyhow!("greedy has no bound"))?;
    let file = context.package("greedy", "greedy.cdam", |recipe| recipe.restarts = 0)?;
    beside_a_neighbour(context, || {
        let reason = failed(context, &file, "greedy")?;
        ensure!(reason.contains("fuel exhausted"), "stopped for another reason: {reason}");
        let pages = context.figure("greedy", "memory_pages")?;
        ensure!(pages == bound, "{pages} pages, {bound} allowed");
        Ok(())
    })
}

/// A module whose work is in `wat`, run with hello's recipe as `shape`.
fn module(context: &Context<'_>, name: &str, wat: &str, change: impl FnOnce(&mut Recipe)) -> Result<String> {
    let (mut recipe, _) = context.settings.app("hello")?;
    recipe.name = name.to_owned();
    recipe.shape = RecipeShape::Reactor;
    recipe.period_us = NEIGHBOUR_PERIOD_US;
    recipe.deadline_us = None;
    change(&mut recipe);
    context.file(&format!("{name}.cdam"), &make(&recipe, &wat::parse_str(wat)?, &context.settings.key)?)
}

fn endless_start_function_is_stopped(context: &mut Context<'_>) -> Result<()> {
    context.announce("app endless-start stopped");
    let file = module(
        context,
        "endless-start",
        r#"(module (memory (export "memory") 1) (func $forever (loop br 0)) (start $forever)
            (func (export "cofferdam_init")) (func (export "cofferdam_tick") (param i64)))"#,
        |_| {},
    )?;
    beside_a_neighbour(context, || {
        let reason = failed(context, &file, "endless-start")?;
        ensure!(reason.contains("fuel exhausted"), "stopped for another reason: {reason}");
        Ok(())
    })
}

fn deep_recursion_is_stopped(context: &mut Context<'_>) -> Result<()> {
    context.announce("app bottomless stopped");
    let file = module(
        context,
        "bottomless",
        r#"(module (memory (export "memory") 1) (func $deeper (call $deeper))
            (func (export "cofferdam_init")) (func (export "cofferdam_tick") (param i64) (call $deeper)))"#,
        |_| {},
    )?;
    beside_a_neighbour(context, || {
        let reason = failed(context, &file, "bottomless")?;
        ensure!(reason.contains("stack exhausted"), "stopped for another reason: {reason}");
        Ok(())
    })
}

fn a_flood_of_words_is_dropped(context: &mut Context<'_>) -> Result<()> {
    let file = module(
        context,
        "chatterbox",
        r#"(module (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
            (memory (export "memory") 1) (data (i32.const 0) "much ado about nothing, again and again and again")
            (func (export "cofferdam_init"))
            (func (export "cofferdam_tick") (param i64) (local $n i32)
              (local.set $n (i32.const 50))
              (loop (drop (call $log (i32.const 3) (i32.const 0) (i32.const 49)))
                (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#,
        |recipe| recipe.limits.log_bytes_per_second = Some(1000),
    )?;
    beside_a_neighbour(context, || {
        context.done(&["push", &file])?;
        context.until_activated("chatterbox", 100)?;
        let dropped = context.figure("chatterbox", "log_dropped_bytes")?;
        ensure!(dropped > 0, "nothing was dropped");
        ensure!(context.state("chatterbox")? == "running", "it was stopped, which nobody asked for");
        Ok(())
    })
}

fn all_of_them_at_once(context: &mut Context<'_>) -> Result<()> {
    let apps = ["runaway", "greedy", "trapper"];
    for app in apps {
        context.announce(&format!("app {app} stopped"));
        context.announce(&format!("/{app}: "));
    }
    beside_a_neighbour(context, || {
        for app in apps {
            // Started again by the device a few times: as much trouble as they can make.
            let file = context.package(app, &format!("{app}-again.cdam"), |recipe| recipe.restarts = 3)?;
            context.cofferdam(&["push", &file])?;
        }
        context.until_state("runaway", "failed")?;
        context.until_state("trapper", "failed")
    })
}
