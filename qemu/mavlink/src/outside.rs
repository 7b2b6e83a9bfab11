// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Our plants as a simulator that speaks MAVLink: what jMAVSim or Gazebo are to PX4.
//!
//! It makes a step with each HIL_ACTUATOR_CONTROLS that it hears; the scenario's time begins when that says armed.

use std::fmt;
use std::net::TcpStream;
use std::time::Duration;

use cofferdam_device_protocol::ACTUATOR_COUNT;
use cofferdam_device_protocol::actuator::Output;
use cofferdam_plant_protocol::{Outputs, Samples, TICK_US};
use cofferdam_simulator::{Flight, Setup, World};
use mavlink::dialects::common::MavMessage;

use crate::motors;
use crate::peer::{Peer, PeerError, Speaker};
use crate::place::Home;
use crate::signals;
use crate::truth::Truth;

/// How often a position is new, and how often the battery is told, in ticks.
const GPS_EVERY_TICKS: u64 = 50;
const BATTERY_EVERY_TICKS: u64 = 1_000;

/// Why a flight has ended early.
#[derive(Debug)]
pub enum OutsideError {
    /// The connection has.
    Peer(PeerError),
    /// Nobody said what motors do for so long.
    Silent(Duration),
}

impl fmt::Display for OutsideError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(error) => write!(f, "autopilot: {error}"),
            Self::Silent(limit) => write!(f, "no HIL_ACTUATOR_CONTROLS for {} s", limit.as_secs_f64()),
        }
    }
}

impl std::error::Error for OutsideError {}

impl From<PeerError> for OutsideError {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}

/// A plant that speaks MAVLink.
#[derive(Debug)]
pub struct OutsidePlant {
    world: World,
    home: Home,
    /// How long a step is.
    step_ticks: u64,
}

impl OutsidePlant {
    /// At home. A step is `step_ticks` milliseconds, one at least.
    pub fn new(setup: Setup, home: Home, step_ticks: u64) -> Self {
        Self { world: World::new(setup), home, step_ticks: step_ticks.max(1) }
    }

    /// Flies for the autopilot at the other end, until the scenario is over. `patience` is for each of its words.
    ///
    /// # Errors
    /// [`OutsideError`].
    pub fn serve(mut self, socket: TcpStream, patience: Duration) -> Result<Flight, OutsideError> {
        let mut peer = Peer::new(socket, Speaker::SIMULATOR)?;
        let mut outputs = [Output::AT_REST; ACTUATOR_COUNT];
        let mut tick = 0;
        loop {
            let samples = self.world.tick(&Outputs { tick, late: 0, outputs });
            if self.world.is_over() {
                return Ok(self.world.into_flight());
            }
            for message in self.messages(tick, &samples) {
                peer.say(&message)?;
            }
            outputs = controls(&peer, patience)?;
            tick += self.step_ticks;
        }
    }

    /// Of a step's end; HIL_SENSOR comes last, for with it the next step begins.
    fn messages(&self, tick: u64, samples: &Samples) -> Vec<MavMessage> {
        let time_us = tick * TICK_US;
        let is_due = |every: u64| tick % every < self.step_ticks;
        let mut messages = Vec::new();
        if is_due(BATTERY_EVERY_TICKS) {
            messages.push(MavMessage::HEARTBEAT(signals::heartbeat(Some(self.world.vehicle()), false)));
            messages.push(MavMessage::SYS_STATUS(signals::battery(samples)));
        }
        let truth = Truth::of(self.world.vehicle());
        messages.push(MavMessage::HIL_STATE_QUATERNION(signals::state(time_us, &self.home, &truth)));
        if is_due(GPS_EVERY_TICKS) {
            messages.push(MavMessage::HIL_GPS(signals::gps(time_us, &self.home, samples)));
        }
        messages.push(MavMessage::HIL_SENSOR(signals::sensor(time_us, samples)));
        messages
    }
}

/// What motors are to do next.
fn controls(peer: &Peer, patience: Duration) -> Result<[Output; ACTUATOR_COUNT], OutsideError> {
    loop {
        match peer.hear(patience)? {
            Some(MavMessage::HIL_ACTUATOR_CONTROLS(told)) => return Ok(motors::outputs(&told)),
            Some(_) => {}
            None => return Err(OutsideError::Silent(patience)),
        }
    }
}
