// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam top`

use std::collections::HashMap;
use std::io::{IsTerminal, stdout};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use cofferdam_client::Device;
use cofferdam_management_protocol::{AppEntry, AppStats, DeviceStatus};
use serde_json::{Value, json};

use crate::arguments::Global;
use crate::commands::stats::below;
use crate::commands::{apps, command_key, connect};
use crate::output::{self, number};

/// Moves a terminal's cursor home and clears what is below.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

/// The device at one moment.
struct Sample {
    status: DeviceStatus,
    apps: Vec<(AppEntry, AppStats)>,
}

/// What an app did from one sample to the next, per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Rates {
    activations: f64,
    /// Of one processor, in percent.
    processor: f64,
    fuel: f64,
    log_lines: f64,
}

/// Shows again and again what the apps do, `count` times if given. Each look is a connection of its own, so that others
/// get their turn.
pub fn run(interval: Duration, count: Option<u32>, global: &Global) -> Result<()> {
    let key = command_key(global)?;
    let look = || Sample::take(&mut connect(global, &key)?);
    let mut before = look()?;
    let mut shown = 0;
    while count.is_none_or(|count| shown < count) {
        thread::sleep(interval);
        let now = look()?;
        show(&before, &now, global)?;
        before = now;
        shown += 1;
    }
    Ok(())
}

impl Sample {
    fn take(device: &mut Device<'_>) -> Result<Self> {
        let status = device.status()?;
        let mut apps = Vec::new();
        for app in device.list()? {
            let stats = device.stats(&apps::address(&app))?;
            apps.push((app, stats));
        }
        Ok(Self { status, apps })
    }
}

fn show(before: &Sample, now: &Sample, global: &Global) -> Result<()> {
    let seconds = now.status.uptime_us.saturating_sub(before.status.uptime_us) as f64 / 1e6;
    let earlier: HashMap<_, _> =
        before.apps.iter().map(|(app, stats)| ((&app.name, app.slot), stats)).collect();
    let apps: Vec<_> = now
        .apps
        .iter()
        .map(|(app, stats)| (app, stats, rates(earlier.get(&(&app.name, app.slot)).copied(), stats, seconds)))
        .collect();
    if global.json {
        let apps: Vec<Value> = apps.iter().map(|(app, stats, rates)| value(app, stats, *rates)).collect();
        return output::json(&json!({ "uptime_us": now.status.uptime_us, "apps": apps }));
    }
    let head =
        ["APP", "SLOT", "STATE", "RUNS/S", "CPU %", "FUEL/S", "LATE", "MISSED", "99 % WITHIN µs", "LINES/S"];
    let rows = apps.iter().map(|(app, stats, rates)| row(app, stats, *rates));
    let table: Vec<Vec<String>> = std::iter::once(head.map(str::to_owned).to_vec()).chain(rows).collect();
    let clear = if stdout().is_terminal() { CLEAR } else { "" };
    let DeviceStatus { uptime_us, slots, free_slots, refusals, slot_faults, .. } = &now.status;
    output::line(&format!(
        "{clear}up {:.0} s, {free_slots} of {slots} slots free, {refusals} refusals, {slot_faults} slot faults",
        *uptime_us as f64 / 1e6
    ))?;
    output::table(&table)
}

/// Since `before`, or since the app's start if it began anew in between.
fn rates(before: Option<&AppStats>, now: &AppStats, seconds: f64) -> Rates {
    let begun = AppStats::default();
    let before = before.filter(|before| before.activations <= now.activations).unwrap_or(&begun);
    let per_second = |figure: fn(&AppStats) -> u64| {
        let more = figure(now).saturating_sub(figure(before));
        if seconds > 0.0 { more as f64 / seconds } else { 0.0 }
    };
    Rates {
        activations: per_second(|s| s.activations),
        processor: per_second(|s| s.execution_total_us) / 1e4,
        fuel: per_second(|s| s.fuel_total),
        log_lines: per_second(|s| s.log_lines),
    }
}

fn row(app: &AppEntry, stats: &AppStats, rates: Rates) -> Vec<String> {
    vec![
        app.name.clone(),
        app.slot.to_string(),
        apps::state_name(app.state).to_owned(),
        format!("{:.0}", rates.activations),
        format!("{:.1}", rates.processor),
        number(rates.fuel as u64),
        number(stats.overruns),
        number(stats.missed_releases),
        below(&stats.execution_us, 0.99).map_or("-".to_owned(), number),
        format!("{:.1}", rates.log_lines),
    ]
}

fn value(app: &AppEntry, stats: &AppStats, rates: Rates) -> Value {
    json!({
        "name": app.name,
        "slot": app.slot,
        "state": apps::state_name(app.state),
        "activations_per_second": rates.activations,
        "processor_percent": rates.processor,
        "fuel_per_second": rates.fuel,
        "log_lines_per_second": rates.log_lines,
        "overruns": stats.overruns,
        "missed_releases": stats.missed_releases,
        "execution_99_percent_below_us": below(&stats.execution_us, 0.99),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(activations: u64) -> AppStats {
        AppStats {
            activations,
            fuel_total: 1000 * activations,
            execution_total_us: 50 * activations,
            log_lines: activations / 10,
            ..AppStats::default()
        }
    }

    #[test]
    fn rates_are_differences() {
        let rates = rates(Some(&stats(100)), &stats(300), 2.0);
        let expected = Rates { activations: 100.0, processor: 0.5, fuel: 100_000.0, log_lines: 10.0 };
        assert_eq!(rates, expected);
    }

    #[test]
    fn an_app_that_began_anew_counts_from_its_start() {
        assert_eq!(rates(Some(&stats(300)), &stats(20), 2.0).activations, 10.0);
        assert_eq!(rates(None, &stats(20), 2.0).activations, 10.0);
        assert_eq!(rates(None, &stats(20), 0.0), Rates::default());
    }
}
