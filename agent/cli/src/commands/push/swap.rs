// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam push --swap`: a new version takes over from the running one in flight.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cofferdam_client::Device;
use cofferdam_management_protocol::{SwapState, SwapStatus};
use serde_json::{Value, json};

use super::{progress_bar, refuse_unsigned};
use crate::arguments::Global;
use crate::commands::{command_key, connect};
use crate::output::{self, number, printable};

/// Between two looks at how it goes.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A device that says nothing new for so long says nothing any more: longer than any part of a swap may take.
const NEWS_TIME: Duration = Duration::from_secs(60 * 60);

/// Swaps the package at `path` in.
pub fn run(path: &Path, global: &Global) -> Result<()> {
    let key = command_key(global)?;
    let package = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    refuse_unsigned(&package, path)?;
    let begun = Instant::now();
    let mut device = connect(global, &key)?;
    let bar = progress_bar(package.len() as u64, global);
    let outcome = device.swap(&package, &mut |received_bytes| bar.set_position(u64::from(received_bytes)));
    bar.finish_and_clear();
    let status = follow(&mut device, outcome?, global)?;
    let elapsed = begun.elapsed();
    if global.json {
        output::json(&value(&status, elapsed))?;
    } else if status.state == SwapState::Done {
        output::line(&format!(
            "swapped {} {} for {} in slot {}: {} ticks missed, {} us at most between two values ({} ms)",
            status.name,
            printable(&status.from_version),
            printable(&status.to_version),
            status.to_slot,
            number(status.missed_ticks),
            number(status.longest_us),
            elapsed.as_millis()
        ))?;
    }
    if status.state != SwapState::Done {
        let what = if status.taken_over_us == 0 { "did not take over" } else { "was handed back" };
        let (from, to) = (printable(&status.from_version), printable(&status.to_version));
        bail!("{} {to} {what}: {}; {from} goes on", status.name, printable(&status.reason));
    }
    Ok(())
}

/// Looks until it is over, and tells each step.
fn follow(device: &mut Device<'_>, begun: SwapStatus, global: &Global) -> Result<SwapStatus> {
    let name = begun.name.clone();
    let mut told = None;
    let mut status = begun;
    let deadline = Instant::now() + NEWS_TIME;
    loop {
        if !global.json && told != Some(status.state) {
            told = Some(status.state);
            if let Some(line) = words(&status) {
                output::line(&line)?;
            }
        }
        if matches!(status.state, SwapState::Done | SwapState::Failed) {
            return Ok(status);
        }
        if Instant::now() > deadline {
            bail!("the swap of {name} does not end");
        }
        thread::sleep(LOOK_AGAIN);
        status = device.swap_status(&name)?;
    }
}

/// A step as it begins.
fn words(status: &SwapStatus) -> Option<String> {
    let (from, to) = (printable(&status.from_version), printable(&status.to_version));
    match status.state {
        SwapState::Shadow => Some(format!(
            "{to} runs in slot {} as a shadow of {from} in slot {}; it takes over after {} ticks of agreement",
            status.to_slot,
            status.from_slot,
            number(status.needed_ticks)
        )),
        SwapState::Watching => Some(format!(
            "{to} took over at {:.6} s, after {} ticks side by side; {from} runs on as its shadow",
            status.taken_over_us as f64 / 1e6,
            number(status.compared_ticks)
        )),
        SwapState::HandingOver | SwapState::Done | SwapState::Failed => None,
    }
}

fn value(status: &SwapStatus, elapsed: Duration) -> Value {
    json!({
        "name": status.name,
        "state": match status.state {
            SwapState::Shadow => "shadow",
            SwapState::HandingOver => "handing-over",
            SwapState::Watching => "watching",
            SwapState::Done => "done",
            SwapState::Failed => "failed",
        },
        "reason": status.reason,
        "from_version": status.from_version,
        "from_slot": status.from_slot,
        "to_version": status.to_version,
        "to_slot": status.to_slot,
        "sequence": status.sequence,
        "needed_ticks": status.needed_ticks,
        "agreed_ticks": status.agreed_ticks,
        "compared_ticks": status.compared_ticks,
        "missed_ticks": status.missed_ticks,
        "worst_permille": status.worst_permille,
        "longest_us": status.longest_us,
        "taken_over_us": status.taken_over_us,
        "milliseconds": elapsed.as_millis() as u64,
    })
}
