// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam inspect`: what a package or an installed app is, and in words what it may touch.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use cofferdam_package::manifest::{
    AfterRestarts, List, Manifest, Overrun, Permissions, Priority, Resource, Restart, Shape, Swap, Variable,
};
use cofferdam_policy::{Anchor, TrustAnchors};
use serde_json::{Value, json};

use crate::arguments::Global;
use crate::commands::{command_key, connect};
use crate::output::{self, duration, number, printable, resources};

/// What is known about the signature.
enum Signature {
    /// There is none.
    None,
    /// There is one; nobody asked to check it.
    Unchecked(String),
    /// The device checked it when it took the package.
    ByDevice(String),
    /// It is good.
    By { id: String, anchor: String },
}

/// Shows the package at `path`; with anchors, a signature by one of them is demanded.
pub fn run(path: &Path, anchors: &[PathBuf], global: &Global) -> Result<()> {
    let anchors = TrustAnchors::new(anchors.iter().map(|path| load(path)).collect::<Result<Vec<_>>>()?)?;
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let package =
        cofferdam_package::open_unverified(&bytes).with_context(|| format!("{}", path.display()))?;
    let signature = if anchors.is_empty() {
        match package.claimed_signer {
            None => Signature::None,
            Some(signer) => Signature::Unchecked(signer.to_string()),
        }
    } else {
        let verified = cofferdam_package::verify(&bytes, |id| anchors.key(id))
            .with_context(|| format!("{}", path.display()))?;
        let Some(anchor) = anchors.anchor(&verified.signer) else {
            bail!("no anchor for key {}", verified.signer);
        };
        if let Err(error) = anchor.grant.permit(&verified.manifest) {
            bail!("{} signed it but may not grant what it asks for: {error}", anchor.name);
        }
        Signature::By { id: verified.signer.to_string(), anchor: anchor.name.clone() }
    };
    if global.json {
        output::json(&value(&package.manifest, package.digest_matches, &signature))?;
    } else {
        for line in words(&package.manifest, package.digest_matches, &signature) {
            output::line(&line)?;
        }
    }
    if !package.digest_matches {
        bail!(
            "the module is not the one that the manifest names: the package is damaged or was tampered with"
        );
    }
    Ok(())
}

/// Shows what the device says about the app `name`. It holds the app to it.
pub fn installed(name: &str, global: &Global) -> Result<()> {
    let key = command_key(global)?;
    let (manifest, signer) = connect(global, &key)?.manifest(name)?;
    let manifest = Manifest::decode(&manifest).context("the device sent no manifest")?;
    let signature = Signature::ByDevice(hex::encode(signer));
    if global.json {
        return output::json(&value(&manifest, true, &signature));
    }
    words(&manifest, true, &signature).iter().try_for_each(|line| output::line(line))
}

/// Reads a trust anchor.
pub fn load(path: &Path) -> Result<Anchor> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    cofferdam_policy::file::parse(&text)
        .map_err(|error| anyhow!("{} is no trust anchor: {error}", path.display()))
}

