// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What clients may ask `sensor_hub`.

use crate::{BadReply, CallError, Message, SENSORS, Sensor, Status, VALUES_MAX, WORDS_MAX};

const LABEL_READ: u64 = 1;
const LABEL_INFO: u64 = 2;

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The latest sample of a sensor: answered by a [`Reading`].
    Read {
        /// Which sensor.
        id: usize,
    },
    /// How many values a sensor has and how often it is sampled: answered by [`Info`].
    Info {
        /// Which sensor.
        id: usize,
    },
}

impl Request {
    /// The message that carries this request.
    pub fn encode(&self) -> Message {
        match *self {
            Request::Read { id } => Message::new(LABEL_READ, &[id as u64]),
            Request::Info { id } => Message::new(LABEL_INFO, &[id as u64]),
        }
    }

    /// The request in a message, or the status to refuse it with. The id of a decoded request is one of
    /// [`SENSORS`].
    ///
    /// # Errors
    /// [`Status::UnknownRequest`], [`Status::BadLength`], [`Status::UnknownDevice`].
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, Status> {
        match (label, words) {
            (LABEL_READ, &[id]) => Ok(Request::Read { id: sensor(id)?.id }),
            (LABEL_INFO, &[id]) => Ok(Request::Info { id: sensor(id)?.id }),
            (LABEL_READ | LABEL_INFO, _) => Err(Status::BadLength),
            _ => Err(Status::UnknownRequest),
        }
    }
}

fn sensor(id: u64) -> Result<&'static Sensor, Status> {
    usize::try_from(id).ok().and_then(|id| const { &SENSORS }.get(id)).ok_or(Status::UnknownDevice)
}

/// One sample of a sensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// When the sample was taken.
    pub time_us: u64,
    values: [f64; VALUES_MAX],
    count: usize,
}

impl Reading {
    /// A sample taken at `time_us`. No sensor has more than [`VALUES_MAX`] values; more are left out.
    pub fn new(time_us: u64, values: &[f64]) -> Self {
        let mut reading = Self { time_us, values: [0.0; VALUES_MAX], count: values.len().min(VALUES_MAX) };
        for (to, from) in reading.values.iter_mut().zip(values) {
            *to = *from;
        }
        reading
    }

    /// The values, in the order of the sensor's entry in [`SENSORS`].
    pub fn values(&self) -> &[f64] {
        self.values.get(..self.count).unwrap_or(&self.values)
    }

    /// The message that carries this reading: `Ok`, the time, the number of values, each value's bits.
    pub fn encode(&self) -> Message {
        let mut words = [0; WORDS_MAX];
        words[0] = self.time_us;
        words[1] = self.count as u64;
        for (word, value) in words.iter_mut().skip(2).zip(self.values()) {
            *word = value.to_bits();
        }
        Message::new(Status::Ok as u64, words.get(..2 + self.count).unwrap_or(&words))
    }

    /// The reading in a reply.
    ///
    /// # Errors
    /// [`CallError::Refused`] with the server's reason, [`CallError::BadReply`] if it is not to be understood.
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, CallError> {
        match (success(label, words)?, words) {
            ((), &[time_us, count, ref values @ ..])
                if values.len() <= VALUES_MAX && count == values.len() as u64 =>
            {
                let mut reading = Self { time_us, values: [0.0; VALUES_MAX], count: values.len() };
                for (to, from) in reading.values.iter_mut().zip(values) {
                    *to = f64::from_bits(*from);
                }
                Ok(reading)
            }
            _ => Err(CallError::BadReply(BadReply { label, words: words.len() })),
        }
    }
}

/// What a sensor is like. Names and units are in [`SENSORS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// How many values a reading has.
    pub count: usize,
    /// The time between two samples.
    pub period_us: u64,
}

impl Info {
    /// The message that carries this information.
    pub fn encode(&self) -> Message {
        Message::new(Status::Ok as u64, &[self.count as u64, self.period_us])
    }

    /// The information in a reply.
    ///
    /// # Errors
    /// As [`Reading::decode`].
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, CallError> {
        match (success(label, words)?, words) {
            ((), &[count, period_us]) if count <= VALUES_MAX as u64 => {
                Ok(Self { count: count as usize, period_us })
            }
            _ => Err(CallError::BadReply(BadReply { label, words: words.len() })),
        }
    }
}

/// The message that refuses a request. `Ok` is no refusal and must not be given.
pub fn refusal(status: Status) -> Message {
    Message::new(status as u64, &[])
}

/// Sorts refusals and nonsense out.
pub(crate) fn success(label: u64, words: &[u64]) -> Result<(), CallError> {
    match (Status::from_code(label), words) {
        (Some(Status::Ok), _) => Ok(()),
        (Some(status), []) => Err(CallError::Refused(status)),
        _ => Err(CallError::BadReply(BadReply { label, words: words.len() })),
    }
}
