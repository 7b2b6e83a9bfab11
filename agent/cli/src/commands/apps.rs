// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam ls`, `start`, `stop`, `rollback` and `rm`

use anyhow::Result;
use cofferdam_management_protocol::{AppEntry, AppState, Installed, SwapRole};
use serde_json::{Value, json};

use crate::arguments::Global;
use crate::commands::{command_key, connect};
use crate::output::{self, number, printable};

/// Lists the installed apps.
pub fn list(global: &Global) -> Result<()> {
    let key = command_key(global)?;
    let apps = connect(global, &key)?.list()?;
    if global.json {
        return output::json(&json!({ "apps": apps.iter().map(value).collect::<Vec<_>>() }));
    }
    if apps.is_empty() {
        return output::line("no apps are installed");
    }
    let head = ["NAME", "VERSION", "SEQUENCE", "SLOT", "BYTES", "STATE"].map(str::to_owned).to_vec();
    let rows = apps.iter().map(|app| {
        vec![
            app.name.clone(),
            printable(&app.version),
            app.sequence.to_string(),
            app.slot.to_string(),
            number(app.module_bytes),
            state_words(app),
        ]
    });
    output::table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

/// Starts an app.
pub fn start(name: &str, global: &Global) -> Result<()> {
    let key = command_key(global)?;
    connect(global, &key)?.start(name)?;
    done("started", name, global)
}

/// Stops an app.
pub fn stop(name: &str, global: &Global) -> Result<()> {
    let key = command_key(global)?;
    connect(global, &key)?.stop(name)?;
    done("stopped", name, global)
}

/// Puts the version before back.
pub fn roll_back(name: &str, global: &Global) -> Result<()> {
    let key = command_key(global)?;
    let Installed { name, version, sequence, slot, replaced } = connect(global, &key)?.roll_back(name)?;
    if global.json {
        return output::json(&json!({
            "name": name, "version": version, "sequence": sequence, "slot": slot, "replaced": replaced,
        }));
    }
    let from = replaced.map(|version| format!(" from {}", printable(&version))).unwrap_or_default();
    output::line(&format!("rolled {name} back{from} to {} (sequence {sequence})", printable(&version)))
}

/// Removes an app.
pub fn remove(name: &str, global: &Global) -> Result<()> {
    let key = command_key(global)?;
    connect(global, &key)?.remove(name)?;
    done("removed", name, global)
}

fn done(what: &str, name: &str, global: &Global) -> Result<()> {
    if global.json {
        return output::json(&json!({ what: name }));
    }
    output::line(&format!("{what} {name}"))
}

/// An app for scripts.
pub fn value(app: &AppEntry) -> Value {
    let exit_code = match app.state {
        AppState::Exited(code) => Some(code),
        _ => None,
    };
    json!({
        "name": app.name,
        "version": app.version,
        "sequence": app.sequence,
        "slot": app.slot,
        "state": state_name(app.state),
        "exit_code": exit_code,
        "reason": app.reason,
        "signer": hex::encode(app.signer),
        "module_bytes": app.module_bytes,
        "restarts": app.restarts,
        "restart_in_us": app.restart_in_us,
        "probation_left_us": app.probation_left_us,
        "previous": app.previous,
        "rolled_back": app.rolled_back,
        "swap": app.swap.map(|role| match role { SwapRole::Counts => "counts", SwapRole::Shadow => "shadow" }),
    })
}

/// What commands that only look call it: while an app is swapped, two have its name.
pub fn address(app: &AppEntry) -> String {
    match app.swap {
        Some(_) => format!("{}@{}", app.name, app.slot),
        None => app.name.clone(),
    }
}

/// One stable word for scripts.
pub fn state_name(state: AppState) -> &'static str {
    match state {
        AppState::Starting => "starting",
        AppState::Running => "running",
        AppState::Exited(_) => "exited",
        AppState::Stopped => "stopped",
        AppState::Failed => "failed",
        AppState::Waiting => "waiting",
    }
}

/// The state for people, with what else is to be known about it.
pub fn state_words(app: &AppEntry) -> String {
    let mut words = match app.state {
        AppState::Exited(code) => format!("ended with exit code {code}"),
        AppState::Failed => format!("failed: {}", printable(&app.reason)),
        AppState::Waiting => {
            let when = seconds(app.restart_in_us.unwrap_or(0));
            format!("failed: {}; starts again in {when}", printable(&app.reason))
        }
        state => state_name(state).to_owned(),
    };
    match app.swap {
        Some(SwapRole::Shadow) => words += " as a shadow: it is compared and moves nothing",
        Some(SwapRole::Counts) => words += ", has just taken over",
        None => {}
    }
    if app.restarts > 0 {
        words += &format!(", restarted {} times", app.restarts);
    }
    if let Some(left_us) = app.probation_left_us {
        words += &format!(", on probation for {} more", seconds(left_us));
    }
    if !app.rolled_back.is_empty() {
        words += &format!(", rolled back from {}", printable(&app.rolled_back));
    }
    if let Some(previous) = &app.previous {
        words += &format!(", can go back to {}", printable(previous));
    }
    words
}

fn seconds(us: u64) -> String {
    format!("{:.1} s", us as f64 / 1e6)
}
