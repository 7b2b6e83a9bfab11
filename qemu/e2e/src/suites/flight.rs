// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A quadrotor, flown by apps on the device against a simulator on this machine, in lockstep.
//!
//! The same flight is flown on the desk, by `cofferdam sim`, and is the same there.
//!
//! Virtual time follows executed instructions, and stands still while the simulator works. So a flight depends on nothing but
//! the apps and the plant, and is the same to the last bit each time.

pub mod descent;
pub mod free;
pub mod swaps;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use cofferdam_plant_protocol::{Frame, Hello, Message, Mode, Sensors};
use cofferdam_simulator::{Begin, Flight};

use self::swaps::{A_HUNDRED, Swapped};
use super::tests;
use crate::context::{Context, STEP_LIMIT};
use crate::harness::{Skip, Suite, System};
use crate::plant::{self, attach, hex, keeps, keeps_all};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "flight",
    about: "a quadrotor is flown and landed, the same each time; what happens when its controller or simulator goes",
    system: System::ProductWithPlant,
    tests: tests![
        it_flies_and_lands_and_does_so_again,
        a_hundred_swaps_in_one_flight,
        a_stopped_controller_comes_down,
        a_killed_controller_comes_down,
        a_simulator_comes_and_goes,
        nonsense_of_a_simulator_is_survived,
    ],
};

const MOTOR: usize = 0;
const MOTORS: std::ops::Range<usize> = 0..4;
/// For a flight of less than a minute, on a busy host.
const FLIGHT_LIMIT: Duration = Duration::from_secs(400);
/// How often a flight is tried until the host was never too slow for it.
const FLIGHTS: usize = 3;

/// Pushes the apps, flies, and gives what was seen.
pub fn fly(context: &mut Context<'_>) -> Result<Flight> {
    for _ in 0..FLIGHTS {
        let mut simulator = attach(context, "quad", "flight", Begin::WhenHeld(MOTOR))?;
        context.push("waypoint", "waypoint")?;
        context.push("hover", "hover")?;
        simulator.wait(FLIGHT_LIMIT, |progress| progress.over)?;
        let flight = simulator.leave()?;
        if flight.late.is_empty() {
            return Ok(flight);
        }
        let begun = flight.begun.unwrap_or_default();
        let at: Vec<u64> = flight.late.iter().map(|tick| tick - begun).collect();
        println!("      the host was too slow, {at:?} ms after the beginning: flown again");
        context.boot_again(false)?;
    }
    // It says nothing about what flew.
    Err(Skip(format!("the host was too slow for a flight in lockstep, {FLIGHTS} times")).into())
}

fn it_flies_and_lands_and_does_so_again(context: &mut Context<'_>) -> Result<()> {
    let first = fly(context)?;
    keeps(&first)?;
    for name in ["hover", "waypoint"] {
        let missed = context.figure(name, "missed_releases")?;
        ensure!(missed == 0, "{name} missed {missed} releases");
    }
    context.boot_again(false)?;
    let second = fly(context)?;
    keeps(&second)?;
    println!(
        "      {} ticks, sha256 of outputs and samples {}",
        first.recording.rows().len(),
        hex(&first.digest)
    );
    if let Some(difference) = plant::first_difference(&first, &second) {
        return Err(anyhow!("the second flight differs from the first: {difference}"));
    }
    ensure!(first.digest == second.digest, "the flights differ");
    // And without a device: same apps, in the same order, same runtime, guard and plant.
    let apps = ["waypoint", "hover"].map(|app| context.package(app, &format!("{app}-desk.cdam"), |_| ()));
    let [waypoint, hover] = apps;
    let said = context.json(&["sim", &waypoint?, &hover?, "--plant", "quad", "--scenario", "flight"])?;
    let digest = said["sha256"].as_str().unwrap_or_default();
    ensure!(digest == hex(&first.digest), "on the desk it is another flight: {digest}");
    Ok(())
}

