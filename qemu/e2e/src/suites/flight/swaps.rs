// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One flight in which `hover` is swapped for another version of itself again and again.
//!
//! When a version takes over depends on when its package arrives, so this flight does not repeat bit for bit. What the swaps do to it is
//! seen by comparison: the same flight without a swap, flown on the desk, is the same up to the first one.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use cofferdam_plants::Measure;
use cofferdam_simulator::{Begin, Flight, Simulator};
use serde_json::Value;

use super::{FLIGHT_LIMIT, FLIGHTS, MOTOR};
use crate::context::{Context, number};
use crate::harness::Skip;
use crate::plant::attach;

/// A flight and its swaps.
pub struct Plan {
    /// What is flown.
    scenario: &'static str,
    /// The app that flies beside `hover` and above it, if one does.
    beside: Option<&'static str>,
    /// Swaps in one flight.
    swaps: u64,
    /// When the first one is begun, in the scenario's time, and how long after one the next one is at the earliest.
    from_us: u64,
    every_us: u64,
    /// For how long two versions have to agree, and for how long the new one is watched, if not as its recipe says.
    terms_us: Option<[u64; 2]>,
}

/// The gust has passed, the way has begun, and there are seconds left before it lands.
pub const ON_ITS_WAY: Plan = Plan {
    scenario: "flight",
    beside: Some("waypoint"),
    swaps: 10,
    from_us: 18_500_000,
    every_us: 1_200_000,
    terms_us: None,
};
/// One after the other, as soon as it has risen and in the gust.
pub const A_HUNDRED: Plan = Plan {
    scenario: "long",
    beside: None,
    swaps: 100,
    from_us: 8_000_000,
    every_us: 0,
    terms_us: Some([40_000, 40_000]),
};

/// Below this it no longer flies its way, m.
const FLIES_ABOVE_M: f64 = 1.5;
/// A period of `hover`, and how far apart two values of an output may lie beside it: what a longer tick, slots above and servers
/// cost, as in the suite `swap`.
const LONGEST_US: f64 = 5_000.0;
/// How far from where it would be without swaps it may get, m: less than its position is known.
const OFF_MAX_M: f64 = 0.1;
const COORDINATES: [&str; 3] = ["x m", "y m", "z m"];

/// A version has taken over.
pub struct Swap {
    /// The new one.
    pub version: String,
    /// When, in the scenario's time, s.
    pub at_s: f64,
    /// How it went, as `cofferdam push --swap --json` says it.
    pub said: Value,
}

/// The flight, and what is known of its swaps.
pub struct Swapped {
    /// What was seen.
    pub flight: Flight,
    /// In order.
    pub swaps: Vec<Swap>,
    /// Figures of the swaps.
    pub measures: Vec<Measure>,
    /// Of `hover`, each version of it while it was the installed one.
    pub releases: Releases,
}

/// How an app's activations began.
#[derive(Default)]
pub struct Releases {
    /// How late, as in `cofferdam stats`.
    pub jitter: Vec<u64>,
    /// At most, us.
    pub late_max_us: u64,
    /// Not at all.
    pub missed: u64,
}

impl Releases {
    /// Adds those of the version that is installed.
    pub fn add(&mut self, context: &Context<'_>, app: &str) -> Result<()> {
        let stats = context.json(&["stats", app])?;
        let counts = stats["histograms"]["jitter_us"].as_array();
        let counts = counts.with_context(|| format!("no histogram of jitter in {stats}"))?;
        self.jitter.resize(self.jitter.len().max(counts.len()), 0);
        for (sum, count) in self.jitter.iter_mut().zip(counts) {
            *sum += count.as_u64().unwrap_or_default();
        }
        self.late_max_us = self.late_max_us.max(number(&stats, "jitter_max_us")?);
        self.missed += number(&stats, "missed_releases")?;
        Ok(())
    }
}

