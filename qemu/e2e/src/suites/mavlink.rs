// SPDX-License-Identifier: Apache-2.0 OR MIT
//! MAVLink to the outside: a simulator that speaks nothing else flies an app on the device, and a ground station watches a flight.
//!
//! Simulator and bridge are programs of their own (`cofferdam-mavlink`); the ground station is pymavlink.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::tests;
use crate::beside::Beside;
use crate::context::{Context, STEP_LIMIT};
use crate::harness::{Suite, System};
use crate::{peers, plant};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "mavlink",
    about: "an outside simulator that speaks MAVLink flies an app; a ground station watches a flight",
    system: System::ProductWithPlant,
    tests: tests![
        an_outside_simulator_flies_an_app,
        a_simulator_that_dies_leaves_the_device,
        a_ground_station_watches_a_flight,
    ],
};

const STATION: &str = "qemu/e2e/pymavlink/station.py";
/// For a flight of less than a minute, on a busy host.
const FLIGHT_LIMIT: Duration = Duration::from_secs(400);
/// Where the program says what a test waits for.
const WAITING: &str = "waiting for an autopilot at ";
const READY: &str = "has said all that sensors show";
const HELD: &str = "motors are held by an app from tick ";

fn start(context: &Context<'_>, arguments: &[&str]) -> Result<Beside> {
    let program = context.settings.build.join("cofferdam-mavlink");
    ensure!(program.exists(), "{} is not there (make mavlink builds it)", program.display());
    let mut command = Command::new(std::path::absolute(program)?);
    command.args(arguments);
    Beside::start(command)
}

/// An outside simulator, and a bridge between it and the device.
fn bridged(context: &mut Context<'_>) -> Result<(Beside, Beside)> {
    let device = plant::address(context)?.to_string();
    let position = context.position();
    let simulator = start(context, &["plant", "--listen", "127.0.0.1:0", "--scenario", "calm"])?;
    let address = simulator.expect(WAITING, STEP_LIMIT)?;
    let bridge = start(context, &["bridge", "--device", &device, "--simulator", &address])?;
    bridge.expect(READY, STEP_LIMIT)?;
    context.expect_from(position, "plant_link: a simulator is attached, in lockstep")?;
    Ok((simulator, bridge))
}

/// The bounds are those of the scenario; the simulator keeps them, and says so by its status.
fn an_outside_simulator_flies_an_app(context: &mut Context<'_>) -> Result<()> {
    let (simulator, bridge) = bridged(context)?;
    let position = context.position();
    context.push("hover", "hover")?;
    bridge.expect(HELD, STEP_LIMIT)?;
    let said = simulator.finish(0, FLIGHT_LIMIT)?;
    let kept = said.lines().filter(|line| line.ends_with(": kept")).count();
    ensure!(kept >= 5, "the figures of scenario calm are missing: {said}");
    said.lines().filter(|line| line.ends_with("kept")).for_each(|line| println!("      {line}"));
    let said = bridge.finish(0, STEP_LIMIT)?;
    ensure!(said.contains("the simulator is gone after "), "{said}");
    context.expect_from(position, "plant_link: the simulator is gone: it said goodbye")?;
    context.expect_from(position, "sensor_hub: sensors are synthetic: ")?;
    Ok(())
}

fn a_simulator_that_dies_leaves_the_device(context: &mut Context<'_>) -> Result<()> {
    context.push("downhill", "downhill")?;
    let (mut simulator, bridge) = bridged(context)?;
    let position = context.position();
    simulator.kill()?;
    bridge.finish(0, STEP_LIMIT)?;
    context.expect_from(position, "plant_link: the simulator is gone: it said goodbye")?;
    let (_simulator, mut bridge) = bridged(context)?;
    let position = context.position();
    bridge.kill()?;
    context.expect_from(position, "plant_link: the simulator is gone: no sample for 20 ms")?;
    // The loop goes on, on the vehicle that is there instead.
    context.until_activated("downhill", 20)?;
    Ok(())
}

fn a_ground_station_watches_a_flight(context: &mut Context<'_>) -> Result<()> {
    let mut command = Command::new(peers::python(context, "pymavlink")?);
    command.arg(Path::new(STATION));
    let mut station = Beside::start(command)?;
    let port = station.expect("", STEP_LIMIT)?;
    let device = plant::address(context)?.to_string();
    let address = format!("127.0.0.1:{port}");
    let watch =
        start(context, &["watch", "--device", &device, "--scenario", "calm", "--ground-station", &address])?;
    watch.expect("attached; ", STEP_LIMIT)?;
    // Some heartbeats while nobody flies.
    context.push("hover", "hover")?;
    let said = watch.finish(0, FLIGHT_LIMIT)?;
    station.close();
    let heard = station.finish(0, STEP_LIMIT)?;
    println!("      {}", heard.lines().last().unwrap_or_default());
    let heard: Value = serde_json::from_str(heard.lines().last().unwrap_or_default())
        .with_context(|| format!("not what a station says: {heard}"))?;
    let figure = |name: &str| heard[name].as_f64().with_context(|| format!("no {name} in {heard}"));
    let count = |kind: &str| heard["heard"][kind].as_u64().unwrap_or_default();
    ensure!(count("BAD_DATA") == 0 && figure("lost")? == 0.0, "not all came: {heard}");
    // 15 s of flight: a heartbeat a second, attitude and place 25 times, the map 5 times.
    for (kind, least) in [
        ("HEARTBEAT", 15),
        ("SYS_STATUS", 15),
        ("ATTITUDE", 370),
        ("LOCAL_POSITION_NED", 370),
        ("GLOBAL_POSITION_INT", 75),
    ] {
        ensure!(count(kind) >= least, "{kind} came {} times, at least {least}: {heard}", count(kind));
    }
    ensure!(heard["armed"] == true && heard["was_free"] == true, "arming was not told: {heard}");
    // As high as the simulator itself says.
    let highest = said.lines().find_map(|line| line.strip_prefix("highest point: "));
    let highest: f64 =
        highest.and_then(|rest| rest.split(' ').next()).context("no highest point")?.parse()?;
    for name in ["highest_m", "map_highest_m"] {
        ensure!((figure(name)? - highest).abs() < 0.05, "{name} is not {highest}: {heard}");
    }
    let tilt = figure("tilt_rad")?;
    ensure!(tilt > 0.0 && tilt < 0.5 && figure("aside_m")? < 5.0, "it flew elsewhere: {heard}");
    ensure!((13.0..17.0).contains(&figure("battery_v")?), "another battery: {heard}");
    Ok(())
}
