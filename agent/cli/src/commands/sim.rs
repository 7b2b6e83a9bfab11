// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam sim`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use cofferdam_client::recipe::{RECIPE_FILE, Recipe};
use cofferdam_package::{Manifest, sha256};
use cofferdam_plants::{Measure, SCENARIOS, Scenario};
use cofferdam_sim::{Activated, Desk};
use cofferdam_simulator::{Begin, Setup};
use serde_json::json;

use crate::arguments::{Global, PlantKind};
use crate::commands::replay::rows;
use crate::failure::Usage;
use crate::output::{self, number, printable};

/// What the command line says.
pub struct Wanted {
    pub apps: Vec<PathBuf>,
    pub plant: PlantKind,
    pub scenario: Option<String>,
    pub seed: u64,
    pub recipe: Option<PathBuf>,
    pub stop_at: Option<u64>,
    pub memory: Option<(usize, usize)>,
    pub csv: Option<PathBuf>,
}

/// Runs the apps until the scenario is over, or up to the breakpoint.
pub fn run(wanted: &Wanted, global: &Global) -> Result<()> {
    let scenario = scenario(wanted)?;
    let apps: Vec<(Manifest, Vec<u8>)> =
        wanted.apps.iter().map(|path| app(path, wanted.recipe.as_deref())).collect::<Result<_>>()?;
    let begin = apps.iter().find_map(|(manifest, _)| manifest.permissions.actuators.first());
    let begin = begin.and_then(|actuator| cofferdam_sim::actuator_id(&actuator.name));
    let begin = begin.map_or(Begin::AtOnce, Begin::WhenHeld);
    let mut desk = Desk::new(Setup { scenario, seed: wanted.seed, begin });
    for (path, (manifest, module)) in wanted.apps.iter().zip(apps) {
        desk.add(manifest, &module).with_context(|| path.display().to_string())?;
    }
    let traced = wanted.stop_at.map(|number| (0, number));
    // A plant that nobody ever takes would stand for ever.
    let last_tick = scenario.duration_us / 1_000 * 2;
    let mut stopped = None;
    while !desk.world().is_over() && desk.any_runs() && desk.ticks() < last_tick && stopped.is_none() {
        let activated = desk.step(traced);
        for line in desk.take_lines() {
            if !global.json {
                let seconds = line.time_us as f64 / 1e6;
                output::line(&format!(
                    "[{seconds:>12.6}] {}: {}",
                    printable(&line.app),
                    printable(&line.text)
                ))?;
            }
        }
        stopped = activated.into_iter().find(|one| Some((one.app, one.number)) == traced);
    }
    if let Some(activated) = &stopped {
        show(&desk, activated, wanted, global)?;
    } else if let Some(number) = wanted.stop_at {
        bail!("the first app has no activation {number}");
    }
    let flight = desk.into_flight();
    if let Some(path) = &wanted.csv {
        fs::write(path, flight.recording.to_csv())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if stopped.is_some() {
        return Ok(());
    }
    let measures = flight.judge();
    let digest = hex::encode(flight.digest);
    if global.json {
        let figures: Vec<_> = measures
            .iter()
            .map(|one| json!({ "name": one.name, "unit": one.unit, "value": one.value, "min": one.min, "max": one.max, "kept": one.is_kept() }))
            .collect();
        output::json(&json!({ "scenario": scenario.name, "figures": figures, "sha256": digest }))?;
    } else {
        for measure in &measures {
            output::line(&measure.to_string())?;
        }
        output::line(&format!(
            "{} ticks, sha-256 of outputs and samples {digest}",
            flight.recording.rows().len()
        ))?;
    }
    Measure::broken(&measures).map_or(Ok(()), |broken| Err(anyhow!(broken)))
}

fn scenario(wanted: &Wanted) -> Result<&'static Scenario> {
    let plant = match wanted.plant {
        PlantKind::Quad => "quad",
        PlantKind::Car => "car",
    };
    Scenario::find(plant, wanted.scenario.as_deref()).ok_or_else(|| {
        let known: Vec<String> = SCENARIOS
            .iter()
            .filter(|one| one.plant == plant)
            .map(|one| format!("{}: {}", one.name, one.about))
            .collect();
        Usage(format!("--scenario takes one of\n  {}", known.join("\n  "))).into()
    })
}

/// A package's manifest and module, or those of a module and its description. Nobody has to have signed it.
fn app(path: &Path, recipe: Option<&Path>) -> Result<(Manifest, Vec<u8>)> {
    let file = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !file.starts_with(b"\0asm") {
        let package =
            cofferdam_package::open_unverified(&file).with_context(|| path.display().to_string())?;
        if !package.digest_matches {
            bail!("{}: its module is not the one that its manifest names", path.display());
        }
        let module = package.module.to_vec();
        return Ok((package.manifest, module));
    }
    let folder = recipe.or_else(|| path.parent()).unwrap_or(Path::new("."));
    let recipe = Recipe::load(&folder.join(RECIPE_FILE))
        .with_context(|| format!("{} needs its description: --recipe FOLDER", path.display()))?;
    Ok((recipe.manifest(&file)?, file))
}

/// An activation, what was asked in it, and the state behind it.
fn show(desk: &Desk, activated: &Activated, wanted: &Wanted, global: &Global) -> Result<()> {
    let memory = desk.memory(activated.app);
    let digest = hex::encode(sha256(&memory));
    let part =
        wanted.memory.map(|(from, to)| (from, memory.get(from..to.min(memory.len())).unwrap_or_default()));
    let columns = desk.world().columns();
    if global.json {
        let plant: serde_json::Map<String, serde_json::Value> =
            columns.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        return output::json(&json!({
            "activation": activated.number,
            "release_us": activated.release_us,
            "calls": activated.calls,
            "fuel": activated.fuel,
            "fuel_total": desk.fuel_total(activated.app),
            "ending": activated.ending.to_string(),
            "memory_bytes": memory.len(),
            "memory_sha256": digest,
            "memory": part.map(|(_, bytes)| hex::encode(bytes)),
            "plant": plant,
        }));
    }
    output::line(&format!("activation {}: due at {} us", activated.number, number(activated.release_us)))?;
    for call in &activated.calls {
        output::line(&format!("  {}", printable(call)))?;
    }
    output::line(&format!(
        "  {} fuel used, {} in all; {}",
        number(activated.fuel),
        number(desk.fuel_total(activated.app)),
        activated.ending
    ))?;
    output::line(&format!("  {} bytes of memory, sha-256 {digest}", number(memory.len() as u64)))?;
    for (row, bytes) in part.into_iter().flat_map(|(from, bytes)| rows(from, bytes)) {
        output::line(&format!("  {row:08x}  {}", hex::encode(bytes)))?;
    }
    for (name, value) in columns {
        output::line(&format!("  {name}: {value:.6}"))?;
    }
    Ok(())
}