/// Pushes the apps, flies and swaps. A flight that the host was too slow for, and that went wrong, is flown again.
pub fn fly(context: &mut Context<'_>, plan: &Plan) -> Result<Swapped> {
    let versions = 1..=plan.swaps + 1;
    let versions = versions.map(|version| package(context, plan, version)).collect::<Result<Vec<_>>>()?;
    for attempt in 1..=FLIGHTS {
        let (late, outcome) = once(context, plan, &versions)?;
        match went_wrong(&outcome).filter(|_| late > 0) {
            None => return outcome,
            Some(why) => println!("      {late} ticks were late, attempt {attempt} of {FLIGHTS}: {why}"),
        }
        context.boot_again(false)?;
    }
    Err(Skip(format!("the host was too slow for a flight with swaps, {FLIGHTS} times")).into())
}

fn went_wrong(outcome: &Result<Swapped>) -> Option<String> {
    let swapped = match outcome {
        Ok(swapped) => swapped,
        Err(error) => return Some(format!("{error:#}")),
    };
    let flown = swapped.flight.judge();
    let broken = flown.iter().chain(&swapped.measures).find(|measure| !measure.is_kept());
    broken.map(Measure::to_string)
}

/// Version `version` of `hover`: its source is the same, which is what lets the flight be compared.
fn package(context: &Context<'_>, plan: &Plan, version: u64) -> Result<String> {
    context.package("hover", &format!("hover-{version}.cdam"), |recipe| {
        recipe.sequence = version;
        recipe.version = format!("0.1.{version}");
        if let (Some([agree_us, watch_us]), Some(terms)) = (plan.terms_us, &mut recipe.swap) {
            terms.agree_us = Some(agree_us);
            terms.watch_us = Some(watch_us);
        }
    })
}

/// One flight, and how many of its ticks were late.
fn once(context: &mut Context<'_>, plan: &Plan, versions: &[String]) -> Result<(usize, Result<Swapped>)> {
    let mut simulator = attach(context, "quad", plan.scenario, Begin::WhenHeld(MOTOR))?;
    let outcome = go(context, &mut simulator, plan, versions);
    let flight = simulator.leave()?;
    let late = flight.late.len();
    Ok((late, outcome.and_then(|(said, releases)| see(context, plan, flight, said, releases, versions))))
}

fn go(
    context: &Context<'_>,
    simulator: &mut Simulator,
    plan: &Plan,
    versions: &[String],
) -> Result<(Vec<Value>, Releases)> {
    let (first, others) = versions.split_first().context("no version")?;
    if let Some(app) = plan.beside {
        context.push(app, app)?;
    }
    context.done(&["push", first])?;
    let (mut said, mut releases) = (Vec::new(), Releases::default());
    for (version, number) in others.iter().zip(0..) {
        let from_us = plan.from_us + number * plan.every_us;
        simulator.wait(FLIGHT_LIMIT, |progress| progress.time_us >= from_us)?;
        releases.add(context, "hover")?;
        said.push(swap(context, version)?);
    }
    simulator.wait(FLIGHT_LIMIT, |progress| progress.over)?;
    releases.add(context, "hover")?;
    Ok((said, releases))
}

fn see(
    context: &Context<'_>,
    plan: &Plan,
    flight: Flight,
    said: Vec<Value>,
    releases: Releases,
    versions: &[String],
) -> Result<Swapped> {
    let swaps = said.into_iter().map(|said| took_over(&flight, said)).collect::<Result<Vec<_>>>()?;
    let without = without_swaps(context, plan, versions.first().context("no version")?)?;
    let measures = judge(&flight, &without, &swaps, plan.swaps)?;
    Ok(Swapped { flight, swaps, measures, releases })
}

/// Swaps a version in, which must take over for good.
fn swap(context: &Context<'_>, file: &str) -> Result<Value> {
    let said = context.json(&["push", "--swap", file])?;
    ensure!(said["state"] == "done", "a swap that was not done: {said}");
    Ok(said)
}

fn took_over(flight: &Flight, said: Value) -> Result<Swap> {
    let at_us = number(&said, "taken_over_us")?;
    let at_s = flight.time_s(at_us).with_context(|| format!("before the flight: {said}"))?;
    let version = said["to_version"].as_str().unwrap_or_default().to_owned();
    Ok(Swap { version, at_s, said })
}

