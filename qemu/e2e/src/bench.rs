// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Measurements: a table for people, JSON for scripts. Each figure says how it was measured.

mod call;
mod compare;
mod four;
mod jitter;
mod product;
mod safety;
mod speed;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::context::Settings;
use crate::harness::Skip;
use crate::suites::envelope;

/// What to measure, and how often.
#[derive(clap::Args)]
pub struct Arguments {
    /// How often to measure what varies; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub runs: u16,
    /// The program that runs corebench without a kernel [default:
    /// BUILD/target/aarch64-unknown-none/device/bare-metal]
    #[arg(long, value_name = "FILE")]
    pub bare_metal: Option<PathBuf>,
    /// Only figures whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// As much or less.
    AtMost(f64),
    /// As much or more.
    AtLeast(f64),
    /// Nobody said.
    None,
}

impl Goal {
    fn met(self, value: f64) -> Option<bool> {
        match self {
            Self::AtMost(limit) => Some(value <= limit),
            Self::AtLeast(limit) => Some(value >= limit),
            Self::None => None,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(formatter, "≤ {limit}"),
            Self::AtLeast(limit) => write!(formatter, "≥ {limit}"),
            Self::None => write!(formatter, "-"),
        }
    }
}

/// A measured value and how it came about.
pub struct Measured {
    /// In the figure's unit.
    pub value: f64,
    /// For people who want to repeat it.
    pub how: String,
}

/// Something to measure.
struct Figure {
    name: &'static str,
    unit: &'static str,
    goal: Goal,
    measure: fn(&Settings, &Arguments) -> Result<Measured>,
}

const FIGURES: &[Figure] = &[
    Figure { name: "image size", unit: "MiB", goal: Goal::AtMost(8.0), measure: product::image_size },
    Figure {
        name: "RAM in use with four loaded apps",
        unit: "MiB",
        goal: Goal::AtMost(64.0),
        measure: product::ram,
    },
    Figure {
        name: "start of QEMU to device ready",
        unit: "s",
        goal: Goal::AtMost(2.0),
        measure: product::boot,
    },
    Figure {
        name: "push of a 20 KB app to its first tick",
        unit: "ms",
        goal: Goal::AtMost(300.0),
        measure: product::push,
    },
    Figure {
        name: "Wasm speed in a slot against bare metal",
        unit: "×",
        goal: Goal::AtLeast(0.9),
        measure: speed::by_time,
    },
    Figure {
        name: "the same by executed instructions",
        unit: "×",
        goal: Goal::AtLeast(0.9),
        measure: speed::by_instructions,
    },
    Figure {
        name: "host call to sensor_hub and back",
        unit: "instructions",
        goal: Goal::None,
        measure: call::crossing,
    },
    Figure {
        name: "host call that stays in the slot",
        unit: "instructions",
        goal: Goal::None,
        measure: call::staying,
    },
    Figure {
        name: "tick jitter under a network flood",
        unit: "us",
        goal: Goal::AtMost(100.0),
        measure: jitter::under_flood,
    },
    Figure {
        name: "end of a lease to the safe state",
        unit: "us",
        goal: Goal::AtMost(envelope::LATE_MAX_US as f64),
        measure: safety::safe_state,
    },
    Figure {
        name: "swaps: ticks without a value",
        unit: "ticks",
        goal: Goal::AtMost(0.0),
        measure: safety::swap_gap,
    },
    Figure { name: "1 kHz jitter of four loops alone", unit: "us", goal: Goal::None, measure: four::alone },
    Figure {
        name: "the same under a network flood",
        unit: "us",
        goal: Goal::AtMost(50.0),
        measure: four::under_flood,
    },
    Figure { name: "the same under a log flood", unit: "us", goal: Goal::None, measure: four::under_logs },
    Figure {
        name: "the same under an install storm",
        unit: "us",
        goal: Goal::None,
        measure: four::under_installs,
    },
    Figure {
        name: "the same beside a greedy neighbour",
        unit: "us",
        goal: Goal::None,
        measure: four::beside_a_greedy_one,
    },
    Figure {
        name: "the same alone, free running",
        unit: "us",
        goal: Goal::None,
        measure: four::free_running,
    },
    Figure {
        name: "the same under a flood, free running",
        unit: "us",
        goal: Goal::None,
        measure: four::free_running_under_flood,
    },
];

/// Measures, prints and writes `path`. Whether everything could be measured; a missed goal is no failure to
/// measure.
///
/// `paths` are those of this kernel, of the crates kernel and of the SDK's: when both kernels were measured, a table
/// shows them beside each other.
pub fn run(settings: &Settings, arguments: &Arguments, [path, crates, sdk]: [&Path; 3]) -> Result<bool> {
    let mut rows = Vec::new();
    let mut all = true;
    println!("{:<40} {:>12} {:<13} {:>8}  {:<4}", "figure", "value", "unit", "goal", "met");
    for figure in FIGURES {
        if arguments.only.as_ref().is_some_and(|only| !figure.name.contains(only.as_str())) {
            continue;
        }
        let Figure { name, unit, goal, measure } = *figure;
        match measure(settings, arguments) {
            Ok(Measured { value, how }) => {
                let met = goal.met(value);
                let word = met.map_or("-", |met| if met { "yes" } else { "NO" });
                println!("{name:<40} {value:>12.3} {unit:<13} {:>8}  {word:<4}", goal.to_string());
                println!("    {how}");
                rows.push(json!({
                    "name": name, "value": value, "unit": unit, "goal": goal.to_string(), "met": met, "how": how,
                }));
            }
            Err(error) if error.is::<Skip>() => {
                println!("{name:<40} {:>12} {unit:<13} {:>8}  {:<4}", "-", goal.to_string(), "-");
                println!("    {error}");
                rows.push(
                    json!({ "name": name, "value": Value::Null, "unit": unit, "skipped": error.to_string() }),
                );
            }
            Err(error) => {
                all = false;
                println!("{name:<40} {:>12} {unit:<13} {:>8}  {:<4}", "-", goal.to_string(), "?");
                println!("    not measured: {error:#}");
                rows.push(json!({ "name": name, "value": Value::Null, "unit": unit, "error": format!("{error:#}") }));
            }
        }
    }
    let text = serde_json::to_string_pretty(&json!({ "figures": rows }))?;
    fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    println!("written to {}", path.display());
    if let Some(table) = compare::table(crates, sdk)? {
        println!("\nboth kernels, from {} and {}:\n{table}", crates.display(), sdk.display());
    }
    Ok(all)
}

/// The middle one.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The number behind `key=` in `line`.
fn field(line: &str, key: &str) -> Option<f64> {
    line.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('=')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_met_at_their_limit() {
        assert_eq!(Goal::AtMost(2.0).met(2.0), Some(true));
        assert_eq!(Goal::AtLeast(0.9).met(0.89), Some(false));
        assert_eq!(Goal::None.met(1.0), None);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn fields_are_found_by_name() {
        let line = "[    1.2] app_slot_0/corebench: iterations=10 time_us=0020 fuel=7";
        assert_eq!(field(line, "time_us"), Some(20.0));
        assert_eq!(field(line, "time"), None);
    }
}
