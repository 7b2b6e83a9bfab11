// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Between a simulator that speaks MAVLink and a device that waits for its sensors at each tick.
//!
//! In lockstep the simulator makes a step when it has heard the outputs for it, and says HIL_SENSOR at its end. Its first step is
//! the device's first tick; from then on each step is shown from the tick on that is not before it, and answered with what the
//! outputs do at that tick. Steps of a millisecond are ticks; longer ones are shown for several ticks.
//!
//! Otherwise both run by the host's clock: at each tick the last word of the simulator is shown.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use cofferdam_device_protocol::ACTUATOR_COUNT;
use cofferdam_device_protocol::actuator::Output;
use cofferdam_plant_protocol::{Mode, Outputs, Samples, TICK_US};
use cofferdam_simulator::{DeviceLink, Heard, LinkError};
use mavlink::dialects::common::{COMMAND_LONG_DATA, MavCmd, MavMessage};

use crate::instruments::{Instruments, Position, Refusal};
use crate::motors;
use crate::peer::{Peer, PeerError, Speaker};
use crate::signals;

const HEARTBEAT_EVERY_US: u64 = 1_000_000;
/// How many steps a simulator may make until it has said everything once: at 250 Hz, 20 s.
const FIRST_STEPS_MAX: usize = 5_000;
/// The number of HIL_STATE_QUATERNION, and how often it is asked for, µs.
const STATE_ID: f32 = 115.0;
const STATE_EVERY_US: f32 = 20_000.0;

/// How to bridge.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Who waits for whom.
    pub mode: Mode,
    /// Where position and velocity come from.
    pub position: Position,
    /// How the vehicle points at first, rad clockwise from north, if no message tells.
    pub heading: Option<f64>,
    /// A simulator that says nothing for so long is taken to be gone.
    pub patience: Duration,
}

