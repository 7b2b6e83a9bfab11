// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `make flight` and `make brake`: what the suites `flight` and `brake` do, once, with pictures of it.

use std::path::Path;

use anyhow::{Result, bail};
use clap::ValueEnum;
use cofferdam_report::{Moments, Page, Stop};
use cofferdam_simulator::Flight;

use crate::context::{Context, Settings};
use crate::harness::{Suite, System};
use crate::plant::{figure, keeps, keeps_all};
use crate::suites::brake;
use crate::suites::flight::descent;
use crate::suites::flight::swaps::{self, ON_ITS_WAY, Releases, Swapped};

/// What to show.
#[derive(Clone, Copy, ValueEnum)]
enum Demo {
    /// A quadrotor takes off, holds its place in a gust, flies an angle while its controller is swapped ten times, and lands; another
    /// one loses its controller in the air
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

/// Two flights: a killed controller ends one, and both its own landing and the guard's are to be seen.
fn show_flight(context: &mut Context<'_>) -> Result<(Page, &'static str, bool)> {
    let mut page = Page::new("A flight from Wasm");
    let kept = show_swaps(context, &mut page)?;
    context.boot_again(false)?;
    let landed = show_kill(context, &mut page)?;
    // The slots of this one are gone.
    context.boot_again(false)?;
    Ok((page, "flight", kept && landed))
}

fn show_swaps(context: &mut Context<'_>, page: &mut Page) -> Result<bool> {
    let Swapped { flight, swaps, measures, releases } = swaps::fly(context, &ON_ITS_WAY)?;
    let mut kept = keeps(&flight).is_ok();
    kept &= keeps_all("swaps", &measures).is_ok();
    page.heading(format!("{}: {}; hover is swapped in flight", flight.scenario.name, flight.scenario.about));
    page.measures(&flight.judge());
    page.measures(&measures);
    let moments =
        [Moments { name: "another version".into(), at: swaps.iter().map(|swap| swap.at_s).collect() }];
    cofferdam_report::flight(
        page,
        "flight",
        "Take-off, gust, ten swaps on the way, landing",
        &flight,
        &moments,
    )?;
    for swap in &swaps {
        let words = format!(
            "{} took over {:.3} s after take-off began, after {} ticks beside the one before: {} ticks without a value, {} us at most \
             between two values, a motor at most {} thousandths of its range apart",
            swap.version,
            swap.at_s,
            swap.said["compared_ticks"],
            swap.said["missed_ticks"],
            swap.said["longest_us"],
            swap.said["worst_permille"]
        );
        println!("      {words}");
        page.text(words);
    }
    page.heading("Release jitter");
    let mut waypoint = Releases::default();
    waypoint.add(context, "waypoint")?;
    for (app, Releases { jitter, late_max_us, missed }) in [("hover", releases), ("waypoint", waypoint)] {
        let words = format!("{app}: {missed} releases missed, at most {late_max_us} µs late");
        println!("      {words}");
        page.text(words);
        cofferdam_report::jitter(page, app, &jitter)?;
        kept &= missed == 0;
    }
    Ok(kept)
}

fn show_kill(context: &mut Context<'_>, page: &mut Page) -> Result<bool> {
    let landed = descent::fly(context, descent::kill)?;
    page.heading(format!(
        "{}: {}; its controller is killed",
        landed.flight.scenario.name, landed.flight.scenario.about
    ));
    page.text("The code of the app slots is destroyed in the air. What lands it is actuator_guard.");
    page.measures(&landed.measures);
    let moments = [Moments { name: "nobody flies".into(), at: vec![landed.let_go_s] }];
    let title = "Take-off, a killed controller, landing";
    cofferdam_report::flight(page, "killed", title, &landed.flight, &moments)?;
    Ok(keeps_all("killed", &landed.measures).is_ok())
}

fn show_brake(context: &mut Context<'_>) -> Result<(Page, &'static str, bool)> {
    let mut page = Page::new("Stops with and without an anti-lock app");
    let mut kept = true;
    let mut seen: Vec<(&str, Flight, Flight)> = Vec::new();
    for (road, part) in brake::ROADS {
        let with = brake::stop(context, road, Some("abs"))?;
        kept &= keeps(&with).is_ok();
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
