// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam replay`

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use cofferdam_client::recording::Recording;
use cofferdam_package::{Manifest, sha256};
use cofferdam_recording::{Replay, Step};
use serde_json::{Value, json};

use crate::arguments::Global;
use crate::output::{self, number, printable};

/// Bytes of memory in a row.
const ROW_BYTES: usize = 16;

/// Runs the module of `package` from the recording `path`, up to the activation `stop_at` if given; then prints that state,
/// with `memory` as well.
pub fn run(
    path: &Path,
    package: &Path,
    stop_at: Option<u64>,
    memory: Option<(usize, usize)>,
    global: &Global,
) -> Result<()> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let recording = Recording::decode(&bytes).with_context(|| path.display().to_string())?;
    let manifest = Manifest::decode(&recording.manifest)
        .map_err(|error| anyhow!("{}: its manifest: {error}", path.display()))?;
    let file = fs::read(package).with_context(|| format!("cannot read {}", package.display()))?;
    let module = module(&file).with_context(|| package.display().to_string())?;
    let name = &manifest.common.name;
    if sha256(module) != manifest.common.digest.bytes {
        bail!("{} is not the module that was recorded, {name} {}", package.display(), manifest.app.version);
    }
    let mut replay = Replay::new(&recording.bytes, module).with_context(|| path.display().to_string())?;
    let (mut last, mut calls) = (None, 0u64);
    while let Some(step) = replay.step().with_context(|| path.display().to_string())? {
        calls = calls.saturating_add(step.calls.len() as u64);
        let stop = step.difference.is_some() || Some(step.number) == stop_at;
        last = Some(step);
        if stop {
            break;
        }
    }
    let last = last.ok_or_else(|| anyhow!("{}: nothing is in it", path.display()))?;
    if stop_at.is_some() || last.difference.is_some() {
        show(&replay, &last, memory, global)?;
    }
    if let Some(difference) = &last.difference {
        bail!("another run than the recorded one: {}", printable(&difference.to_string()));
    }
    if let Some(wanted) = stop_at.filter(|wanted| *wanted != last.number) {
        bail!("the recording has no activation {wanted}: the last one is {}", last.number);
    }
    let counters = replay.counters();
    let fuel = counters.fuel_total.saturating_add(counters.fuel_init);
    if global.json {
        return output::json(&json!({
            "same": true,
            "activations": last.number.saturating_add(1),
            "calls": calls,
            "fuel": fuel,
            "ending": last.ending.to_string(),
        }));
    }
    output::line(&format!(
        "{name} {}: {} activations, {} calls and {} fuel, all as recorded on {}; {}",
        printable(&manifest.app.version),
        number(last.number.saturating_add(1)),
        number(calls),
        number(fuel),
        printable(&recording.device_id),
        last.ending
    ))
}

/// The module of a package, or a module.
fn module(file: &[u8]) -> Result<&[u8]> {
    if file.starts_with(b"\0asm") {
        return Ok(file);
    }
    Ok(cofferdam_package::open_unverified(file)?.module)
}

/// An activation, what was asked in it, and the state behind it.
fn show(replay: &Replay, step: &Step, memory: Option<(usize, usize)>, global: &Global) -> Result<()> {
    let bytes = replay.memory();
    let counters = replay.counters();
    let shown = memory.map(|(from, to)| (from, bytes.get(from..to.min(bytes.len())).unwrap_or_default()));
    if global.json {
        let state: Value = json!({
            "activation": step.number,
            "release_us": step.release_us,
            "deadline_us": step.deadline_us,
            "calls": step.calls,
            "fuel": step.fuel,
            "fuel_total": counters.fuel_total,
            "ending": step.ending.to_string(),
            "memory_bytes": bytes.len(),
            "memory_sha256": hex::encode(sha256(&bytes)),
            "memory": shown.map(|(_, bytes)| hex::encode(bytes)),
        });
        return output::json(&state);
    }
    let begun = if step.number == 0 {
        "loading".to_owned()
    } else {
        format!("due at {} us, to be over at {} us", number(step.release_us), number(step.deadline_us))
    };
    output::line(&format!("activation {}: {begun}", step.number))?;
    for call in &step.calls {
        output::line(&format!("  {}", printable(call)))?;
    }
    output::line(&format!(
        "  {} fuel used, {} in all; {}",
        number(step.fuel),
        number(counters.fuel_total),
        step.ending
    ))?;
    let digest = hex::encode(sha256(&bytes));
    output::line(&format!("  {} bytes of memory, sha-256 {digest}", number(bytes.len() as u64)))?;
    for (row, bytes) in shown.into_iter().flat_map(|(from, bytes)| rows(from, bytes)) {
        output::line(&format!("  {row:08x}  {}", hex::encode(bytes)))?;
    }
    Ok(())
}

/// Memory from `from` on, in rows with their addresses.
pub fn rows(from: usize, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    bytes
        .chunks(ROW_BYTES)
        .enumerate()
        .map(move |(row, bytes)| (from.saturating_add(row.saturating_mul(ROW_BYTES)), bytes))
}
