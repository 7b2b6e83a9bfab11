// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A flight in real time: nobody waits for anybody. The device tells its outputs each millisecond of the host's clock, and flies by
//! whatever sample has come by then.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use cofferdam_plant_protocol::Mode;
use cofferdam_simulator::{Begin, Simulator, SimulatorError};

use super::{FLIGHT_LIMIT, MOTOR};
use crate::context::Context;
use crate::harness::{Skip, Suite, System};
use crate::plant::{attach_in, keeps};
use crate::suites::tests;

/// The suite.
pub const SUITE: Suite = Suite {
    name: "flight-free",
    about: "a quadrotor is flown in real time, where the host is fast enough for it",
    system: System::ProductWithPlantInRealTime,
    tests: tests![it_hovers_in_real_time],
};

/// Between two looks at the console.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A flight that went wrong says nothing if more than one tick in so many was not told in time, or a release was missed.
const TICKS_FOR_A_LATE_ONE: usize = 1_000;

fn it_hovers_in_real_time(context: &mut Context<'_>) -> Result<()> {
    let position = context.position();
    let mut simulator = attach_in(context, Mode::Free, "quad", "calm", Begin::WhenHeld(MOTOR))?;
    context.push("hover", "hover")?;
    let gone = lands(context, &mut simulator, position)?;
    let missed = context.figure("hover", "missed_releases")?;
    let flight = simulator.leave()?;
    let (ticks, late) = (flight.recording.rows().len(), flight.late.len());
    println!("      {ticks} ticks, {late} not told in time; hover missed {missed} releases");
    let too_slow = gone || missed > 0 || late * TICKS_FOR_A_LATE_ONE > ticks;
    let outcome = if gone { Err(anyhow!("the simulator was silent for too long")) } else { keeps(&flight) };
    match outcome {
        Err(error) if too_slow => {
            Err(Skip(format!("the host was too slow for a flight in real time: {error:#}")).into())
        }
        outcome => outcome,
    }
}

/// Waits until the scenario is over, or the device has heard nothing of the simulator for so long that it flies by its own sensors.
fn lands(context: &Context<'_>, simulator: &mut Simulator, position: usize) -> Result<bool> {
    let deadline = Instant::now() + FLIGHT_LIMIT;
    loop {
        match simulator.wait(LOOK_AGAIN, |progress| progress.over) {
            Ok(_) => return Ok(false),
            Err(SimulatorError::Deadline(progress)) if Instant::now() > deadline => {
                bail!("the flight does not end: {progress:?}")
            }
            Err(SimulatorError::Deadline(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let lines = context.console().lines_from(position);
        if lines.iter().any(|line| line.text.contains("plant_link: the simulator is gone")) {
            return Ok(true);
        }
    }
}
