// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What an app's calls lead to: the devices of a slot, or the fakes of a test.

use cofferdam_host_abi::{ErrorCode, MESSAGE_BYTES_MAX, READING_VALUES_MAX};

/// The world outside of the app. Permissions and ranges were checked before these are called; whoever
/// answers checks again by rules of its own.
///
/// Everything that differs from one run to another comes in here, so that recording the answers is
/// enough to repeat a run.
pub trait Host: 'static {
    /// The monotonic clock.
    fn now_us(&mut self) -> u64;

    /// The last sample of a sensor.
    fn sensor_read(&mut self, sensor: u32) -> Result<Reading, ErrorCode>;

    /// What a sensor delivers.
    fn sensor_info(&mut self, sensor: u32) -> Result<SensorInfo, ErrorCode>;

    /// Takes or renews the lease of an actuator; answers when it runs out.
    fn lease_acquire(&mut self, actuator: u32, duration_us: u64) -> Result<u64, ErrorCode>;

    /// Sets an actuator.
    fn actuator_write(&mut self, actuator: u32, value: f64) -> Result<(), ErrorCode>;

    /// Gives a lease back.
    fn lease_release(&mut self, actuator: u32) -> Result<(), ErrorCode>;

    /// Makes a message, of at most [`MESSAGE_BYTES_MAX`] bytes, the latest of the topic at this place of the orders. A host
    /// without topics answers as here.
    fn publish(&mut self, _place: usize, _message: &[u8]) -> Result<(), ErrorCode> {
        Err(ErrorCode::NotSupported)
    }

    /// The latest message of the topic at this place of the orders.
    fn receive(&mut self, _place: usize) -> Result<Message, ErrorCode> {
        Err(ErrorCode::NotSupported)
    }

    /// Writes one line, without newline, within the app's log rate.
    fn log(&mut self, level: Level, line: &str);
}

/// A message of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// When it was published.
    pub time_us: u64,
    /// Which message of its topic it is, from 1.
    pub sequence: u64,
    bytes: [u8; MESSAGE_BYTES_MAX],
    length: usize,
}

impl Message {
    /// A message of these bytes; more than [`MESSAGE_BYTES_MAX`] are left out.
    pub fn new(time_us: u64, sequence: u64, bytes: &[u8]) -> Self {
        let length = bytes.len().min(MESSAGE_BYTES_MAX);
        let mut message = Self { time_us, sequence, bytes: [0; MESSAGE_BYTES_MAX], length };
        for (to, from) in message.bytes.iter_mut().zip(bytes) {
            *to = *from;
        }
        message
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

/// A sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// When it was taken.
    pub time_us: u64,
    values: [f64; READING_VALUES_MAX],
    count: usize,
}

impl Reading {
    /// A sample with these values; more than [`READING_VALUES_MAX`] are left out.
    pub fn new(time_us: u64, values: &[f64]) -> Self {
        let mut reading =
            Self { time_us, values: [0.0; READING_VALUES_MAX], count: values.len().min(READING_VALUES_MAX) };
        for (to, from) in reading.values.iter_mut().zip(values) {
            *to = *from;
        }
        reading
    }

    /// Its values.
    pub fn values(&self) -> &[f64] {
        self.values.get(..self.count).unwrap_or(&self.values)
    }
}

/// What a sensor delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SensorInfo {
    /// Number of values of a sample.
    pub values: u32,
    /// Time from sample to sample.
    pub period_us: u32,
}

/// How important a log line is. The numbers are those of the `log` call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// 1
    Error,
    /// 2
    Warn,
    /// 3
    Info,
    /// 4
    Debug,
    /// 5
    Trace,
}

impl Level {
    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Error => 1,
            Self::Warn => 2,
            Self::Info => 3,
            Self::Debug => 4,
            Self::Trace => 5,
        }
    }

    /// The level with this number.
    pub const fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            1 => Self::Error,
            2 => Self::Warn,
            3 => Self::Info,
            4 => Self::Debug,
            5 => Self::Trace,
            _ => return None,
        })
    }
}