fn words(manifest: &Manifest, digest_matches: bool, signature: &Signature) -> Vec<String> {
    let Manifest { common, app, permissions, .. } = manifest;
    let mut lines =
        vec![format!("{} {} (sequence {})", common.name, printable(&app.version), manifest.sequence)];
    if let Some(description) = &app.description {
        lines.push(format!("  {}", printable(description)));
    }
    let mut row = |name: &str, text: String| lines.push(format!("  {name:<10} {text}"));
    row("module", {
        let matches = if digest_matches { "as the manifest says" } else { "NOT WHAT THE MANIFEST SAYS" };
        let digest = hex::encode(common.digest.bytes);
        format!("{} bytes, SHA-256 {digest}, {matches}", number(common.size_bytes))
    });
    row(
        "signed",
        match signature {
            Signature::None => "no: no device takes it".to_owned(),
            Signature::Unchecked(id) => format!("by key {id}, not checked (--anchor FILE checks it)"),
            Signature::ByDevice(id) => format!("by key {id}, checked by the device"),
            Signature::By { id, anchor } => format!("by {anchor} (key {id}), checked"),
        },
    );
    let period = duration(app.period_us);
    row(
        "runs",
        match app.shape {
            Shape::Reactor => {
                let hard =
                    if app.hard_deadline == Some(true) { ", which it is admitted to keep" } else { "" };
                format!("as a control loop: every {period}, done within {}{hard}", duration(app.deadline_us))
            }
            Shape::Command => format!("as a program, from start to end, in slices of {period}"),
        },
    );
    if let [first, rest @ ..] = app.arguments() {
        let all = rest.iter().fold(format!("{first:?}"), |all, argument| format!("{all} {argument:?}"));
        row("arguments", all);
    }
    for (position, Variable { name, value }) in app.environment().iter().enumerate() {
        row(if position == 0 { "finds" } else { "" }, format!("{name}={value:?} in its environment"));
    }
    let preference = match app.priority {
        Priority::Control => "the highest free slot",
        Priority::Background => "the lowest free slot",
    };
    row("prefers", preference.to_owned());
    row(
        "restarts",
        match app.restarts {
            0 => "never after a failure".to_owned(),
            count => restart_words(count, app.restart.as_ref()),
        },
    );
    if let Some(Restart { then: AfterRestarts::RollBack, .. }) = &app.restart {
        row("", "then the version before comes back".to_owned());
    }
    if let Some(probation) = &app.probation {
        let late = match probation.missed_deadlines_max {
            0 => "a missed deadline".to_owned(),
            count => format!("more than {count} missed deadlines"),
        };
        let time = duration(probation.time_us);
        row(
            "probation",
            format!("an update goes back on a failure or {late} in its first {time} of running"),
        );
    }
    if let Some(swap) = &app.swap {
        let (taking, staying) = swap_words(swap);
        row("swapped", taking);
        row("", staying);
    }
    row(
        "computes",
        format!(
            "at most {} units of fuel at a time, {} to begin",
            number(app.fuel_per_activation),
            number(app.init_fuel)
        ),
    );
    row(
        "memory",
        format!(
            "at most {} KiB, {} KiB of stack, {} nested calls",
            number(u64::from(app.memory_pages) * 64),
            number(app.value_stack_bytes / 1024),
            number(app.call_depth)
        ),
    );
    row("calls", format!("the host at most {} times at a time", number(app.host_calls_per_activation)));
    row("logs", format!("at most {} bytes a second", number(app.log_bytes_per_second)));
    for line in permission_words(permissions) {
        lines.push(format!("  {line}"));
    }
    lines
}

fn restart_words(count: u8, restart: Option<&Restart>) -> String {
    let Some(Restart { delay_us, delay_max_us, window_us, .. }) = restart else {
        return format!("up to {count} times after a failure");
    };
    let (delay, longest, window) = (duration(*delay_us), duration(*delay_max_us), duration(*window_us));
    let when = match delay_us {
        0 => "at once".to_owned(),
        _ if delay_us == delay_max_us => format!("after {delay}"),
        _ => format!("after {delay}, doubling up to {longest}"),
    };
    format!("up to {count} times in {window} after a failure, {when}")
}

/// When it takes over from a running version, and when it loses that again.
fn swap_words(swap: &Swap) -> (String, String) {
    let Swap { agree_us, watch_us, divergence_permille, divergent_ticks_max } = swap;
    let bound = f64::from(*divergence_permille) / 10.0;
    let taking = format!(
        "in, it takes over once its values were within {bound} % of the running version's for {}",
        duration(*agree_us)
    );
    let ticks = match divergent_ticks_max {
        0 => "a tick".to_owned(),
        1 => "two ticks in a row".to_owned(),
        count => format!("{} ticks in a row", u64::from(*count) + 1),
    };
    (
        taking,
        format!("and is handed back for {ticks} further off, or any failure, within {}", duration(*watch_us)),
    )
}

