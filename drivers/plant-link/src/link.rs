// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One link, from a simulator's first word to its last.

use core::fmt;

use cofferdam_device_protocol::ACTUATOR_COUNT;
use cofferdam_device_protocol::outputs::Moving;
use cofferdam_plant_protocol::samples::Sample;
use cofferdam_plant_protocol::{
    BadSample, Deframer, Frame, FrameError, Hello, Message, Mode, Outputs, STALE_US, Sensors, TICK_US,
    Welcome, check,
};

use crate::Latch;

/// Before the first tick is told: time to set a timer.
const LEAD_TICKS: u64 = 2;

/// Something that the simulator did.
#[allow(clippy::large_enum_variant, reason = "there is no heap, and one at a time")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// It is there; an earlier one is gone. [`Link::welcome`] is the answer.
    Attached {
        /// Who waits for whom.
        mode: Mode,
        /// The first tick that will be told.
        first_tick: u64,
    },
    /// It has answered a tick.
    Sample(Sample),
    /// It is gone.
    Detached(Why),
    /// It said what makes no sense, which changes nothing.
    Complaint(Complaint),
}

/// Why a simulator is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It said so.
    Bye,
    /// No sample came for [`STALE_US`].
    Silent,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bye => f.write_str("it said goodbye"),
            Self::Silent => write!(f, "no sample for {} ms", STALE_US / 1_000),
        }
    }
}

/// What makes no sense.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Complaint {
    /// Bytes that are no message.
    Frame(FrameError),
    /// A sample of what no sensor shows.
    Bad(BadSample),
    /// A sample for a tick that was not told, or was answered already.
    Unasked {
        /// Which tick.
        tick: u64,
    },
    /// What only the device says.
    Unexpected,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(f),
            Self::Bad(error) => error.fmt(f),
            Self::Unasked { tick } => write!(f, "a sample for tick {tick}, which does not wait for one"),
            Self::Unexpected => f.write_str("a message that only the device sends"),
        }
    }
}

#[derive(Clone, Debug)]
struct Session {
    mode: Mode,
    first_tick: u64,
    /// The latest tick that was told, and the latest that was answered.
    told: Option<u64>,
    answered: Option<u64>,
    late: u64,
    latch: Latch,
    /// When it was last heard of.
    heard_us: u64,
}

/// A link to a simulator, if there is one.
#[derive(Clone, Debug, Default)]
pub struct Link {
    deframer: Deframer,
    session: Option<Session>,
}

impl Link {
    /// Nobody is there.
    pub const fn new() -> Self {
        Self { deframer: Deframer::new(), session: None }
    }

    /// Whether a simulator is attached.
    pub const fn is_attached(&self) -> bool {
        self.session.is_some()
    }

    /// Takes from the front of `bytes` until something has happened; nothing if all were taken.
    pub fn hear(&mut self, bytes: &mut &[u8], now_us: u64) -> Option<Event> {
        let outcome = self.deframer.next(bytes)?;
        Some(match outcome {
            Ok(message) => self.obey(&message, now_us),
            Err(error) => Event::Complaint(Complaint::Frame(error)),
        })
    }

    fn obey(&mut self, message: &Message, now_us: u64) -> Event {
        match (message, &mut self.session) {
            (Message::Hello(Hello { mode }), session) => {
                let first_tick = (now_us / TICK_US).saturating_add(LEAD_TICKS);
                *session = Some(Session {
                    mode: *mode,
                    first_tick,
                    told: None,
                    answered: None,
                    late: 0,
                    latch: Latch::new(),
                    heard_us: now_us,
                });
                Event::Attached { mode: *mode, first_tick }
            }
            (Message::Sensors(sensors), Some(session)) => session.sample(sensors, now_us),
            (Message::Sensors(Sensors { tick, .. }), None) => {
                Event::Complaint(Complaint::Unasked { tick: *tick })
            }
            (Message::Bye, session) => {
                *session = None;
                Event::Detached(Why::Bye)
            }
            (Message::Welcome(_) | Message::Outputs(_), _) => Event::Complaint(Complaint::Unexpected),
        }
    }

    /// The answer to the simulator's first word.
    pub fn welcome(&self) -> Option<Frame> {
        let first_tick = self.session.as_ref()?.first_tick;
        Some(Frame::new(&Message::Welcome(Welcome { first_tick })))
    }

    /// What to tell at `now_us`: the outputs of the tick that has begun, if that was not done before.
    pub fn tick(&mut self, now_us: u64, outputs: &[Moving; ACTUATOR_COUNT]) -> Option<Frame> {
        let session = self.session.as_mut()?;
        let tick = now_us / TICK_US;
        let due = session.told.map_or(session.first_tick, |told| told.saturating_add(1));
        if tick < due {
            return None;
        }
        // Ticks that passed untold, and the one before if it was waited for in vain.
        session.late = session.late.saturating_add(tick - due);
        if session.mode == Mode::Lockstep && session.answered != session.told {
            session.late = session.late.saturating_add(1);
        }
        session.told = Some(tick);
        let outputs = session.latch.step(outputs);
        Some(Frame::new(&Message::Outputs(Outputs { tick, late: session.late, outputs })))
    }

    /// Whether the tick that was told last is to be waited for.
    pub fn awaits(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.mode == Mode::Lockstep && session.answered != session.told)
    }

    /// Looks whether the simulator is still there at `now_us`.
    pub fn miss(&mut self, now_us: u64) -> Option<Event> {
        let session = self.session.as_ref()?;
        if now_us.saturating_sub(session.heard_us) <= STALE_US {
            return None;
        }
        self.lose();
        Some(Event::Detached(Why::Silent))
    }

    /// Whatever was attached is gone.
    pub fn lose(&mut self) {
        self.session = None;
        self.deframer.clear();
    }
}

impl Session {
    fn sample(&mut self, sensors: &Sensors, now_us: u64) -> Event {
        let tick = sensors.tick;
        let asked = self.told.is_some_and(|told| tick <= told && tick >= self.first_tick);
        if !asked || self.answered.is_some_and(|answered| tick <= answered) {
            return Event::Complaint(Complaint::Unasked { tick });
        }
        if let Err(error) = check(&sensors.samples) {
            return Event::Complaint(Complaint::Bad(error));
        }
        self.answered = Some(tick);
        self.heard_us = now_us;
        Event::Sample(Sample { time_us: tick * TICK_US, samples: sensors.samples })
    }
}