fn a_hundred_swaps_in_one_flight(context: &mut Context<'_>) -> Result<()> {
    // The guard may still let the motors of the flight before sink, which would be another beginning.
    context.boot_again(false)?;
    let Swapped { flight, swaps, measures, releases } = swaps::fly(context, &A_HUNDRED)?;
    keeps(&flight)?;
    keeps_all("swaps", &measures)?;
    if let [first, .., last] = &swaps[..] {
        println!(
            "      from {:.1} to {:.1} s; hover begins at most {} us late",
            first.at_s, last.at_s, releases.late_max_us
        );
    }
    ensure!(releases.missed == 0, "hover missed {} releases", releases.missed);
    // Its next version would have to be a later one.
    context.boot_again(false)
}

/// From the moment on that nobody holds the motors they are all at one value that lets the quadrotor sink.
fn a_stopped_controller_comes_down(context: &mut Context<'_>) -> Result<()> {
    let landed = descent::fly(context, |context| context.done(&["stop", "hover"]).map(drop))?;
    keeps_all("descent", &landed.measures)
}

/// The same if its slot has died.
fn a_killed_controller_comes_down(context: &mut Context<'_>) -> Result<()> {
    let landed = descent::fly(context, descent::kill)?;
    keeps_all("descent", &landed.measures)?;
    // No slot is left for the next test.
    context.boot_again(false)
}

fn a_simulator_comes_and_goes(context: &mut Context<'_>) -> Result<()> {
    context.push("downhill", "downhill")?;
    for says_so in [true, false, true] {
        let position = context.position();
        let mut simulator = attach(context, "car", "dry", Begin::AtOnce)?;
        context.expect_from(position, "sensor_hub: sensors show what a simulator says")?;
        simulator.wait(STEP_LIMIT, |progress| progress.ticks > 100)?;
        let position = context.position();
        if says_so {
            simulator.leave()?;
            context.expect_from(position, "plant_link: the simulator is gone: it said goodbye")?;
        } else {
            simulator.vanish()?;
            context.expect_from(position, "plant_link: the simulator is gone: no sample for 20 ms")?;
        }
        context.expect_from(position, "sensor_hub: sensors are synthetic: ")?;
        // The loop goes on, on the vehicle that is there instead.
        context.until_activated("downhill", 20)?;
    }
    Ok(())
}

fn nonsense_of_a_simulator_is_survived(context: &mut Context<'_>) -> Result<()> {
    context.push("downhill", "downhill")?;
    let position = context.position();
    let complaint = |context: &Context<'_>, words: &str| {
        context.expect_from(position, &format!("plant_link: from the simulator: {words}"))
    };
    let address = plant::address(context)?;
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(STEP_LIMIT))?;
    // More than all buffers hold.
    socket.write_all(&vec![b'C'; 100_000])?;
    complaint(context, "")?;
    let samples = [[f64::NAN; 6]; 6];
    let frame = |message: Message| Frame::new(&message);
    socket.write_all(frame(Message::Sensors(Sensors { tick: 5, samples })).bytes())?;
    context.until_activated("downhill", 20)?;
    socket.write_all(frame(Message::Hello(Hello { mode: Mode::Free })).bytes())?;
    context.expect_from(position, "plant_link: a simulator is attached, in real time")?;
    // The device speaks; what it is told in return, no sensor shows.
    ensure!(socket.read(&mut [0; 64])? > 0, "the device says nothing");
    for tick in 0..200u64 {
        socket.write_all(frame(Message::Sensors(Sensors { tick: tick * 7, samples })).bytes())?;
    }
    context.expect_from(position, "plant_link: the simulator is gone: no sample for 20 ms")?;
    drop(socket);
    context.until_activated("downhill", 20)?;
    let simulator = attach(context, "car", "dry", Begin::AtOnce)?;
    simulator.leave()?;
    Ok(())
}