/// One line for each entry, with its place: a refusal names it.
fn permission_words(permissions: &Permissions) -> Vec<String> {
    let resource = |resource: &Resource| resource.name.clone() + &rate_words(resource.rate_hz);
    let sensors = permissions.sensors.iter().map(resource).collect();
    let actuators = permissions.actuators.iter().map(|actuator| {
        let rate = rate_words(actuator.rate_hz);
        format!("{} between {} and {}{rate}", actuator.name, actuator.min, actuator.max)
    });
    let lists = [
        ("may read", List::Sensors, sensors, Some("no sensor")),
        ("may move", List::Actuators, actuators.collect(), Some("nothing")),
        ("may publish", List::Publish, permissions.publish().iter().map(resource).collect(), None),
        ("may receive", List::Receive, permissions.receive().iter().map(resource).collect(), None),
    ];
    let mut lines: Vec<String> = Vec::new();
    for (verb, list, entries, none) in lists {
        let entries: Vec<String> = entries;
        lines.extend(none.filter(|_| entries.is_empty()).map(|none| format!("{verb:<10} {none}")));
        for (index, entry) in entries.iter().enumerate() {
            let verb = if index == 0 { verb } else { "" };
            lines.push(format!("{verb:<10} {entry} ({}[{index}])", list.key()));
        }
    }
    lines.push("may touch  nothing else".to_owned());
    lines
}

fn rate_words(rate_hz: Option<u32>) -> String {
    match rate_hz {
        Some(1) => ", at most once a second".to_owned(),
        Some(rate_hz) => format!(", at most {} times a second", number(rate_hz)),
        None => String::new(),
    }
}

fn value(manifest: &Manifest, digest_matches: bool, signature: &Signature) -> Value {
    let Manifest { common, app, permissions, sequence, .. } = manifest;
    let (signer, checked) = match signature {
        Signature::None => (None, false),
        Signature::Unchecked(id) => (Some(id), false),
        Signature::ByDevice(id) | Signature::By { id, .. } => (Some(id), true),
    };
    let actuators: Vec<Value> = permissions
        .actuators
        .iter()
        .map(|actuator| {
            json!({
                "name": actuator.name,
                "min": actuator.min,
                "max": actuator.max,
                "rate_hz": actuator.rate_hz,
            })
        })
        .collect();
    let environment: serde_json::Map<String, Value> =
        app.environment().iter().map(|v| (v.name.clone(), v.value.clone().into())).collect();
    json!({
        "name": common.name,
        "version": app.version,
        "sequence": sequence,
        "description": app.description,
        "vendor_id": hex::encode(common.vendor_id),
        "class_id": hex::encode(common.class_id),
        "module_bytes": common.size_bytes,
        "module_sha256": hex::encode(common.digest.bytes),
        "digest_matches": digest_matches,
        "signer": signer,
        "signature_checked": checked,
        "shape": match app.shape { Shape::Reactor => "reactor", Shape::Command => "command" },
        "period_us": app.period_us,
        "deadline_us": app.deadline_us,
        "hard_deadline": app.hard_deadline == Some(true),
        "fuel_per_activation": app.fuel_per_activation,
        "init_fuel": app.init_fuel,
        "memory_pages": app.memory_pages,
        "value_stack_bytes": app.value_stack_bytes,
        "call_depth": app.call_depth,
        "host_calls_per_activation": app.host_calls_per_activation,
        "log_bytes_per_second": app.log_bytes_per_second,
        "random_seed": app.random_seed,
        "restarts": app.restarts,
        "restart": app.restart.map(|restart| json!({
            "delay_us": restart.delay_us,
            "delay_max_us": restart.delay_max_us,
            "window_us": restart.window_us,
            "then": match restart.then { AfterRestarts::Stop => "stop", AfterRestarts::RollBack => "rollback" },
        })),
        "probation": app.probation.map(|probation| json!({
            "time_us": probation.time_us,
            "missed_deadlines_max": probation.missed_deadlines_max,
        })),
        "swap": app.swap.map(|swap| json!({
            "agree_us": swap.agree_us,
            "watch_us": swap.watch_us,
            "divergence_permille": swap.divergence_permille,
            "divergent_ticks_max": swap.divergent_ticks_max,
        })),
        "arguments": app.arguments(),
        "environment": environment,
        "overrun": match app.overrun { Overrun::Skip => "skip", Overrun::Stop => "stop" },
        "priority": match app.priority { Priority::Control => "control", Priority::Background => "background" },
        "permissions": {
            "sensors": resources(&permissions.sensors),
            "actuators": actuators,
            "publish": resources(permissions.publish()),
            "receive": resources(permissions.receive()),
        },
    })
}
