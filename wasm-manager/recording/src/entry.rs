// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What stands on a tape.
//!
//! An activation is a [`Entry::Begin`], what the app asked with what it was answered, and an [`Entry::End`]; the first one has no
//! beginning: it is loading and `cofferdam_init`. An entry is its number in one byte and its fields: whole numbers in
//! LEB128, times as their distance from the activation's release (zigzag, 0 for the first one), floating point numbers as
//! they lie in memory, texts behind their length. An answer is 0 and its fields, or the number of an error code.

use core::fmt;

use cofferdam_host_abi::{ErrorCode, MESSAGE_BYTES_MAX, READING_VALUES_MAX};
use cofferdam_runtime::{Level, Message, Reading, SensorInfo};
use cofferdam_slot_protocol::StopReason;

/// How an activation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// There will be a next one.
    Continue,
    /// The program is done, with this exit code.
    Exited(i32),
    /// The app was stopped.
    Stopped(StopReason),
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Entry<'t> {
    /// An activation begins.
    Begin {
        /// When it was due.
        release_us: u64,
        /// When it should be over.
        deadline_us: u64,
    },
    /// An activation is over.
    End {
        /// Fuel that it used.
        fuel: u64,
        /// How.
        ending: Ending,
    },
    /// The clock.
    Now {
        /// What it said.
        time_us: u64,
    },
    /// A sample was read.
    SensorRead {
        /// Of this sensor.
        sensor: u32,
        /// The answer.
        answer: Result<Reading, ErrorCode>,
    },
    /// Somebody wanted to know what a sensor delivers.
    SensorInfo {
        /// The sensor.
        sensor: u32,
        /// The answer.
        answer: Result<SensorInfo, ErrorCode>,
    },
    /// A lease was taken or renewed.
    LeaseAcquire {
        /// On this actuator.
        actuator: u32,
        /// For so long.
        duration_us: u64,
        /// When it runs out.
        answer: Result<u64, ErrorCode>,
    },
    /// An output was set.
    ActuatorWrite {
        /// This actuator's.
        actuator: u32,
        /// The bits of the value, so that every two of them can be compared.
        value_bits: u64,
        /// The answer.
        answer: Result<(), ErrorCode>,
    },
    /// A lease was given back.
    LeaseRelease {
        /// On this actuator.
        actuator: u32,
        /// The answer.
        answer: Result<(), ErrorCode>,
    },
    /// A line was logged.
    Log {
        /// Its level.
        level: Level,
        /// The line.
        line: &'t str,
    },
    /// A message was published.
    Publish {
        /// On the topic at this place of the orders.
        place: u32,
        /// The message.
        message: &'t [u8],
        /// The answer.
        answer: Result<(), ErrorCode>,
    },
    /// The latest message was asked for.
    Receive {
        /// Of the topic at this place of the orders.
        place: u32,
        /// The answer.
        answer: Result<Message, ErrorCode>,
    },
}

impl Entry<'_> {
    /// Hands the entry's bytes to `put`, piece by piece. `release_us` is that of the activation that it belongs to.
    pub fn encode(&self, release_us: u64, put: &mut impl FnMut(&[u8])) {
        let mut out = Out { put, release_us };
        match *self {
            Self::Begin { release_us, deadline_us } => {
                out.byte(1);
                out.number(release_us);
                out.release_us = release_us;
                out.time(deadline_us);
            }
            Self::End { fuel, ending } => {
                out.byte(2);
                out.number(fuel);
                match ending {
                    Ending::Continue => out.byte(0),
                    Ending::Exited(code) => {
                        out.byte(1);
                        (out.put)(&code.to_le_bytes());
                    }
                    Ending::Stopped(reason) => {
                        out.byte(2);
                        out.number(reason.code().into());
                    }
                }
            }
            Self::Now { time_us } => {
                out.byte(3);
                out.time(time_us);
            }
            Self::SensorRead { sensor, answer } => {
                out.byte(4);
                out.number(sensor.into());
                out.answer(answer, |out, reading| {
                    out.time(reading.time_us);
                    out.number(reading.values().len() as u64);
                    reading.values().iter().for_each(|value| (out.put)(&value.to_bits().to_le_bytes()));
                });
            }
            Self::SensorInfo { sensor, answer } => {
                out.byte(5);
                out.number(sensor.into());
                out.answer(answer, |out, info| {
                    out.number(info.values.into());
                    out.number(info.period_us.into());
                });
            }
            Self::LeaseAcquire { actuator, duration_us, answer } => {
                out.byte(6);
                out.number(actuator.into());
                out.number(duration_us);
                out.answer(answer, Out::time);
            }
            Self::ActuatorWrite { actuator, value_bits, answer } => {
                out.byte(7);
                out.number(actuator.into());
                (out.put)(&value_bits.to_le_bytes());
                out.answer(answer, |_, ()| ());
            }
            Self::LeaseRelease { actuator, answer } => {
                out.byte(8);
                out.number(actuator.into());
                out.answer(answer, |_, ()| ());
            }
            Self::Log { level, line } => {
                out.byte(9);
                out.byte(level.number());
                out.text(line.as_bytes());
            }
            Self::Publish { place, message, answer } => {
                out.byte(10);
                out.number(place.into());
                out.text(message);
                out.answer(answer, |_, ()| ());
            }
            Self::Receive { place, answer } => {
                out.byte(11);
                out.number(place.into());
                out.answer(answer, |out, message| {
                    out.time(message.time_us);
                    out.number(message.sequence);
                    out.text(message.bytes());
                });
            }
        }
    }
}

