// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A flight that ends without its controller: what `actuator_guard` does to the motors then, and how that lands.

use anyhow::{Context as _, Result};
use cofferdam_device_protocol::{ACTUATORS, SafeState};
use cofferdam_plant_protocol::TICK_US;
use cofferdam_plants::Measure;
use cofferdam_simulator::{Begin, Flight, Tick};

use super::{FLIGHT_LIMIT, MOTOR, MOTORS};
use crate::context::Context;
use crate::plant::attach;
use crate::suites::attack::debugger::destroy_program;

/// When the controller goes, in the scenario's time, and how high it is at least, m.
const FROM_US: u64 = 8_000_000;
const HIGH_M: f64 = 1.5;
/// Two control periods of `hover`, ms.
const TWO_PERIODS_MS: f64 = 8.0;
/// As fast as after a fall from 0.32 m: undercarriages are built for it. Nothing holds the attitude meanwhile, so it tilts.
const TOUCH_DOWN_MAX: f64 = 2.5;
const TILT_MAX: f64 = 0.5;
const DRIFT_MAX_M: f64 = 4.0;
/// A motor that was sent up at last may get there while the others wait for nothing.
const RISE_MAX: f64 = 0.02;
/// Outputs are numbers that went another way from end to end.
const SAME: f64 = 1e-9;

/// A flight that the guard has landed.
pub struct Landed {
    /// What was seen.
    pub flight: Flight,
    /// When nobody held the motors any more, in the scenario's time, s.
    pub let_go_s: f64,
    /// Figures of the descent.
    pub measures: Vec<Measure>,
}

/// Destroys the code of the slots, in the air: `hover` is in one of them, and faults.
pub fn kill(context: &mut Context<'_>) -> Result<()> {
    for text in ["faulted", "fault", "panic"] {
        context.announce(text);
    }
    let position = destroy_program(context, "app_slot")?;
    context.expect_from(position, "app hover stopped: protection domain fault").map(drop)
}

/// Flies in a wind up to the time at which `end` ends the controller, and on until motors stand.
pub fn fly(context: &mut Context<'_>, end: impl FnOnce(&mut Context<'_>) -> Result<()>) -> Result<Landed> {
    let mut simulator = attach(context, "quad", "breeze", Begin::WhenHeld(MOTOR))?;
    context.push("hover", "hover")?;
    simulator.wait(FLIGHT_LIMIT, |progress| progress.time_us >= FROM_US && progress.moves > HIGH_M)?;
    end(context)?;
    simulator.wait(FLIGHT_LIMIT, |progress| progress.over)?;
    judge(simulator.leave()?)
}

/// From the tick on in which nobody holds the motors any more.
fn let_go(flight: &Flight) -> Option<&[Tick]> {
    let held = |tick: &Tick| MOTORS.clone().any(|motor| tick.outputs[motor].holder.is_some());
    let flown = flight.ticks.iter().position(held)?;
    let free = flight.ticks.get(flown..)?.iter().position(|tick| !held(tick))?;
    flight.ticks.get(flown + free..)
}

fn motors(tick: &Tick) -> [f64; 4] {
    [0, 1, 2, 3].map(|motor| tick.outputs[motor].value)
}

