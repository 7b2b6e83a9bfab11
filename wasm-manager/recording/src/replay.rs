// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Running a module from a recording.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use cofferdam_host_abi::ErrorCode;
use cofferdam_runtime::{Activation, App, Host, Level, Message, Reading, SensorInfo, Stop};
use cofferdam_slot_protocol::{Counters, ORDERS_BYTES, Orders};

use crate::entry::{Ending, Entry};

/// The bytes are no recording, or end in the middle of an activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// In which activation; 0 is loading.
    pub activation: u64,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a recording: activation {}: {}", self.activation, self.why)
    }
}

impl core::error::Error for Malformed {}

/// Where a run first was not the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In which activation; 0 is loading.
    pub activation: u64,
    /// At which of its calls, from 1; behind the last one it is how it ended.
    pub call: u64,
    /// What the recording has there.
    pub recorded: String,
    /// What happened instead.
    pub replayed: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { activation, call, recorded, replayed } = self;
        write!(f, "activation {activation}, call {call}: recorded '{recorded}', replayed '{replayed}'")
    }
}

/// One activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its number; 0 is loading.
    pub number: u64,
    /// When it was due and should be over, in microseconds; zeroes for loading.
    pub release_us: u64,
    /// See above.
    pub deadline_us: u64,
    /// What the app asked and was answered.
    pub calls: Vec<String>,
    /// Fuel that it used.
    pub fuel: u64,
    /// How it ended.
    pub ending: Ending,
    /// The first difference to the recording, if there is one. Nothing can be said about what follows.
    pub difference: Option<Difference>,
}

/// What is played.
struct Deck {
    tape: Vec<u8>,
    at: usize,
    release_us: u64,
    activation: u64,
    calls: Vec<String>,
    difference: Option<Difference>,
}

impl Deck {
    /// Takes the next entry and gives what `with` makes of it, or what `asked` is instead.
    fn next<T>(
        &mut self,
        asked: impl FnOnce() -> String,
        with: impl FnOnce(&Entry<'_>) -> Option<T>,
    ) -> Option<T> {
        if self.difference.is_some() {
            return None;
        }
        let all = self.tape.get(self.at..).unwrap_or_default();
        let mut rest = all;
        let entry = Entry::decode(&mut rest, self.release_us);
        if let Some(entry) = &entry
            && let Some(answer) = with(entry)
        {
            self.at = self.at.saturating_add(all.len().saturating_sub(rest.len()));
            if let Entry::Begin { release_us, .. } = entry {
                self.release_us = *release_us;
            }
            if !matches!(entry, Entry::Begin { .. } | Entry::End { .. }) {
                self.calls.push(entry.to_string());
            }
            return Some(answer);
        }
        let recorded =
            entry.map_or_else(|| "nothing that makes sense".to_string(), |entry| entry.to_string());
        let call = (self.calls.len() as u64).saturating_add(1);
        self.difference = Some(Difference { activation: self.activation, call, recorded, replayed: asked() });
        None
    }
}

/// A host that answers what was recorded.
struct Player(Rc<RefCell<Deck>>);

impl Player {
    fn next<T>(
        &self,
        asked: impl FnOnce() -> String,
        with: impl FnOnce(&Entry<'_>) -> Option<T>,
    ) -> Option<T> {
        self.0.borrow_mut().next(asked, with)
    }

    /// Answers with an error once there is a difference: the run counts no more.
    fn answer<T>(
        &self,
        asked: impl FnOnce() -> String,
        with: impl FnOnce(&Entry<'_>) -> Option<Result<T, ErrorCode>>,
    ) -> Result<T, ErrorCode> {
        self.next(asked, with).unwrap_or(Err(ErrorCode::DeviceFailure))
    }
}

impl Host for Player {
    fn now_us(&mut self) -> u64 {
        let with = |entry: &Entry<'_>| match entry {
            Entry::Now { time_us } => Some(*time_us),
            _ => None,
        };
        self.next(|| "now".into(), with).unwrap_or(0)
    }

    fn sensor_read(&mut self, asked: u32) -> Result<Reading, ErrorCode> {
        self.answer(
            || format!("read sensor {asked}"),
            |entry| match entry {
                Entry::SensorRead { sensor, answer } if *sensor == asked => Some(*answer),
                _ => None,
            },
        )
    }

    fn sensor_info(&mut self, asked: u32) -> Result<SensorInfo, ErrorCode> {
        self.answer(
            || format!("ask about sensor {asked}"),
            |entry| match entry {
                Entry::SensorInfo { sensor, answer } if *sensor == asked => Some(*answer),
                _ => None,
            },
        )
    }

    fn lease_acquire(&mut self, asked: u32, asked_us: u64) -> Result<u64, ErrorCode> {
        self.answer(
            || format!("lease actuator {asked} for {asked_us} us"),
            |entry| match entry {
                Entry::LeaseAcquire { actuator, duration_us, answer }
                    if (*actuator, *duration_us) == (asked, asked_us) =>
                {
                    Some(*answer)
                }
                _ => None,
            },
        )
    }

    fn actuator_write(&mut self, asked: u32, value: f64) -> Result<(), ErrorCode> {
        self.answer(
            || format!("set actuator {asked} to {value:?}"),
            |entry| match entry {
                Entry::ActuatorWrite { actuator, value_bits, answer }
                    if (*actuator, *value_bits) == (asked, value.to_bits()) =>
                {
                    Some(*answer)
                }
                _ => None,
            },
        )
    }

    fn lease_release(&mut self, asked: u32) -> Result<(), ErrorCode> {
        self.answer(
            || format!("release actuator {asked}"),
            |entry| match entry {
                Entry::LeaseRelease { actuator, answer } if *actuator == asked => Some(*answer),
                _ => None,
            },
        )
    }

    fn publish(&mut self, asked: usize, bytes: &[u8]) -> Result<(), ErrorCode> {
        self.answer(
            || format!("publish {bytes:02x?} on topic {asked}"),
            |entry| match entry {
                Entry::Publish { place, message, answer }
                    if (*place as usize, *message) == (asked, bytes) =>
                {
                    Some(*answer)
                }
                _ => None,
            },
        )
    }

    fn receive(&mut self, asked: usize) -> Result<Message, ErrorCode> {
        self.answer(
            || format!("receive topic {asked}"),
            |entry| match entry {
                Entry::Receive { place, answer } if *place as usize == asked => Some(*answer),
                _ => None,
            },
        )
    }

    fn log(&mut self, asked: Level, text: &str) {
        self.next(
            || format!("log {text:?}"),
            |entry| match entry {
                Entry::Log { level, line } if (*level, *line) == (asked, text) => Some(()),
                _ => None,
            },
        );
    }
}

/// A module that runs from a recording.
pub struct Replay {
    orders: Orders,
    module: Vec<u8>,
    deck: Rc<RefCell<Deck>>,
    app: Option<App<Player>>,
    next: u64,
}

impl Replay {
    /// Runs `module` from the bytes of a recording: orders, then entries.
    ///
    /// # Errors
    /// If it does not begin with orders that make sense.
    pub fn new(recording: &[u8], module: &[u8]) -> Result<Self, Malformed> {
        let malformed = |why: String| Malformed { activation: 0, why };
        let (orders, tape) =
            recording.split_at_checked(ORDERS_BYTES).ok_or_else(|| malformed("too short".into()))?;
        let orders = Orders::from_bytes(orders).map_err(|error| malformed(error.to_string()))?;
        let deck = Deck {
            tape: tape.to_vec(),
            at: 0,
            release_us: 0,
            activation: 0,
            calls: Vec::new(),
            difference: None,
        };
        let deck = Rc::new(RefCell::new(deck));
        Ok(Self { orders, module: module.to_vec(), deck, app: None, next: 0 })
    }

