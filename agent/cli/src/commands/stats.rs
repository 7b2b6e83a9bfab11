// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam stats`

use anyhow::Result;
use cofferdam_management_protocol::{AppStats, DeviceStatus, DomainFigures, Greeting, Histogram};
use serde_json::{Value, json};

use crate::arguments::Global;
use crate::commands::{apps, command_key, connect};
use crate::output::{self, number};

/// Prints how app `name` runs, or how the device and all its apps do.
pub fn run(name: Option<&str>, global: &Global) -> Result<()> {
    let key = command_key(global)?;
    let mut device = connect(global, &key)?;
    if let Some(name) = name {
        let stats = device.stats(name)?;
        if global.json {
            return output::json(&app_value(name, &stats));
        }
        let spread = spread_rows(&stats);
        output::table(&app_rows(&[(name.to_owned(), stats)]))?;
        output::line("")?;
        return output::table(&spread);
    }
    let status = device.status()?;
    let mut all = Vec::new();
    for app in device.list()? {
        let address = apps::address(&app);
        let stats = device.stats(&address)?;
        all.push((address, stats));
    }
    let domains = device.domains()?;
    if global.json {
        let apps: Vec<Value> = all.iter().map(|(name, stats)| app_value(name, stats)).collect();
        let domains: Vec<Value> = domains.iter().map(domain_value).collect();
        let device = device_value(device.greeting(), &status);
        return output::json(&json!({ "device": device, "apps": apps, "domains": domains }));
    }
    output::table(&device_rows(device.greeting(), &status))?;
    if !all.is_empty() {
        output::line("")?;
        output::table(&app_rows(&all))?;
    }
    output::line("")?;
    output::table(&domain_rows(&domains))
}

/// The figures of a protection domain by name.
type DomainFigure = (&'static str, fn(&DomainFigures) -> Option<u64>);
const DOMAIN_FIGURES: [DomainFigure; 7] = [
    ("faults", |d| d.faults),
    ("restarts", |d| d.restarts),
    ("budgets_used_up", |d| d.budgets_used_up),
    ("log_lost_bytes", |d| d.log_lost_bytes),
    ("dropped", |d| d.dropped),
    ("held_up", |d| d.held_up),
    ("misbehaviour", |d| d.misbehaviour),
];

/// A row for each protection domain; `-` is what nobody knows.
fn domain_rows(domains: &[DomainFigures]) -> Vec<Vec<String>> {
    let names = DOMAIN_FIGURES.iter().map(|(name, _)| name.replace('_', " "));
    let head = std::iter::once("domain".to_owned()).chain(names).collect();
    let rows = domains.iter().map(|domain| {
        let figures = DOMAIN_FIGURES.iter().map(|(_, figure)| figure(domain).map_or("-".to_owned(), number));
        std::iter::once(output::printable(&domain.name)).chain(figures).collect()
    });
    std::iter::once(head).chain(rows).collect()
}

fn domain_value(domain: &DomainFigures) -> Value {
    let figures = DOMAIN_FIGURES.iter().map(|(name, figure)| ((*name).to_owned(), json!(figure(domain))));
    let name = std::iter::once(("name".to_owned(), json!(domain.name)));
    Value::Object(name.chain(figures).collect())
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
        row("fuel a ms", format!("{} relied on", number(status.fuel_per_ms))),
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
        "fuel_per_ms": status.fuel_per_ms,
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
        ("execution, all µs", |s| s.execution_total_us),
        ("jitter, most µs", |s| s.jitter_max_us),
        ("memory pages, most", |s| s.memory_pages),
        ("host calls, most", |s| s.host_calls),
        ("host calls, all", |s| s.host_calls_total),
        ("log lines", |s| s.log_lines),
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

/// How an app's activations spread.
fn spread_rows(stats: &AppStats) -> Vec<Vec<String>> {
    let head = ["of its activations", "half under", "99 % under", "99.9 % under"].map(str::to_owned).to_vec();
    let row = |name: &str, histogram: &Histogram| {
        let figures = [0.5, 0.99, 0.999].map(|part| below(histogram, part).map_or("-".to_owned(), number));
        std::iter::once(name.to_owned()).chain(figures).collect()
    };
    vec![
        head,
        row("late by µs", &stats.jitter_us),
        row("execution µs", &stats.execution_us),
        row("fuel", &stats.fuel),
    ]
}

/// What `part` of all values are below, as a power of two; nothing if there is no value, or none that bounds the largest.
pub fn below(histogram: &Histogram, part: f64) -> Option<u64> {
    const LAST: usize = 31;
    let all: u64 = histogram.iter().fold(0, |sum, count| sum.saturating_add(*count));
    let mut sum = 0u64;
    for (bits, count) in histogram.iter().enumerate().take(LAST) {
        sum = sum.saturating_add(*count);
        if sum > 0 && sum as f64 >= part * all as f64 {
            return Some(1 << bits);
        }
    }
    None
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
        "host_calls_total": stats.host_calls_total,
        "log_dropped_bytes": stats.log_dropped_bytes,
        "budgets_used_up": stats.budgets_used_up,
        "restarts": stats.restarts,
        "execution_total_us": stats.execution_total_us,
        "log_lines": stats.log_lines,
        "histograms": {
            "jitter_us": stats.jitter_us,
            "execution_us": stats.execution_us,
            "fuel": stats.fuel,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_powers_of_two() {
        // 50 zeroes, 49 ones, a value from 4 to 7.
        let histogram = vec![50, 49, 0, 1];
        assert_eq!([0.5, 0.99, 0.999].map(|part| below(&histogram, part)), [Some(1), Some(2), Some(8)]);
        assert_eq!(below(&vec![0, 0, 3], 0.0), Some(4));
    }

    #[test]
    fn what_cannot_be_said_is_not() {
        assert_eq!(below(&Vec::new(), 0.5), None);
        let mut largest = vec![0; 32];
        largest[31] = 1;
        assert_eq!(below(&largest, 0.5), None);
        assert_eq!(below(&vec![u64::MAX; 40], 0.01), Some(1), "a hostile device does no harm");
    }
}