/// Where the same apps are at each tick without a swap.
fn without_swaps(context: &Context<'_>, plan: &Plan, hover: &str) -> Result<Vec<[f64; 3]>> {
    let beside = plan.beside.map(|app| context.package(app, &format!("{app}.cdam"), |_| ())).transpose()?;
    let apps: Vec<&str> = beside.iter().map(String::as_str).chain([hover]).collect();
    let file = context.file("without-swaps.csv", b"")?;
    let plant = ["--plant", "quad", "--scenario", plan.scenario, "--csv", &file];
    context.json(&[&["sim"], &apps[..], &plant].concat())?;
    places(&fs::read_to_string(&file)?).with_context(|| format!("not understood: {file}"))
}

/// The coordinates in a table of `cofferdam sim`.
fn places(table: &str) -> Option<Vec<[f64; 3]>> {
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next()?.split(',').collect();
    let columns = COORDINATES.map(|name| header.iter().position(|column| *column == name));
    let [Some(x), Some(y), Some(z)] = columns else { return None };
    let value = |cells: &[&str], column: usize| cells.get(column)?.parse().ok();
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            Some([value(&cells, x)?, value(&cells, y)?, value(&cells, z)?])
        })
        .collect()
}

fn judge(flight: &Flight, without: &[[f64; 3]], swaps: &[Swap], planned: u64) -> Result<Vec<Measure>> {
    let first_s = swaps.first().context("no swap")?.at_s;
    let off = off(flight, without);
    let most = |from_s: f64, to_s: f64| {
        let during = off.iter().filter(|(time_s, _)| (from_s..to_s).contains(time_s));
        during.fold(f64::NAN, |most: f64, (_, off)| most.max(*off))
    };
    let height = |at_s: f64| flight.recording.since("z m", at_s).next().unwrap_or_default();
    let flying = swaps.iter().filter(|swap| height(swap.at_s) > FLIES_ABOVE_M).count();
    let largest = |name: &str| -> Result<f64> {
        let values = swaps.iter().map(|swap| number(&swap.said, name)).collect::<Result<Vec<_>>>()?;
        Ok(values.into_iter().max().unwrap_or_default() as f64)
    };
    let at_most = |name, unit, value, max| Measure { name, unit, value, min: 0.0, max };
    let mut measures = vec![
        Measure {
            name: "swaps while it flies",
            unit: "1",
            value: flying as f64,
            min: planned as f64,
            max: planned as f64,
        },
        at_most("ticks without a value in a swap", "1", largest("missed_ticks")?, 0.0),
        at_most("longest time between two values", "us", largest("longest_us")?, LONGEST_US),
        at_most("off the flight without swaps", "m", most(first_s, f64::INFINITY), OFF_MAX_M),
    ];
    if flight.late.is_empty() {
        // Else it is another flight already.
        measures.push(at_most("the same before the first swap", "m", most(0.0, first_s), 0.0));
    }
    Ok(measures)
}

/// How far apart two flights are, by the time of the first one, s and m. A flight of another length has no end to be compared.
fn off(flight: &Flight, without: &[[f64; 3]]) -> Vec<(f64, f64)> {
    let [xs, ys, zs] = COORDINATES.map(|name| flight.recording.column(name).collect::<Vec<_>>());
    let places = xs.iter().zip(&ys).zip(&zs).map(|(((time_s, x), (_, y)), (_, z))| (*time_s, [*x, *y, *z]));
    let apart =
        |a: [f64; 3], b: &[f64; 3]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
    places.zip(without).map(|((time_s, place), other)| (time_s, apart(place, other))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_places_is_read_by_its_header() {
        let table = "time s,z m,x m,other,y m\n0,3,1,9,2\n0.001,6,4,9,5\n";
        assert_eq!(places(table), Some(vec![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
        for bad in ["", "time s,x m,y m\n0,1,2\n", "x m,y m,z m\n1,2\n", "x m,y m,z m\n1,2,high\n"] {
            assert_eq!(places(bad), None, "{bad}");
        }
    }
}
