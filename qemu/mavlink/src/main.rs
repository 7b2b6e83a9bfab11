// SPDX-License-Identifier: Apache-2.0 OR MIT
//! MAVLink to the outside of a device to whose console a simulator can be attached (`make run PLANT=on`).
#![forbid(unsafe_code)]

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use cofferdam_mavlink::bridge::Options;
use cofferdam_mavlink::instruments::Position;
use cofferdam_mavlink::{Bridge, Home, OutsidePlant, Station, motors};
use cofferdam_plant_protocol::Mode;
use cofferdam_plants::{Measure, Scenario};
use cofferdam_simulator::{Begin, DeviceLink, Flight, Heard, Setup, World};

/// The actuators with which a flight and a drive begin.
const MOTOR: usize = 0;
const BRAKE: usize = 4;

/// Lets simulators and ground stations that speak MAVLink near a device.
#[derive(Parser)]
#[command(name = "cofferdam-mavlink", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// An outside simulator flies the apps on a device: HIL_SENSOR, HIL_GPS and HIL_STATE_QUATERNION in, HIL_ACTUATOR_CONTROLS out
    Bridge(BridgeArguments),
    /// A plant of ours flies the apps on a device, and a ground station watches; ends with the scenario, status 0 if its bounds were kept
    Watch(WatchArguments),
    /// A quadrotor of ours as an outside simulator, as jMAVSim is one: for `bridge`, or for another autopilot
    Plant(PlantArguments),
}

#[derive(Args)]
struct DeviceArguments {
    /// Where a simulator is attached, as `make run PLANT=on` says
    #[arg(long, env = "COFFERDAM_PLANT", value_name = "ADDRESS")]
    device: SocketAddr,
    /// Run by the host's clock: nobody waits, and no flight repeats
    #[arg(long)]
    free: bool,
}

impl DeviceArguments {
    fn mode(&self) -> Mode {
        if self.free { Mode::Free } else { Mode::Lockstep }
    }
}

#[derive(Args)]
struct BridgeArguments {
    #[command(flatten)]
    device: DeviceArguments,
    /// Where the simulator listens for an autopilot (TCP)
    #[arg(long, default_value = "127.0.0.1:4560", value_name = "ADDRESS")]
    simulator: SocketAddr,
    /// Where position and velocity come from
    #[arg(long, value_enum, default_value_t = PositionKind::Gps)]
    position: PositionKind,
    /// How the vehicle points at first, degrees clockwise from north [default: as HIL_STATE_QUATERNION says]
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    heading: Option<f64>,
    /// A simulator that says nothing for so long is taken to be gone
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    patience: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum PositionKind {
    /// HIL_GPS
    Gps,
    /// HIL_STATE_QUATERNION
    State,
}

#[derive(Args)]
struct ScenarioArguments {
    /// What it goes through [default: the plant's first]
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Where all chance comes from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where it starts: degrees north and east, metres above the sea, and degrees clockwise from north that it points
    #[arg(
        long,
        value_delimiter = ',',
        num_args = 1,
        allow_negative_numbers = true,
        value_name = "LAT,LON,ALT,HEADING",
        default_value = "47.397742,8.545594,488,0"
    )]
    home: Vec<f64>,
}

impl ScenarioArguments {
    fn home(&self) -> Result<Home> {
        let [latitude, longitude, altitude, heading] = self.home[..] else {
            bail!("--home takes four numbers: LAT,LON,ALT,HEADING");
        };
        Home::new(latitude, longitude, altitude, heading.to_radians())
            .ok_or_else(|| anyhow!("--home: no vehicle can be switched on there"))
    }

    fn setup(&self, plant: &str) -> Result<Setup> {
        let scenario = Scenario::find(plant, self.scenario.as_deref())
            .ok_or_else(|| anyhow!("--scenario: {plant} has none of this name"))?;
        let begin = Begin::WhenHeld(if plant == "quad" { MOTOR } else { BRAKE });
        Ok(Setup { scenario, seed: self.seed, begin })
    }
}

