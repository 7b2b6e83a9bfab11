// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What an app's calls lead to.

use std::cell::RefCell;
use std::rc::Rc;

use cofferdam_actuator_guard::{Guard, Throttle};
use cofferdam_device_protocol::permission::CLIENTS;
use cofferdam_device_protocol::topic::{self, Payload, Received};
use cofferdam_device_protocol::{SAMPLE_PERIOD_US, SENSORS, Status, sensor};
use cofferdam_host_abi::ErrorCode;
use cofferdam_plant_protocol::Samples;
use cofferdam_recording::Entry;
use cofferdam_runtime::{Host, Level, Message, Reading, SensorInfo};
use cofferdam_slot_protocol::error_code;
use cofferdam_synthetic_sensors::Access;
use cofferdam_topic_hub::Hub;

/// What an app has logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub time_us: u64,
    /// The app's name.
    pub app: String,
    /// How important.
    pub level: Level,
    /// In its words.
    pub text: String,
}

/// The device around all apps.
pub(crate) struct Device {
    pub now_us: u64,
    pub guard: Guard,
    pub access: Access,
    pub topics: Hub,
    pub samples: Samples,
    pub sampled_us: u64,
    pub lines: Vec<Line>,
    /// What is asked and answered, while somebody wants to see it.
    pub calls: Option<Vec<String>>,
    pub refusals: Throttle<CLIENTS>,
}

/// The device as one app sees it.
pub(crate) struct DeskHost {
    pub client: usize,
    pub name: String,
    pub device: Rc<RefCell<Device>>,
}

impl DeskHost {
    fn ask<T>(&self, call: impl FnOnce(&mut Device, usize) -> Result<T, Status>) -> Result<T, ErrorCode> {
        let mut device = self.device.borrow_mut();
        let now_us = device.now_us;
        call(&mut device, self.client).map_err(|status| {
            if let Some(times) = device.refusals.happened(self.client, now_us) {
                let text = format!("refused: {status} ({times})");
                device.lines.push(Line { time_us: now_us, app: self.name.clone(), level: Level::Warn, text });
            }
            error_code(status)
        })
    }

    fn note(&self, entry: Entry<'_>) {
        if let Some(calls) = &mut self.device.borrow_mut().calls {
            calls.push(entry.to_string());
        }
    }

    /// A slot's number, as the guard counts its clients.
    fn guard_client(&self) -> u8 {
        self.client as u8 // of four
    }
}

impl Host for DeskHost {
    fn now_us(&mut self) -> u64 {
        let time_us = self.device.borrow().now_us;
        self.note(Entry::Now { time_us });
        time_us
    }

    fn sensor_read(&mut self, sensor: u32) -> Result<Reading, ErrorCode> {
        let answer = self.ask(|device, client| {
            let message = sensor::Request::Read { id: sensor as usize }.encode();
            device.access.check(client, message.label, message.words(), device.now_us)?;
            let known = SENSORS.get(sensor as usize).ok_or(Status::UnknownDevice)?;
            let values = device.samples.get(known.id).and_then(|values| values.get(..known.values.len()));
            Ok(Reading::new(device.sampled_us, values.ok_or(Status::UnknownDevice)?))
        });
        self.note(Entry::SensorRead { sensor, answer });
        answer
    }

    fn sensor_info(&mut self, sensor: u32) -> Result<SensorInfo, ErrorCode> {
        let answer = self.ask(|device, client| {
            let message = sensor::Request::Info { id: sensor as usize }.encode();
            device.access.check(client, message.label, message.words(), device.now_us)?;
            let known = SENSORS.get(sensor as usize).ok_or(Status::UnknownDevice)?;
            Ok(SensorInfo { values: known.values.len() as u32, period_us: SAMPLE_PERIOD_US as u32 })
        });
        self.note(Entry::SensorInfo { sensor, answer });
        answer
    }

    fn lease_acquire(&mut self, actuator: u32, duration_us: u64) -> Result<u64, ErrorCode> {
        let client = self.guard_client();
        let answer = self.ask(|device, _| {
            let lease = device.guard.acquire(client, actuator as usize, duration_us, device.now_us)?;
            Ok(lease.until_us)
        });
        self.note(Entry::LeaseAcquire { actuator, duration_us, answer });
        answer
    }

    fn actuator_write(&mut self, actuator: u32, value: f64) -> Result<(), ErrorCode> {
        let client = self.guard_client();
        let answer = self
            .ask(|device, _| device.guard.write(client, actuator as usize, value, device.now_us).map(drop));
        self.note(Entry::ActuatorWrite { actuator, value_bits: value.to_bits(), answer });
        answer
    }

    fn lease_release(&mut self, actuator: u32) -> Result<(), ErrorCode> {
        let client = self.guard_client();
        let answer = self.ask(|device, _| device.guard.release(client, actuator as usize, device.now_us));
        self.note(Entry::LeaseRelease { actuator, answer });
        answer
    }

    fn publish(&mut self, place: usize, message: &[u8]) -> Result<(), ErrorCode> {
        let answer = self.ask(|device, client| {
            let payload = Payload::new(message)?;
            let request = topic::Request::Publish { place, payload }.encode();
            device.topics.serve(client, request.label, request.words(), device.now_us).map(drop)
        });
        self.note(Entry::Publish { place: place as u32, message, answer });
        answer
    }

    fn receive(&mut self, place: usize) -> Result<Message, ErrorCode> {
        let answer = self.ask(|device, client| {
            let request = topic::Request::Receive { place }.encode();
            let reply = device.topics.serve(client, request.label, request.words(), device.now_us)?;
            let received = Received::decode(reply.label, reply.words()).map_err(|_| Status::BadLength)?;
            Ok(Message::new(received.time_us, received.sequence, received.payload.bytes()))
        });
        self.note(Entry::Receive { place: place as u32, answer });
        answer
    }

    fn log(&mut self, level: Level, line: &str) {
        self.note(Entry::Log { level, line });
        let mut device = self.device.borrow_mut();
        let time_us = device.now_us;
        device.lines.push(Line { time_us, app: self.name.clone(), level, text: line.to_owned() });
    }
}
