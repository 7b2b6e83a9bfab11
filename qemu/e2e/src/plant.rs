// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Simulators for tests: attaching one, and what was seen by it.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, anyhow, ensure};
use cofferdam_plant_protocol::Mode;
use cofferdam_plants::{Measure, Scenario};
use cofferdam_simulator::{Begin, Flight, Setup, Simulator};

use crate::context::{Context, STEP_LIMIT};

/// The same chance in all tests.
const SEED: u64 = 1;

/// Where a simulator is attached.
pub fn address(context: &mut Context<'_>) -> Result<SocketAddr> {
    context.machine().plant_address().ok_or_else(|| anyhow!("this suite's machine lets no simulator in"))
}

/// Attaches a simulator in lockstep, and waits until the device has heard it.
pub fn attach(context: &mut Context<'_>, plant: &str, scenario: &str, begin: Begin) -> Result<Simulator> {
    attach_in(context, Mode::Lockstep, plant, scenario, begin)
}

/// The same in a mode of one's own.
pub fn attach_in(
    context: &mut Context<'_>,
    mode: Mode,
    plant: &str,
    scenario: &str,
    begin: Begin,
) -> Result<Simulator> {
    let scenario =
        Scenario::find(plant, Some(scenario)).with_context(|| format!("no scenario {plant}/{scenario}"))?;
    let position = context.position();
    let setup = Setup { scenario, seed: SEED, begin };
    let mut simulator = Simulator::attach(address(context)?, mode, setup)?;
    simulator.wait(STEP_LIMIT, |progress| progress.attached)?;
    let words = match mode {
        Mode::Lockstep => "plant_link: a simulator is attached, in lockstep",
        Mode::Free => "plant_link: a simulator is attached, in real time",
    };
    context.expect_from(position, words)?;
    Ok(simulator)
}

/// Prints the figures of a flight, which must all be within their bounds.
pub fn keeps(flight: &Flight) -> Result<()> {
    let of = format!("{} {}", flight.scenario.plant, flight.scenario.name);
    keeps_all(&of, &flight.judge())
}

/// Prints figures of something, which must all be within their bounds.
pub fn keeps_all(of: &str, measures: &[Measure]) -> Result<()> {
    for measure in measures {
        println!("      {of}: {measure}");
    }
    let broken = measures.iter().find(|measure| !measure.is_kept());
    broken.map_or(Ok(()), |measure| Err(anyhow!("{measure}")))
}

/// A figure of a flight by its name.
pub fn figure(flight: &Flight, name: &str) -> Result<f64> {
    let measures = flight.judge();
    let found = measures.iter().find(|measure| measure.name == name);
    let value = found.with_context(|| format!("no figure '{name}'"))?.value;
    ensure!(value.is_finite(), "{name} is {value}");
    Ok(value)
}

/// Where two flights differ first, in words.
pub fn first_difference(first: &Flight, second: &Flight) -> Option<String> {
    let of = |flight: &Flight| {
        let begun = flight.begun.unwrap_or_default();
        let from = flight.ticks.iter().position(|tick| tick.tick >= begun).unwrap_or_default();
        let length = flight.recording.rows().len();
        flight
            .ticks
            .iter()
            .skip(from)
            .take(length)
            .map(move |tick| (tick.tick - begun, tick.outputs))
            .collect::<Vec<_>>()
    };
    let (first, second) = (of(first), of(second));
    let differs = first.iter().zip(&second).find(|(one, other)| one != other);
    differs.map(|((tick, one), (_, other))| format!("tick {tick}: {one:?} and {other:?}"))
}

/// As text.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
