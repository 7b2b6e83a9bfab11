// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the sensors.
//!
//! Serves `cofferdam_device_protocol::sensor` with what `plant_link` has from a simulator of the vehicle. While none is
//! attached it samples a synthetic vehicle at 1 kHz, with the outputs that `actuator_guard` publishes. It takes what is due when
//! somebody reads, and wakes by itself for a batch of samples only: every time it preempts an app it costs that app two switches
//! of address space.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod regions;

use cofferdam_device_protocol::outputs::{self, Outputs, ReadError};
use cofferdam_device_protocol::permission::CLIENTS;
use cofferdam_device_protocol::{
    Message, SAMPLE_PERIOD_US, SENSOR_COUNT, SENSORS, Status, WORDS_MAX, actuator, actuator_by_name, pd,
    sensor,
};
use cofferdam_plant_link::Source;
use cofferdam_plant_protocol::samples;
use cofferdam_shared_memory::SharedRegion;
use cofferdam_synthetic_sensors::{Access, BATCH_PERIOD_US, Controls, Hub};
use cofferdam_timer_protocol::CallError;
use cofferdam_timer_protocol::pd::Timer;
use sel4_microkit::{Channel, ChannelSet, Handler, MessageInfo, channel, now_us, protection_domain};

/// The noise is the same at every start.
const SEED: u64 = 1;
/// The shortest time between two complaints.
const QUIET_US: u64 = 1_000_000;

struct SensorHub {
    hub: Hub,
    /// Where `plant_link` shows a simulator's samples, and whether they are what is served.
    plant: SharedRegion,
    source: Source,
    access: Access,
    /// By slot.
    clients: [Channel; CLIENTS],
    manager: Channel,
    refused: u64,
    timer: Timer,
    outputs: SharedRegion,
    skipped: u64,
    last_complaint_us: u64,
    last_error: Option<ReadError>,
}

#[protection_domain]
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    let timer = Timer::new(channel!(timer_channel));
    // On a whole millisecond, with a millisecond to spare.
    let first_us = (now_us() / SAMPLE_PERIOD_US + 2) * SAMPLE_PERIOD_US;
    if let Err(error) = timer.periodic(first_us, BATCH_PERIOD_US) {
        log::error!("no samples: {error}");
    }
    log::info!("{SENSOR_COUNT} synthetic sensors, a sample every {SAMPLE_PERIOD_US} us");
    SensorHub {
        hub: Hub::new(SEED, first_us),
        plant: regions::plant(),
        source: Source::new(),
        access: Access::default(),
        clients: [
            channel!(slot_0_channel),
            channel!(slot_1_channel),
            channel!(slot_2_channel),
            channel!(slot_3_channel),
        ],
        manager: channel!(manager_channel),
        refused: 0,
        timer,
        outputs: regions::outputs(),
        skipped: 0,
        last_complaint_us: 0,
        last_error: None,
    }
}

impl SensorHub {
    /// Takes the samples that are due. The outputs do nothing to the vehicle while nobody publishes them.
    fn advance(&mut self, now_us: u64) {
        let steps = self.hub.advance(now_us, || match outputs::read(&self.outputs) {
            Ok(outputs) => controls(&outputs),
            Err(error) => {
                if error != ReadError::Unwritten {
                    self.last_error = Some(error);
                }
                Controls::default()
            }
        });
        self.skipped += steps.skipped;
        self.complain(now_us);
    }

    /// A slot asks: what it may not have costs it no sample.
    fn read(&mut self, channel: Channel, label: u64, words: &[u64]) -> Result<Message, Status> {
        let client = self.clients.iter().position(|client| *client == channel).ok_or(Status::NotAClient)?;
        let now_us = now_us();
        self.access.check(client, label, words, now_us)?;
        self.choose(now_us);
        match (self.source.sample(), sensor::Request::decode(label, words)?) {
            (Some(sample), sensor::Request::Read { id }) => {
                let sensor = const { &SENSORS }.get(id).ok_or(Status::UnknownDevice)?;
                let values = sample.samples.get(id).and_then(|values| values.get(..sensor.values.len()));
                let values = values.ok_or(Status::UnknownDevice)?;
                Ok(sensor::Reading::new(sample.time_us, values).encode())
            }
            _ => {
                self.advance(now_us);
                self.hub.serve(label, words)
            }
        }
    }

    /// Looks whether a simulator is attached, and says when that has changed.
    fn choose(&mut self, now_us: u64) {
        if let Some(change) = self.source.choose(|sample| samples::read(&self.plant, now_us, sample)) {
            log::info!("{change}");
        }
    }

    fn complain(&mut self, now_us: u64) {
        if now_us < self.last_complaint_us + QUIET_US {
            return;
        }
        let skipped = core::mem::take(&mut self.skipped);
        if skipped > 0 {
            self.last_complaint_us = now_us;
            log::warn!("{skipped} samples skipped");
        }
        let refused = core::mem::take(&mut self.refused);
        if refused > 0 {
            self.last_complaint_us = now_us;
            log::warn!("{refused} requests refused");
        }
        if let Some(error) = self.last_error.take() {
            self.last_complaint_us = now_us;
            log::error!("{error}");
        }
    }
}

fn controls(outputs: &Outputs) -> Controls {
    let value = |name| {
        let id = actuator_by_name(name)?.id;
        Some(outputs.outputs.get(id)?.value)
    };
    let motors = ["motor-0", "motor-1", "motor-2", "motor-3"].map(|name| value(name).unwrap_or(0.0));
    Controls {
        brake: value("brake").unwrap_or(0.0),
        motors: motors.iter().sum::<f64>() / motors.len() as f64,
    }
}

impl Handler for SensorHub {
    type Error = CallError;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), CallError> {
        if channels.contains(self.timer.channel()) {
            let now_us = now_us();
            self.choose(now_us);
            self.advance(now_us);
        }
        Ok(())
    }

    fn protected(&mut self, channel: Channel, message: MessageInfo) -> Result<MessageInfo, CallError> {
        let mut buffer = [0; WORDS_MAX + 1];
        let words = pd::receive(message, &mut buffer);
        let answer = if channel == self.manager {
            self.access.obey(message.label(), words).map(|()| actuator::done())
        } else {
            self.read(channel, message.label(), words)
        };
        if answer.is_err() {
            self.refused += 1;
        }
        Ok(pd::answer(&answer.unwrap_or_else(sensor::refusal)))
    }
}