#[derive(Args)]
struct WatchArguments {
    #[command(flatten)]
    device: DeviceArguments,
    /// Where the ground station listens (UDP)
    #[arg(long, default_value = "127.0.0.1:14550", value_name = "ADDRESS")]
    ground_station: SocketAddr,
    /// The plant
    #[arg(long, value_enum, default_value_t = PlantKind::Quad)]
    plant: PlantKind,
    #[command(flatten)]
    scenario: ScenarioArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum PlantKind {
    /// A quadrotor
    Quad,
    /// A car
    Car,
}

#[derive(Args)]
struct PlantArguments {
    /// Where to listen for an autopilot (TCP); port 0 is one that the system picks
    #[arg(long, default_value = "127.0.0.1:4560", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// How long a step is
    #[arg(long, default_value_t = 4, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(1..=20))]
    step: u64,
    /// An autopilot that says nothing for so long is taken to be gone
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    patience: u64,
    #[command(flatten)]
    scenario: ScenarioArguments,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Bridge(arguments) => bridge(&arguments),
        Command::Watch(arguments) => watch(&arguments),
        Command::Plant(arguments) => plant(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cofferdam-mavlink: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bridge(arguments: &BridgeArguments) -> Result<()> {
    let mode = arguments.device.mode();
    let options = Options {
        mode,
        position: match arguments.position {
            PositionKind::Gps => Position::Gps,
            PositionKind::State => Position::State,
        },
        heading: arguments.heading.map(f64::to_radians),
        patience: Duration::from_secs(arguments.patience),
    };
    let bridge = Bridge::meet(arguments.simulator, options)?;
    println!("the simulator at {} has said all that sensors show", arguments.simulator);
    let link = DeviceLink::open(arguments.device.device, mode)?;
    let mut armed = false;
    let steps = bridge.serve(link, |told| {
        let now = motors::armed(&told.outputs);
        if now != armed {
            let how = if now { "held by an app" } else { "free" };
            println!("motors are {how} from tick {} on", told.tick);
        }
        armed = now;
    })?;
    println!("the simulator is gone after {steps} steps; the device was told so");
    Ok(())
}

fn watch(arguments: &WatchArguments) -> Result<()> {
    let plant = match arguments.plant {
        PlantKind::Quad => "quad",
        PlantKind::Car => "car",
    };
    let mut world = World::new(arguments.scenario.setup(plant)?);
    let mut station = Station::new(arguments.ground_station, arguments.scenario.home()?)
        .with_context(|| format!("cannot speak to {}", arguments.ground_station))?;
    let mut link = DeviceLink::open(arguments.device.device, arguments.device.mode())?;
    while !world.is_over() {
        match link.hear()? {
            Some(Heard::Attached) => println!("attached; it begins when an app takes the {}", what(plant)),
            Some(Heard::Tick(told)) => {
                let samples = world.tick(&told);
                link.answer(told.tick, samples)?;
                station.tell(told.tick, world.vehicle(), &samples, motors::armed(&told.outputs))?;
            }
            None => {}
        }
    }
    link.leave()?;
    verdict(&world.into_flight())
}

fn what(plant: &str) -> &'static str {
    if plant == "quad" { "motors" } else { "brake" }
}

fn plant(arguments: &PlantArguments) -> Result<()> {
    let plant =
        OutsidePlant::new(arguments.scenario.setup("quad")?, arguments.scenario.home()?, arguments.step);
    let listener = TcpListener::bind(arguments.listen)
        .with_context(|| format!("cannot listen at {}", arguments.listen))?;
    println!("waiting for an autopilot at {}", listener.local_addr()?);
    let (socket, from) = listener.accept()?;
    println!("{from} is there");
    verdict(&plant.serve(socket, Duration::from_secs(arguments.patience))?)
}

/// Prints the figures of a flight, which all have to be within their bounds.
fn verdict(flight: &Flight) -> Result<()> {
    let measures = flight.judge();
    for measure in &measures {
        println!("{measure}");
    }
    Measure::broken(&measures).map_or(Ok(()), |broken| bail!(broken))
}
