// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam stats`

use anyhow::Result;
use cofferdam_management_protocol::{AppStats, DeviceStatus, Greeting};
use serde_json::{Value, json};

use crate::arguments::Global;
use crate::commands::{command_key, connect};
use crate::output::{self, number};

/// Prints how app `name` runs, or how the device and all its apps do.
pub fn run(name: Option<&str>, global: &Global) -> Result<()> {
    let key = command_key(global)?;
    let mut device = connect(global, &key)?;
    if let Some(name) = name {
        let stats = device.stats(name)?;
        return if global.json {
            output::json(&app_value(name, &stats))
        } else {
            output::table(&app_rows(&[(name.to_owned(), stats)]))
        };
    }
    let status = device.status()?;
    let mut apps = Vec::new();
    for app in device.list()? {
        let stats = device.stats(&app.name)?;
        apps.push((app.name, stats));
    }
    if global.json {
        let apps: Vec<Value> = apps.iter().map(|(name, stats)| app_value(name, stats)).collect();
        return output::json(&json!({ "device": device_value(device.greeting(), &status), "apps": apps }));
    }
    output::table(&device_rows(device.greeting(), &status))?;
    if !apps.is_empty() {
        output::line("")?;
        output::table(&app_rows(&apps))?;
    }
    Ok(())
}

fn device_rows(greeting: &Greeting, status: &DeviceStatus) -> Vec<Vec<String>> {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    vec![
        row("device", output::printable(&greeting.device_id)),
        row("up for", format!("{:.1} s", status.uptime_us as f64 / 1e6)),
        row("slots", format!("{} of {} free", status.free_slots, status.slots)),
        row("trusted keys", number(status.anchors)),
        row("installs", number(status.installs)),
        row("refusals", number(status.refusals)),
        row("slot faults", number(status.slot_faults)),
        row("manager heap", format!("{} bytes in use", number(status.manager_heap_bytes))),
    ]
}

fn device_value(greeting: &Greeting, status: &DeviceStatus) -> Value {
    json!({
        "id": greeting.device_id,
        "boot_nonce": hex::encode(greeting.boot_nonce),
        "uptime_us": status.uptime_us,
        "slots": status.slots,
        "free_slots": status.free_slots,
        "anchors": status.anchors,
        "installs": status.installs,
        "refusals": status.refusals,
        "slot_faults": status.slot_faults,
        "manager_heap_bytes": status.manager_heap_bytes,
    })
}

/// One table with a column for each app: names of figures are long, apps are few.
fn app_rows(apps: &[(String, AppStats)]) -> Vec<Vec<String>> {
    type Figure = (&'static str, fn(&AppStats) -> u64);
    const FIGURES: &[Figure] = &[
        ("slot", |s| s.slot.into()),
        ("activations", |s| s.activations),
        ("missed releases", |s| s.missed_releases),
        ("overruns", |s| s.overruns),
        ("fuel, last", |s| s.fuel_last),
        ("fuel, most", |s| s.fuel_max),
        ("fuel, all", |s| s.fuel_total),
        ("execution, most µs", |s| s.execution_max_us),
        ("jitter, most µs", |s| s.jitter_max_us),
        ("memory pages", |s| s.memory_pages),
        ("host calls", |s| s.host_calls),
        ("log bytes dropped", |s| s.log_dropped_bytes),
        ("budgets used up", |s| s.budgets_used_up),
        ("restarts", |s| s.restarts),
    ];
    let head = std::iter::once("app".to_owned()).chain(apps.iter().map(|(name, _)| name.clone())).collect();
    let figures = FIGURES.iter().map(|(name, figure)| {
        let values = apps.iter().map(|(_, stats)| number(figure(stats)));
        std::iter::once((*name).to_owned()).chain(values).collect()
    });
    std::iter::once(head).chain(figures).collect()
}

fn app_value(name: &str, stats: &AppStats) -> Value {
    json!({
        "name": name,
        "slot": stats.slot,
        "activations": stats.activations,
        "missed_releases": stats.missed_releases,
        "overruns": stats.overruns,
        "fuel_last": stats.fuel_last,
        "fuel_max": stats.fuel_max,
        "fuel_total": stats.fuel_total,
        "execution_max_us": stats.execution_max_us,
        "jitter_max_us": stats.jitter_max_us,
        "memory_pages": stats.memory_pages,
        "host_calls": stats.host_calls,
        "log_dropped_bytes": stats.log_dropped_bytes,
        "budgets_used_up": stats.budgets_used_up,
        "restarts": stats.restarts,
    })
}
