// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam push`

pub mod swap;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cofferdam_client::Device;
use cofferdam_management_protocol::{AppEntry, AppState};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::arguments::Global;
use crate::commands::{apps, command_key, connect};
use crate::output;

/// Translating a module of the largest size takes a fraction of this.
const START_TIME: Duration = Duration::from_secs(10);
/// Between two looks at whether the app runs by now.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Installs the package at `path`.
pub fn run(path: &Path, start: bool, global: &Global) -> Result<()> {
    let key = command_key(global)?;
    let package = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    refuse_unsigned(&package, path)?;
    let begun = Instant::now();
    let mut device = connect(global, &key)?;
    let bar = progress_bar(package.len() as u64, global);
    let outcome =
        device.install(&package, start, &mut |received_bytes| bar.set_position(u64::from(received_bytes)));
    bar.finish_and_clear();
    let installed = outcome?;
    let app = if start { Some(wait_until_started(&mut device, &installed.name)?) } else { None };
    let elapsed = begun.elapsed();
    if global.json {
        output::json(&json!({
            "name": installed.name,
            "version": installed.version,
            "sequence": installed.sequence,
            "slot": installed.slot,
            "replaced": installed.replaced,
            "state": app.as_ref().map_or("stopped", |app| apps::state_name(app.state)),
            "package_bytes": package.len(),
            "milliseconds": elapsed.as_millis() as u64,
        }))?;
    } else {
        let replaced = installed.replaced.map(|version| format!(", replacing {version}")).unwrap_or_default();
        output::line(&format!(
            "installed {} {} (sequence {}) into slot {}{replaced}; {} ({} ms)",
            installed.name,
            output::printable(&installed.version),
            installed.sequence,
            installed.slot,
            app.as_ref().map_or_else(|| "not started".to_owned(), apps::state_words),
            elapsed.as_millis(),
        ))?;
    }
    match app {
        Some(app) if app.sequence != installed.sequence => {
            bail!("{} was installed but rolled back: {}", app.name, output::printable(&app.rolled_back))
        }
        Some(app) if app.state == AppState::Failed => {
            bail!("{} was installed but failed: {}", app.name, output::printable(&app.reason))
        }
        _ => Ok(()),
    }
}

/// A device would only say that it is malformed.
fn refuse_unsigned(package: &[u8], path: &Path) -> Result<()> {
    match cofferdam_package::open_unverified(package) {
        Ok(package) if package.claimed_signer.is_none() => {
            bail!("{0} is not signed; run: cofferdam sign {0} --key FILE", path.display())
        }
        _ => Ok(()), // whether it is good is for the device to say
    }
}

/// Waits until the app runs, or has ended one way or another.
fn wait_until_started(device: &mut Device<'_>, name: &str) -> Result<AppEntry> {
    let deadline = Instant::now() + START_TIME;
    loop {
        let app = device.list()?.into_iter().find(|app| app.name == name);
        match app {
            Some(app) if app.state != AppState::Starting => return Ok(app),
            Some(_) if Instant::now() < deadline => thread::sleep(LOOK_AGAIN),
            Some(_) => bail!("{name} is installed but still not running after {START_TIME:?}"),
            None => bail!("{name} was installed but is gone again"),
        }
    }
}

/// On standard error; indicatif itself shows nothing when that is no terminal.
fn progress_bar(bytes: u64, global: &Global) -> ProgressBar {
    if global.json {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("sending [{bar:40}] {bytes}/{total_bytes} {bytes_per_sec}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}
