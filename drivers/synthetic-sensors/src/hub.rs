// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The vehicle by the clock, and its clients.

use cofferdam_device_protocol::sensor::{Info, Reading, Request, refusal};
use cofferdam_device_protocol::{Message, SAMPLE_PERIOD_US, SENSORS, Status};
use cofferdam_timer_protocol::releases_due;

use crate::{Controls, Vehicle};

/// How often [`Hub::advance`] should be called at the least: for fifty samples at once, as a sensor with a FIFO would be
/// emptied. Each time preempts the apps; the fewer, the better. Whoever reads brings the vehicle up to date first, so a reading is never older than a sample's period.
pub const BATCH_PERIOD_US: u64 = 50 * SAMPLE_PERIOD_US;
/// Most steps that one call of [`Hub::advance`] makes: two batches. What is missed beyond that is skipped, so that
/// catching up never takes long.
pub const STEPS_MAX: u64 = 2 * BATCH_PERIOD_US / SAMPLE_PERIOD_US;

/// What [`Hub::advance`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Samples that were taken.
    pub taken: u64,
    /// Samples that were left out because too many were missed.
    pub skipped: u64,
}

/// Samples the vehicle at `first_us + k * SAMPLE_PERIOD_US` and answers clients.
#[derive(Clone, Debug)]
pub struct Hub {
    vehicle: Vehicle,
    first_us: u64,
    /// Samples so far, skipped ones included.
    done: u64,
    /// Whether at least one was taken.
    ready: bool,
}

impl Hub {
    /// A hub whose first sample is at `first_us`.
    pub const fn new(seed: u64, first_us: u64) -> Self {
        Self { vehicle: Vehicle::new(seed), first_us, done: 0, ready: false }
    }

    /// Takes the samples that are due by `now_us`, with the outputs as they are now: `controls` is asked only if a sample is due,
    /// as most readers come when none is.
    pub fn advance(&mut self, now_us: u64, controls: impl FnOnce() -> Controls) -> Steps {
        let due = releases_due(self.first_us, SAMPLE_PERIOD_US, now_us).saturating_sub(self.done);
        if due == 0 {
            return Steps::default();
        }
        let controls = controls();
        let taken = due.min(STEPS_MAX);
        let skipped = due - taken;
        self.vehicle.skip(skipped);
        for _ in 0..taken {
            self.vehicle.step(controls);
        }
        self.done = self.done.saturating_add(due);
        self.ready = true;
        Steps { taken, skipped }
    }

    /// The vehicle.
    pub const fn vehicle(&self) -> &Vehicle {
        &self.vehicle
    }

    /// When the latest sample was due.
    fn sample_us(&self) -> u64 {
        self.first_us.saturating_add(self.done.saturating_sub(1).saturating_mul(SAMPLE_PERIOD_US))
    }

    /// Serves one message.
    ///
    /// # Errors
    /// The status that refuses it.
    pub fn serve(&self, label: u64, words: &[u64]) -> Result<Message, Status> {
        match Request::decode(label, words)? {
            Request::Read { id } => self.read(id).map(|reading| reading.encode()),
            Request::Info { id } => {
                let sensor = const { &SENSORS }.get(id).ok_or(Status::UnknownDevice)?;
                Ok(Info { count: sensor.values.len(), period_us: SAMPLE_PERIOD_US }.encode())
            }
        }
    }

    /// As [`Hub::serve`], with a refusal as the message that it becomes.
    pub fn answer(&self, label: u64, words: &[u64]) -> Message {
        self.serve(label, words).unwrap_or_else(refusal)
    }

    /// The latest sample of sensor `id`.
    ///
    /// # Errors
    /// [`Status::UnknownDevice`], [`Status::NotReady`] before the first sample.
    pub fn read(&self, id: usize) -> Result<Reading, Status> {
        let sensor = const { &SENSORS }.get(id).ok_or(Status::UnknownDevice)?;
        let sample = self.vehicle.sample(id).ok_or(Status::UnknownDevice)?;
        if !self.ready {
            return Err(Status::NotReady);
        }
        Ok(Reading::new(self.sample_us(), sample.get(..sensor.values.len()).unwrap_or(sample)))
    }
}
