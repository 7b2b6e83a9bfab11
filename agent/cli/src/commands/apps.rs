// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam ls`, `start`, `stop` and `rm`

use anyhow::Result;
use cofferdam_management_protocol::{AppEntry, AppState};
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
    })
}

/// One stable word for scripts.
pub fn state_name(state: AppState) -> &'static str {
    match state {
        AppState::Starting => "starting",
        AppState::Running => "running",
        AppState::Exited(_) => "exited",
        AppState::Stopped => "stopped",
        AppState::Failed => "failed",
    }
}

/// The state for people.
pub fn state_words(app: &AppEntry) -> String {
    match app.state {
        AppState::Exited(code) => format!("ended with exit code {code}"),
        AppState::Failed => format!("failed: {}", printable(&app.reason)),
        state => state_name(state).to_owned(),
    }
}
