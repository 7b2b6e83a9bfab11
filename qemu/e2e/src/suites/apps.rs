// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a user does with apps.

use anyhow::{Result, ensure};

use super::tests;
use crate::context::Context;
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "apps",
    about: "pushing, running, listing, stopping, replacing and removing apps",
    system: System::Product,
    tests: tests![
        push_and_run,
        packed_signed_and_pushed_by_hand,
        two_apps_at_once,
        the_loop_is_closed,
        stop_start_and_remove,
        installed_but_not_started,
        a_newer_version_replaces,
        logs_in_words_and_json,
        json_everywhere,
        topics_pass_between_apps,
        four_apps_fill_the_slots,
    ],
};

fn push_and_run(context: &mut Context<'_>) -> Result<()> {
    let output = context.push("hello", "hello")?;
    ensure!(output.contains("installed hello"), "unexpected: {output}");
    context.expect("installed hello")?;
    // The app's own words, on the console under its name.
    let line = context.expect("/hello: ")?;
    ensure!(line.text.contains("app_slot_"), "not from a slot: {line}");
    context.until_state("hello", "exited")
}

fn packed_signed_and_pushed_by_hand(context: &mut Context<'_>) -> Result<()> {
    let settings = context.settings;
    let recipe = settings.recipes.join("downhill").display().to_string();
    let module = settings.modules.join("downhill.wasm").display().to_string();
    let package = context.file("by-hand.cdam", b"")?;
    context.done(&["pack", &recipe, "--module", &module, "--output", &package])?;
    let anchor = settings.key_path.with_extension("toml").display().to_string();
    let words = context.done(&["inspect", &package, "--anchor", &anchor])?;
    ensure!(words.contains("checked") && words.contains("wheel-speed"), "unexpected: {words}");
    context.done(&["push", &package])?;
    context.until_activated("downhill", 10)?;
    Ok(())
}

fn two_apps_at_once(context: &mut Context<'_>) -> Result<()> {
    context.push("downhill", "downhill")?;
    context.push("hello", "hello")?;
    context.expect("/hello: ")?;
    context.until_state("hello", "exited")?;
    context.until_activated("downhill", 100)?;
    let entry = context.entry("hello")?;
    ensure!(entry.is_some_and(|entry| entry["exit_code"] == 0), "hello did not exit with 0");
    ensure!(context.state("downhill")? == "running", "downhill stopped");
    Ok(())
}

/// The sensor that downhill reads moves because of the actuator that it moves, or it has nothing to do.
fn the_loop_is_closed(context: &mut Context<'_>) -> Result<()> {
    context.push("downhill", "downhill")?;
    context.expect("/downhill: ")?;
    let calls = context.figure("downhill", "host_calls")?;
    ensure!(calls > 0, "it calls nobody");
    context.until_activated("downhill", 100)?;
    ensure!(context.state("downhill")? == "running", "downhill stopped");
    Ok(())
}

fn stop_start_and_remove(context: &mut Context<'_>) -> Result<()> {
    context.push("downhill", "downhill")?;
    context.until_activated("downhill", 1)?;
    context.done(&["stop", "downhill"])?;
    context.until_state("downhill", "stopped")?;
    context.refused(&["stop", "downhill"], "not running")?;
    let stopped_at = context.figure("downhill", "activations")?;
    ensure!(context.figure("downhill", "activations")? == stopped_at, "it goes on");
    context.done(&["start", "downhill"])?;
    context.until_state("downhill", "running")?;
    context.until_activated("downhill", 1)?;
    context.refused(&["start", "downhill"], "already running")?;
    context.done(&["rm", "downhill"])?;
    ensure!(context.entry("downhill")?.is_none(), "it is still there");
    for command in ["start", "stop", "rm", "logs", "stats"] {
        context.refused(&[command, "downhill"], "no such app")?;
    }
    Ok(())
}

fn installed_but_not_started(context: &mut Context<'_>) -> Result<()> {
    let package = context.package("hello", "quiet.cdam", |recipe| recipe.name = "quiet".to_owned())?;
    let output = context.done(&["push", "--no-start", &package])?;
    ensure!(output.contains("not started"), "unexpected: {output}");
    ensure!(context.state("quiet")? == "stopped", "it is {}", context.state("quiet")?);
    context.done(&["start", "quiet"])?;
    context.until_state("quiet", "exited")
}

fn a_newer_version_replaces(context: &mut Context<'_>) -> Result<()> {
    let old = context.package("downhill", "old.cdam", |recipe| {
        recipe.name = "renewed".to_owned();
        recipe.version = "1.0.0".to_owned();
    })?;
    let new = context.package("downhill", "new.cdam", |recipe| {
        recipe.name = "renewed".to_owned();
        recipe.version = "2.0.0".to_owned();
        recipe.sequence += 1;
    })?;
    let first = context.json(&["push", &old])?;
    ensure!(first["replaced"].is_null(), "nothing was there: {first}");
    context.until_activated("renewed", 1)?;
    let second = context.json(&["push", &new])?;
    ensure!(second["replaced"] == "1.0.0" && second["slot"] == first["slot"], "unexpected: {second}");
    let entry = context.entry("renewed")?;
    ensure!(entry.is_some_and(|entry| entry["version"] == "2.0.0"), "the old one is still listed");
    context.until_activated("renewed", 1)?;
    Ok(())
}