impl<'t> Entry<'t> {
    /// Takes an entry from the front of `bytes`; `None` if there is none. The bytes may be anything.
    pub fn decode(bytes: &mut &'t [u8], release_us: u64) -> Option<Self> {
        let mut from = In { bytes, release_us };
        let entry = match from.byte()? {
            1 => {
                let release_us = from.number()?;
                from.release_us = release_us;
                Self::Begin { release_us, deadline_us: from.time()? }
            }
            2 => {
                let fuel = from.number()?;
                let ending = match from.byte()? {
                    0 => Ending::Continue,
                    1 => Ending::Exited(i32::from_le_bytes(from.array()?)),
                    2 => Ending::Stopped(StopReason::from_code(from.small()?)?),
                    _ => return None,
                };
                Self::End { fuel, ending }
            }
            3 => Self::Now { time_us: from.time()? },
            4 => {
                let sensor = from.small()?;
                let answer = from.answer(|from| {
                    let time_us = from.time()?;
                    let count = usize::from(from.byte()?);
                    let mut values = [0.0; READING_VALUES_MAX];
                    for value in values.get_mut(..count)? {
                        *value = f64::from_bits(u64::from_le_bytes(from.array()?));
                    }
                    Some(Reading::new(time_us, values.get(..count)?))
                })?;
                Self::SensorRead { sensor, answer }
            }
            5 => {
                let sensor = from.small()?;
                let answer =
                    from.answer(|from| Some(SensorInfo { values: from.small()?, period_us: from.small()? }))?;
                Self::SensorInfo { sensor, answer }
            }
            6 => {
                let (actuator, duration_us) = (from.small()?, from.number()?);
                Self::LeaseAcquire { actuator, duration_us, answer: from.answer(In::time)? }
            }
            7 => {
                let (actuator, value_bits) = (from.small()?, u64::from_le_bytes(from.array()?));
                Self::ActuatorWrite { actuator, value_bits, answer: from.answer(|_| Some(()))? }
            }
            8 => {
                let actuator = from.small()?;
                Self::LeaseRelease { actuator, answer: from.answer(|_| Some(()))? }
            }
            9 => {
                let level = Level::from_number(from.byte()?.into())?;
                Self::Log { level, line: core::str::from_utf8(from.text()?).ok()? }
            }
            10 => {
                let (place, message) = (from.small()?, from.text()?);
                Self::Publish { place, message, answer: from.answer(|_| Some(()))? }
            }
            11 => {
                let place = from.small()?;
                let answer = from.answer(|from| {
                    let (time_us, sequence) = (from.time()?, from.number()?);
                    let bytes = from.text().filter(|bytes| bytes.len() <= MESSAGE_BYTES_MAX)?;
                    Some(Message::new(time_us, sequence, bytes))
                })?;
                Self::Receive { place, answer }
            }
            _ => return None,
        };
        *bytes = from.bytes;
        Some(entry)
    }
}

struct Out<'p, P> {
    put: &'p mut P,
    release_us: u64,
}