fn judge(flight: Flight) -> Result<Landed> {
    let down = let_go(&flight).context("the motors were never let go")?;
    let first = down.first().context("no tick without a holder")?;
    let let_go_s = flight.time_s(first.tick * TICK_US).context("before the flight")?;
    let since_ms = |tick: &Tick| ((tick.tick - first.tick) * TICK_US) as f64 / 1e3;
    // All the same, and they stay so.
    let level = down.windows(2).find(|pair| {
        let [value, others @ ..] = motors(&pair[0]);
        let even = others.iter().all(|other| (other - value).abs() < SAME);
        even && motors(&pair[1]).iter().all(|later| (later - value).abs() < SAME)
    });
    let level_ms = level.map_or(f64::NAN, |pair| since_ms(&pair[0]));
    let SafeState::Descent { lasts_us, stop_us, .. } = ACTUATORS[MOTOR].safe_state else {
        anyhow::bail!("motors have another safe state");
    };
    let stands = down.iter().find(|tick| motors(tick) == [0.0; 4]);
    let stands_s = stands.map_or(f64::NAN, |tick| since_ms(tick) / 1e3);
    let average = |tick: &Tick| motors(tick).iter().sum::<f64>() / 4.0;
    let rises = down.iter().map(|tick| average(tick) - average(first)).fold(0.0, f64::max);
    let recording = &flight.recording;
    let (from, touch) = {
        let of = |name: &str| recording.since(name, let_go_s).collect::<Vec<_>>();
        let (x, y, z, speed) = (of("x m"), of("y m"), of("z m"), of("velocity-z m/s"));
        let (roll, pitch) = (of("roll rad"), of("pitch rad"));
        let touch = z.iter().position(|height| *height <= 0.0).context("it never comes down")?;
        let before = touch.checked_sub(1).context("it was let go on the ground")?;
        let way = (x[touch] - x[0]).hypot(y[touch] - y[0]);
        (z[0], [-speed[before], roll[before].hypot(pitch[before]), way])
    };
    let [speed, tilt, way] = touch;
    let at_most = |name, unit, value, max| Measure { name, unit, value, min: 0.0, max };
    let last = (lasts_us + stop_us) as f64 / 1e6;
    let measures = vec![
        Measure { name: "let go at a height of", unit: "m", value: from, min: HIGH_M, max: 2.5 },
        at_most("safe state after the end of the lease", "ms", level_ms, TWO_PERIODS_MS),
        at_most("touches down at", "m/s", speed, TOUCH_DOWN_MAX),
        at_most("tilted then by", "rad", tilt, TILT_MAX),
        at_most("drifts by", "m", way, DRIFT_MAX_M),
        at_most("motors on average speed up by", "of full", rises, RISE_MAX),
        // What an output has still to go is done in a tick more.
        at_most("motors stand after", "s", stands_s, last + 0.01),
    ];
    Ok(Landed { flight, let_go_s, measures })
}

#[cfg(test)]
mod tests {
    use cofferdam_plant_protocol::Outputs;
    use cofferdam_plants::Scenario;
    use cofferdam_simulator::{Setup, World, testing};

    use super::*;

    /// Rises for a second, is let go, and does what `after` says of the milliseconds since.
    fn flown(after: impl Fn(u64) -> [f64; 4]) -> Result<Landed> {
        let scenario = Scenario::find("quad", Some("breeze")).unwrap();
        let mut world = World::new(Setup { scenario, seed: 1, begin: Begin::AtOnce });
        for tick in 0..9_000 {
            let held = tick < 1_300;
            let values = if held { [0.85; 4] } else { after(tick - 1_300) };
            let outputs = testing::outputs(values, held.then_some(0));
            world.tick(&Outputs { tick, late: 0, outputs });
        }
        judge(world.into_flight())
    }

    fn broken(landed: &Landed) -> Vec<&'static str> {
        landed.measures.iter().filter(|measure| !measure.is_kept()).map(|measure| measure.name).collect()
    }

    #[test]
    fn what_is_not_safe_is_seen() {
        // Straight down, from where it has risen to.
        let fall = flown(|_| [0.0; 4]).unwrap();
        assert!(broken(&fall).contains(&"touches down at"), "{:?}", fall.measures);
        assert_eq!(fall.let_go_s, 1.3);
        let late = flown(|ms| if ms < 9 { [0.85, 0.84, 0.85, 0.85] } else { [0.0; 4] }).unwrap();
        assert!(broken(&late).contains(&"safe state after the end of the lease"), "{:?}", late.measures);
        let rises = flown(|ms| {
            if ms < 100 {
                [0.8; 4]
            } else if ms < 200 {
                [0.83; 4]
            } else {
                [0.0; 4]
            }
        })
        .unwrap();
        assert!(broken(&rises).contains(&"motors on average speed up by"), "{:?}", rises.measures);
        assert!(flown(|_| [0.9; 4]).is_err(), "it never comes down");
    }
}