fn logs_in_words_and_json(context: &mut Context<'_>) -> Result<()> {
    context.push("hello", "hello")?;
    let shown = context.expect("/hello: ")?;
    let words =
        shown.text.split_once("/hello: ").map(|(_, words)| words.trim().to_owned()).unwrap_or_default();
    context.until_state("hello", "exited")?;
    let log = context.done(&["logs", "hello"])?;
    ensure!(log.contains(&words), "'{words}' is on the console but not in: {log}");
    let json = context.done(&["logs", "hello", "--json"])?;
    let mut lines: Vec<serde_json::Value> =
        json.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let end = lines.pop().unwrap_or_default();
    ensure!(end["exit_code"] == 0, "the log does not say how the program ended: {end}");
    for line in lines {
        ensure!(line["time_us"].is_u64() && line["text"].is_string() && line["level"].is_string(), "{line}");
    }
    ensure!(json.lines().count() == log.lines().count(), "two answers:\n{json}\n{log}");
    Ok(())
}

fn json_everywhere(context: &mut Context<'_>) -> Result<()> {
    let package = context.package("downhill", "downhill.cdam", |_| {})?;
    let shown = context.json(&["inspect", &package])?;
    ensure!(shown["name"] == "downhill" && shown["digest_matches"] == true, "{shown}");
    let pushed = context.json(&["push", &package])?;
    ensure!(pushed["state"] == "running" && pushed["slot"].is_u64(), "{pushed}");
    let all = context.json(&["stats"])?;
    ensure!(all["device"]["slots"] == 4 && all["device"]["free_slots"] == 3, "{all}");
    ensure!(all["apps"][0]["name"] == "downhill", "{all}");
    let looks = context.done(&["top", "--count", "1", "--interval", "0.5", "--json"])?;
    let look: serde_json::Value = serde_json::from_str(&looks)?;
    ensure!(look["apps"][0]["activations_per_second"].as_f64().is_some_and(|rate| rate > 1.0), "{look}");
    ensure!(context.json(&["stop", "downhill"])?["stopped"] == "downhill", "stop");
    // It stands still: each activation is in each histogram.
    let stats = context.json(&["stats", "downhill"])?;
    for histogram in ["jitter_us", "execution_us", "fuel"] {
        let counts = stats["histograms"][histogram].as_array().into_iter().flatten();
        let sum: u64 = counts.filter_map(serde_json::Value::as_u64).sum();
        ensure!(sum > 0 && stats["activations"] == sum, "{histogram}: {stats}");
    }
    ensure!(context.json(&["start", "downhill"])?["started"] == "downhill", "start");
    ensure!(context.json(&["rm", "downhill"])?["removed"] == "downhill", "rm");
    let refused = context.cofferdam(&["rm", "downhill", "--json"])?;
    let error: serde_json::Value = serde_json::from_str(&refused.stdout)?;
    ensure!(error["error"]["kind"] == "refused" && error["error"]["code"].is_u64(), "{refused}");
    Ok(())
}

/// What one app publishes another receives; when the first is gone, the other sees how old the last message is.
fn topics_pass_between_apps(context: &mut Context<'_>) -> Result<()> {
    context.push("chaser", "chaser")?;
    context.until_activated("chaser", 10)?;
    let position = context.position();
    context.push("pacer", "pacer")?;
    context.expect_from(position, "/chaser: following target-speed")?;
    // `speed 5.00 m/s, message 20`: it sees newer and newer messages.
    let numbers = context.until("two newer messages", || {
        let lines = context.console().lines_from(position);
        let followed = lines.iter().filter_map(|line| line.text.split_once("/chaser: speed "));
        let numbers: Vec<u64> =
            followed.filter_map(|(_, words)| words.rsplit(' ').next()?.parse().ok()).collect();
        Ok((numbers.len() > 2).then_some(numbers))
    })?;
    ensure!(numbers.is_sorted() && numbers.first() < numbers.last(), "messages {numbers:?}");
    let position = context.position();
    context.done(&["stop", "pacer"])?;
    context.expect_from(position, "us old: slowing down")?;
    context.done(&["start", "pacer"])?;
    context.expect_from(position, "/chaser: following target-speed")?;
    // Who has no permission is refused before it runs.
    let silent = context.package("pacer", "silent.cdam", |recipe| {
        recipe.name = "silent".to_owned();
        recipe.permissions.publish.clear();
    })?;
    context.refused(&["push", &silent], "no topic to publish")
}

fn four_apps_fill_the_slots(context: &mut Context<'_>) -> Result<()> {
    let names = ["first", "second", "third", "fourth"];
    for name in names {
        // Sensors may be shared; the brake has one holder, so these only read.
        let package =
            context.package("downhill", &format!("{name}.cdam"), |recipe| recipe.name = name.to_owned())?;
        context.done(&["push", &package])?;
    }
    let fifth = context.package("downhill", "fifth.cdam", |recipe| recipe.name = "fifth".to_owned())?;
    context.refused(&["push", &fifth], "no free slot")?;
    for name in names {
        context.until_activated(name, 10)?;
    }
    context.done(&["rm", "second"])?;
    context.done(&["push", &fifth])?;
    context.until_activated("fifth", 10)?;
    Ok(())
}