    /// By which orders it runs.
    pub fn orders(&self) -> &Orders {
        &self.orders
    }

    /// The next activation; `None` when the recording is over.
    ///
    /// # Errors
    /// If the recording makes no sense there.
    pub fn step(&mut self) -> Result<Option<Step>, Malformed> {
        let number = self.next;
        let (mut release_us, mut deadline_us) = (0, 0);
        {
            let mut deck = self.deck.borrow_mut();
            if deck.at >= deck.tape.len() || deck.difference.is_some() {
                return Ok(None);
            }
            deck.activation = number;
            deck.calls.clear();
            if number > 0 {
                let begin = deck.next(String::new, |entry| match entry {
                    Entry::Begin { release_us, deadline_us } => Some((*release_us, *deadline_us)),
                    _ => None,
                });
                let why = || Malformed { activation: number, why: "it does not begin".into() };
                (release_us, deadline_us) = begin.ok_or_else(why)?;
            }
        }
        let (fuel, ending) = if number == 0 { self.load() } else { self.activate(release_us, deadline_us)? };
        self.next = number.saturating_add(1);
        let mut deck = self.deck.borrow_mut();
        deck.next(
            || Entry::End { fuel, ending }.to_string(),
            |entry| (*entry == Entry::End { fuel, ending }).then_some(()),
        );
        let calls = core::mem::take(&mut deck.calls);
        let difference = deck.difference.clone();
        Ok(Some(Step { number, release_us, deadline_us, calls, fuel, ending, difference }))
    }

    fn load(&mut self) -> (u64, Ending) {
        match App::load(&self.orders, &self.module, Player(Rc::clone(&self.deck))) {
            Ok(app) => {
                let fuel = counters(&app).fuel_init;
                self.app = Some(app);
                (fuel, Ending::Continue)
            }
            Err(stop) => (0, Ending::Stopped(stop.reason)),
        }
    }

    fn activate(&mut self, release_us: u64, deadline_us: u64) -> Result<(u64, Ending), Malformed> {
        let over = || Malformed { activation: self.next, why: "the app was over before".into() };
        let app = self.app.as_mut().ok_or_else(over)?;
        let ending = Ending::of(&app.activate(release_us, deadline_us));
        Ok((counters(app).fuel_last, ending))
    }

    /// The app's memory as it is now; empty if it has none.
    pub fn memory(&self) -> Vec<u8> {
        self.app.as_ref().map(App::memory).unwrap_or_default()
    }

    /// What is counted about the app.
    pub fn counters(&self) -> Counters {
        self.app.as_ref().map(counters).unwrap_or_default()
    }
}

impl Ending {
    /// What becomes of an app after this.
    pub fn of(outcome: &Result<Activation, Stop>) -> Self {
        match outcome {
            Ok(Activation::Continue) => Self::Continue,
            Ok(Activation::Exited(code)) => Self::Exited(*code),
            Err(stop) => Self::Stopped(stop.reason),
        }
    }
}

fn counters<H: Host>(app: &App<H>) -> Counters {
    let mut counters = Counters::default();
    app.count(&mut counters);
    counters
}
