// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `make flight` and `make brake`: what the suites `flight` and `brake` do, once, with pictures of it.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use cofferdam_report::{Page, Stop};
use cofferdam_simulator::Flight;

use crate::context::{Context, Settings};
use crate::harness::{Suite, System};
use crate::plant::{figure, keeps};
use crate::suites::{brake, flight};

/// What to show.
#[derive(Clone, Copy, ValueEnum)]
enum Demo {
    /// A quadrotor takes off, holds its place in a gust, flies an angle and lands
    Flight,
    /// A car brakes on dry, wet and icy roads, with and without abs
    Brake,
}

#[derive(clap::Args)]
pub struct Arguments {
    /// Which one
    demo: Demo,
}

/// The folder and the machine.
const PLACE: Suite = Suite { name: "demo", about: "pictures", system: System::ProductWithPlant, tests: &[] };

/// Whether all bounds were kept.
pub fn run(settings: &Settings, arguments: &Arguments, folder: &Path) -> Result<bool> {
    let mut context = Context::boot(&PLACE, settings)?;
    context.begin("demo")?;
    let (mut page, file, kept) = match arguments.demo {
        Demo::Flight => show_flight(&mut context)?,
        Demo::Brake => show_brake(&mut context)?,
    };
    context.finish()?;
    page.text("Drawn from a device in QEMU on seL4, whose time follows executed instructions, and a simulated vehicle.");
    page.write(folder, file)?;
    println!(
        "{file}: {} ({}.html)",
        if kept { "all bounds kept" } else { "BOUNDS NOT KEPT" },
        folder.join(file).display()
    );
    Ok(kept)
}

fn say(kept: Result<()>) -> bool {
    kept.is_ok()
}

fn show_flight(context: &mut Context<'_>) -> Result<(Page, &'static str, bool)> {
    let mut page = Page::new("A flight from Wasm");
    let flown = flight::fly(context)?;
    let mut kept = say(keeps(&flown));
    cofferdam_report::flight(&mut page, &flown)?;
    page.heading("Release jitter");
    for app in ["hover", "waypoint"] {
        let stats = context.json(&["stats", app])?;
        let missed = stats["missed_releases"].as_u64().context("no figure of missed releases")?;
        let counts: Option<Vec<u64>> = stats["histograms"]["jitter_us"]
            .as_array()
            .map(|counts| counts.iter().filter_map(serde_json::Value::as_u64).collect());
        let counts = counts.with_context(|| format!("no histogram of jitter in {stats}"))?;
        let jitter_max_us = stats["jitter_max_us"].as_u64().unwrap_or_default();
        let words = format!("{app}: {missed} releases missed, at most {jitter_max_us} µs late");
        println!("      {words}");
        page.text(words);
        cofferdam_report::jitter(&mut page, app, &counts)?;
        kept &= missed == 0;
    }
    Ok((page, "flight", kept))
}

fn show_brake(context: &mut Context<'_>) -> Result<(Page, &'static str, bool)> {
    let mut page = Page::new("Stops with and without an anti-lock app");
    let mut kept = true;
    let mut seen: Vec<(&str, Flight, Flight)> = Vec::new();
    for (road, part) in brake::ROADS {
        let with = brake::stop(context, road, Some("abs"))?;
        kept &= say(keeps(&with));
        let without = brake::stop(context, road, None)?;
        match brake::differs(&with, &without, part) {
            Ok(()) => {}
            Err(error) => {
                println!("      {error:#}");
                kept = false;
            }
        }
        let way = |flight: &Flight| figure(flight, "stopping distance");
        println!("      {road}: {:.1} m with abs, {:.1} m without", way(&with)?, way(&without)?);
        seen.push((road, with, without));
    }
    if seen.is_empty() {
        bail!("no road");
    }
    let stops: Vec<Stop<'_>> =
        seen.iter().map(|(road, with, without)| Stop { road, with, without }).collect();
    cofferdam_report::stops(&mut page, &stops)?;
    Ok((page, "brake", kept))
}