/// Why a bridge has ended.
#[derive(Debug)]
pub enum BridgeError {
    /// There is no simulator.
    NoSimulator(SocketAddr, io::Error),
    /// The connection to the simulator has ended.
    Peer(PeerError),
    /// The simulator said what cannot be.
    Refused(Refusal),
    /// It said nothing for so long.
    Silent(Duration),
    /// It does not say this.
    Missing(&'static str),
    /// The link to the device has ended.
    Link(LinkError),
}

impl fmt::Display for BridgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSimulator(address, error) => write!(f, "no simulator at {address}: {error}"),
            Self::Peer(error) => write!(f, "simulator: {error}"),
            Self::Refused(refusal) => write!(f, "refused what the simulator said: {refusal}"),
            Self::Silent(limit) => write!(f, "the simulator said nothing for {} s", limit.as_secs_f64()),
            Self::Missing(what) => write!(f, "the simulator never said {what}"),
            Self::Link(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for BridgeError {}

impl From<PeerError> for BridgeError {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}

impl From<Refusal> for BridgeError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<LinkError> for BridgeError {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

/// The simulator's end of a step.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// By its clock.
    time_us: u64,
    samples: Samples,
}

/// A simulator that has said everything once.
#[derive(Debug)]
pub struct Bridge {
    peer: Peer,
    options: Options,
    instruments: Instruments,
    shown: Step,
    /// The device's first tick, by its clock and by the simulator's.
    first: Option<(u64, u64)>,
    next: Option<Step>,
    steps: u64,
    beat_us: Option<u64>,
    heard_at: Instant,
}

impl Bridge {
    /// Connects to the simulator, and waits until all that a sensor shows was said once.
    ///
    /// # Errors
    /// [`BridgeError`].
    pub fn meet(simulator: SocketAddr, options: Options) -> Result<Self, BridgeError> {
        let socket =
            TcpStream::connect(simulator).map_err(|error| BridgeError::NoSimulator(simulator, error))?;
        let instruments = Instruments::new(options.position, options.heading);
        let shown = Step { time_us: 0, samples: *instruments.samples() };
        let mut bridge = Self {
            peer: Peer::new(socket, Speaker::AUTOPILOT)?,
            options,
            instruments,
            shown,
            first: None,
            next: None,
            steps: 0,
            beat_us: None,
            heard_at: Instant::now(),
        };
        // Some wait for a heartbeat before they begin.
        bridge.peer.say(&MavMessage::HEARTBEAT(signals::heartbeat(None, false)))?;
        bridge.peer.say(&MavMessage::COMMAND_LONG(state_wanted()))?;
        let at_rest = [Output::AT_REST; ACTUATOR_COUNT];
        for _ in 0..FIRST_STEPS_MAX {
            bridge.shown = bridge.await_step()?;
            if bridge.instruments.missing().is_none() {
                return Ok(bridge);
            }
            bridge.tell(bridge.shown.time_us, &at_rest)?;
        }
        Err(BridgeError::Missing(bridge.instruments.missing().unwrap_or_default()))
    }

    /// How many steps the simulator has made for the device.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// What sensors show at a tick of the device.
    ///
    /// # Errors
    /// [`BridgeError`].
    pub fn tick(&mut self, told: &Outputs) -> Result<Samples, BridgeError> {
        match self.options.mode {
            Mode::Lockstep => self.tick_in_lockstep(told),
            Mode::Free => self.tick_free(told),
        }
    }

    fn tick_in_lockstep(&mut self, told: &Outputs) -> Result<Samples, BridgeError> {
        let Some((first_tick, first_us)) = self.first else {
            self.first = Some((told.tick, self.shown.time_us));
            self.go_on(told)?;
            return Ok(self.shown.samples);
        };
        let passed_us = told.tick.saturating_sub(first_tick).saturating_mul(TICK_US);
        // No later step can be of a tick whose own is shown.
        while self.shown.time_us.saturating_sub(first_us) < passed_us {
            let next = match self.next.take() {
                Some(next) => next,
                None => self.await_step()?,
            };
            if next.time_us.saturating_sub(first_us) > passed_us {
                self.next = Some(next);
                break;
            }
            self.shown = next;
            self.go_on(told)?;
        }
        Ok(self.shown.samples)
    }

    fn tick_free(&mut self, told: &Outputs) -> Result<Samples, BridgeError> {
        let mut fresh = None;
        while let Some(message) = self.peer.heard()? {
            fresh = self.instruments.hear(&message)?.or(fresh);
        }
        match fresh {
            Some(time_us) => {
                self.heard_at = Instant::now();
                self.shown = Step { time_us, samples: *self.instruments.samples() };
                self.go_on(told)?;
            }
            None if self.heard_at.elapsed() > self.options.patience => {
                return Err(BridgeError::Silent(self.options.patience));
            }
            None => {}
        }
        Ok(self.shown.samples)
    }

    /// Has the simulator make its next step with these outputs.
    fn go_on(&mut self, told: &Outputs) -> Result<(), BridgeError> {
        let time_us = self.shown.time_us;
        if self.beat_us.is_none_or(|beat_us| time_us.saturating_sub(beat_us) >= HEARTBEAT_EVERY_US) {
            self.beat_us = Some(time_us);
            let beat = signals::heartbeat(None, motors::armed(&told.outputs));
            self.peer.say(&MavMessage::HEARTBEAT(beat))?;
        }
        self.tell(time_us, &told.outputs)?;
        self.steps += 1;
        Ok(())
    }

    fn tell(&mut self, time_us: u64, outputs: &[Output; ACTUATOR_COUNT]) -> Result<(), BridgeError> {
        let lockstep = self.options.mode == Mode::Lockstep;
        let controls = motors::controls(time_us, lockstep, outputs);
        Ok(self.peer.say(&MavMessage::HIL_ACTUATOR_CONTROLS(controls))?)
    }

    /// The simulator's next step.
    fn await_step(&mut self) -> Result<Step, BridgeError> {
        let deadline = Instant::now() + self.options.patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(message) = self.peer.hear(left)? else {
                return Err(BridgeError::Silent(self.options.patience));
            };
            if let Some(time_us) = self.instruments.hear(&message)? {
                return Ok(Step { time_us, samples: *self.instruments.samples() });
            }
            if left.is_zero() {
                return Err(BridgeError::Silent(self.options.patience));
            }
        }
    }

    /// Shows a device what the simulator says, until either of them is gone. The device is told goodbye. Gives the number of
    /// steps; `seen` sees each tick.
    ///
    /// # Errors
    /// [`BridgeError`], but not for a simulator that closes the connection: that is the end.
    pub fn serve(mut self, mut link: DeviceLink, mut seen: impl FnMut(&Outputs)) -> Result<u64, BridgeError> {
        loop {
            let Some(Heard::Tick(told)) = link.hear()? else { continue };
            match self.tick(&told) {
                Ok(samples) => link.answer(told.tick, samples)?,
                Err(BridgeError::Peer(PeerError::Gone)) => {
                    link.leave()?;
                    return Ok(self.steps);
                }
                Err(error) => {
                    link.leave()?;
                    return Err(error);
                }
            }
            seen(&told);
        }
    }
}

/// Asks for HIL_STATE_QUATERNION, which some send only then.
fn state_wanted() -> COMMAND_LONG_DATA {
    COMMAND_LONG_DATA {
        command: MavCmd::MAV_CMD_SET_MESSAGE_INTERVAL,
        param1: STATE_ID,
        param2: STATE_EVERY_US,
        ..COMMAND_LONG_DATA::default()
    }
}

#[cfg(test)]
mod tests;
