// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What an app did on the device, again on this machine: AArch64 there, whatever the host is here.

use std::fs;

use anyhow::{Context as _, Result, anyhow, ensure};
use cofferdam_client::recording::Recording;
use serde_json::Value;

use super::tests;
use crate::context::{Context, make};
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "replay",
    about: "what an app did on the device is the same on a desk, or the first difference is named",
    system: System::Product,
    tests: tests![
        a_control_loop_is_replayed_exactly,
        a_changed_recording_is_caught,
        a_trap_is_replayed,
        another_module_is_refused,
        stops_at_a_breakpoint,
    ],
};

const APP: &str = "downhill";

/// Records [`APP`] for some seconds; gives the recording and its package.
fn record(context: &Context<'_>) -> Result<(String, String)> {
    let package = context.package(APP, "downhill.cdam", |_| {})?;
    context.done(&["push", &package])?;
    let file = context.file("downhill.rec", b"")?;
    let said = context.json(&["record", APP, "--seconds", "3", "--output", &file])?;
    let activations = said["activations"].as_u64().unwrap_or(0);
    // 100 a second in the device's time; how much of that passes in three of the host's is its own affair.
    ensure!(activations > 50, "only {activations} activations were recorded: {said}");
    ensure!(context.state(APP)? == "running", "recording has stopped it");
    Ok((file, package))
}

fn a_control_loop_is_replayed_exactly(context: &mut Context<'_>) -> Result<()> {
    let (file, package) = record(context)?;
    let said = context.json(&["replay", &file, &package])?;
    let recording = Recording::decode(&fs::read(&file)?)?;
    ensure!(said["same"] == true && said["activations"] == recording.activations, "{said}");
    ensure!(
        said["calls"].as_u64() > said["activations"].as_u64() && said["fuel"].as_u64() > Some(0),
        "{said}"
    );
    let words = context.done(&["replay", &file, &package])?;
    ensure!(words.contains("all as recorded on "), "{words}");
    println!("      {}", words.trim());
    Ok(())
}

/// Places that are changed, one at a time. About half of all make a difference; how many of these do depends on where the
/// recording happens to end.
const CHANGES: usize = 60;

fn a_changed_recording_is_caught(context: &mut Context<'_>) -> Result<()> {
    let (file, package) = record(context)?;
    let honest = Recording::decode(&fs::read(&file)?)?;
    let mut found = 0;
    // Anywhere in the second half: what the app was answered, what it asked, fuel, times.
    let half = honest.bytes.len() / 2;
    for at in (half..honest.bytes.len()).step_by((honest.bytes.len() / (2 * CHANGES)).max(1)) {
        let mut changed = honest.clone();
        *changed.bytes.get_mut(at).ok_or_else(|| anyhow!("no byte {at}"))? ^= 4;
        let path = context.file("changed.rec", &changed.encode())?;
        let finished = context.cofferdam(&["replay", &path, &package])?;
        if finished.status.success() {
            // Not every answer makes a difference: an app may ask for what it does not use.
            continue;
        }
        let said = format!("{finished}");
        let named = said.contains("recorded '") || said.contains("not a recording");
        ensure!(named && said.contains("activation"), "it does not say where: {said}");
        found += 1;
    }
    ensure!(found >= 10, "only {found} changes were noticed");
    Ok(())
}

/// One that traps in its 30th tick: the recording of the run that failed is there to be fetched.
fn a_trap_is_replayed(context: &mut Context<'_>) -> Result<()> {
    context.announce("app trapped");
    let text = r#"(module (global $n (mut i32) (i32.const 0)) (func (export "cofferdam_init"))
        (func (export "cofferdam_tick") (param i64)
            (global.set $n (i32.add (global.get $n) (i32.const 1)))
            (if (i32.eq (global.get $n) (i32.const 30)) (then unreachable))))"#;
    let (mut recipe, _) = context.settings.app(APP)?;
    recipe.name = "trapped".to_owned();
    recipe.permissions.sensors.clear();
    recipe.permissions.actuators.clear();
    let package = make(&recipe, &wat::parse_str(text)?, &context.settings.key)?;
    let package = context.file("trapped.cdam", &package)?;
    context.done(&["push", "--no-start", &package])?;
    let file = context.file("trapped.rec", b"")?;
    context.done(&["record", "trapped", "--seconds", "1", "--output", &file])?;
    context.until_state("trapped", "failed")?;
    context.done(&["record", "trapped", "--fetch", "--output", &file])?;
    let said = context.json(&["replay", &file, &package])?;
    ensure!(said["same"] == true && said["activations"] == 31, "{said}");
    ensure!(said["ending"].as_str().is_some_and(|ending| ending.contains("unreachable executed")), "{said}");
    Ok(())
}

fn another_module_is_refused(context: &mut Context<'_>) -> Result<()> {
    let (file, _) = record(context)?;
    let other = context.package("hello", "hello.cdam", |_| {})?;
    let finished = context.cofferdam(&["replay", &file, &other])?;
    ensure!(!finished.status.success(), "{finished}");
    ensure!(format!("{finished}").contains("is not the module that was recorded"), "{finished}");
    let finished = context.cofferdam(&["record", "nobody"])?;
    ensure!(!finished.status.success() && format!("{finished}").contains("no such app"), "{finished}");
    Ok(())
}

fn stops_at_a_breakpoint(context: &mut Context<'_>) -> Result<()> {
    let (file, package) = record(context)?;
    let said = context.done(&["replay", &file, &package, "--break", "7", "--memory", "0..32", "--json"])?;
    let state: Value = serde_json::from_str(said.lines().next().context("it says nothing")?)?;
    ensure!(state["activation"] == 7 && state["memory"].as_str().is_some_and(|m| m.len() == 64), "{state}");
    let calls = state["calls"].as_array().map_or(0, Vec::len);
    ensure!(calls > 0, "no call in a tick: {state}");
    let words = context.done(&["replay", &file, &package, "--break", "7"])?;
    ensure!(words.contains("activation 7: due at ") && words.contains("read sensor"), "{words}");
    let beyond = context.cofferdam(&["replay", &file, &package, "--break", "1000000"])?;
    ensure!(!beyond.status.success() && format!("{beyond}").contains("has no activation"), "{beyond}");
    Ok(())
}