impl<P: FnMut(&[u8])> Out<'_, P> {
    fn byte(&mut self, byte: u8) {
        (self.put)(&[byte]);
    }

    fn number(&mut self, mut number: u64) {
        let mut bytes = [0; 10];
        let mut length = 0usize;
        for place in &mut bytes {
            length = length.saturating_add(1);
            let low = (number & 0x7f) as u8;
            number >>= 7;
            if number == 0 {
                *place = low;
                break;
            }
            *place = low | 0x80;
        }
        (self.put)(bytes.get(..length).unwrap_or(&bytes));
    }

    fn text(&mut self, text: &[u8]) {
        self.number(text.len() as u64);
        (self.put)(text);
    }

    fn time(&mut self, time_us: u64) {
        let distance = time_us.wrapping_sub(self.release_us) as i64;
        self.number(((distance << 1) ^ (distance >> 63)) as u64);
    }

    fn answer<T>(&mut self, answer: Result<T, ErrorCode>, value: impl FnOnce(&mut Self, T)) {
        match answer {
            Ok(answer) => {
                self.byte(0);
                value(self, answer);
            }
            // Codes are small negative numbers.
            Err(error) => self.byte(error.code().unsigned_abs() as u8),
        }
    }
}

struct In<'t> {
    bytes: &'t [u8],
    release_us: u64,
}

impl<'t> In<'t> {
    fn take(&mut self, count: usize) -> Option<&'t [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            number |= part.checked_shl(shift).filter(|shifted| shifted >> shift == part)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'t [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn time(&mut self) -> Option<u64> {
        let zigzag = self.number()?;
        let distance = (zigzag >> 1) ^ 0u64.wrapping_sub(zigzag & 1);
        Some(self.release_us.wrapping_add(distance))
    }

    fn answer<T>(&mut self, value: impl FnOnce(&mut Self) -> Option<T>) -> Option<Result<T, ErrorCode>> {
        Some(match self.byte()? {
            0 => Ok(value(self)?),
            code => Err(ErrorCode::from_code(i32::from(code).wrapping_neg())?),
        })
    }
}

struct Answer<'a, T>(&'a Result<T, ErrorCode>);

impl<T: fmt::Display> fmt::Display for Answer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(value) => value.fmt(f),
            Err(error) => error.fmt(f),
        }
    }
}

fn done(answer: &Result<(), ErrorCode>) -> Result<&'static str, ErrorCode> {
    answer.map(|()| "done")
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continue => f.write_str("to be continued"),
            Self::Exited(code) => write!(f, "exited with code {code}"),
            Self::Stopped(reason) => write!(f, "stopped: {reason}"),
        }
    }
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin { release_us, deadline_us } => {
                write!(f, "begin at {release_us} us, until {deadline_us} us")
            }
            Self::End { fuel, ending } => write!(f, "end with {fuel} fuel used, {ending}"),
            Self::Now { time_us } => write!(f, "now: {time_us} us"),
            Self::SensorRead { sensor, answer: Ok(reading) } => {
                write!(f, "read sensor {sensor}: {:?} of {} us", reading.values(), reading.time_us)
            }
            Self::SensorRead { sensor, answer: Err(error) } => write!(f, "read sensor {sensor}: {error}"),
            Self::SensorInfo { sensor, answer: Ok(info) } => {
                write!(f, "ask about sensor {sensor}: {} values every {} us", info.values, info.period_us)
            }
            Self::SensorInfo { sensor, answer: Err(error) } => {
                write!(f, "ask about sensor {sensor}: {error}")
            }
            Self::LeaseAcquire { actuator, duration_us, answer } => {
                write!(f, "lease actuator {actuator} for {duration_us} us: until {}", Answer(answer))
            }
            Self::ActuatorWrite { actuator, value_bits, answer } => {
                let value = f64::from_bits(*value_bits);
                write!(f, "set actuator {actuator} to {value:?}: {}", Answer(&done(answer)))
            }
            Self::LeaseRelease { actuator, answer } => {
                write!(f, "release actuator {actuator}: {}", Answer(&done(answer)))
            }
            Self::Log { line, .. } => write!(f, "log {line:?}"),
            Self::Publish { place, message, answer } => {
                write!(f, "publish {message:02x?} on topic {place}: {}", Answer(&done(answer)))
            }
            Self::Receive { place, answer: Ok(message) } => {
                let Message { time_us, sequence, .. } = message;
                write!(
                    f,
                    "receive topic {place}: {:02x?}, message {sequence} of {time_us} us",
                    message.bytes()
                )
            }
            Self::Receive { place, answer: Err(error) } => write!(f, "receive topic {place}: {error}"),
        }
    }
}
