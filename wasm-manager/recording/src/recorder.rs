// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Between an app and its host.

use cofferdam_host_abi::ErrorCode;
use cofferdam_runtime::{Host, Level, Message, Reading, SensorInfo};

use crate::entry::{Ending, Entry};
use crate::tape::Tape;

/// A host whose answers are put on a tape, if there is one.
#[derive(Debug)]
pub struct Recorder<H> {
    host: H,
    tape: Option<Tape>,
}

impl<H> Recorder<H> {
    /// Puts what `host` answers on `tape`.
    pub fn new(host: H, tape: Option<Tape>) -> Self {
        Self { host, tape }
    }

    /// An activation begins.
    pub fn begin(&mut self, release_us: u64, deadline_us: u64) {
        self.put(|| Entry::Begin { release_us, deadline_us });
    }

    /// An activation, or loading, is over.
    pub fn end(&mut self, fuel: u64, ending: Ending) {
        self.put(|| Entry::End { fuel, ending });
    }

    fn put<'e>(&mut self, entry: impl FnOnce() -> Entry<'e>) {
        if let Some(tape) = &mut self.tape {
            tape.put(&entry());
        }
    }
}

impl<H: Host> Host for Recorder<H> {
    fn now_us(&mut self) -> u64 {
        let time_us = self.host.now_us();
        self.put(|| Entry::Now { time_us });
        time_us
    }

    fn sensor_read(&mut self, sensor: u32) -> Result<Reading, ErrorCode> {
        let answer = self.host.sensor_read(sensor);
        self.put(|| Entry::SensorRead { sensor, answer });
        answer
    }

    fn sensor_info(&mut self, sensor: u32) -> Result<SensorInfo, ErrorCode> {
        let answer = self.host.sensor_info(sensor);
        self.put(|| Entry::SensorInfo { sensor, answer });
        answer
    }

    fn lease_acquire(&mut self, actuator: u32, duration_us: u64) -> Result<u64, ErrorCode> {
        let answer = self.host.lease_acquire(actuator, duration_us);
        self.put(|| Entry::LeaseAcquire { actuator, duration_us, answer });
        answer
    }

    fn actuator_write(&mut self, actuator: u32, value: f64) -> Result<(), ErrorCode> {
        let answer = self.host.actuator_write(actuator, value);
        self.put(|| Entry::ActuatorWrite { actuator, value_bits: value.to_bits(), answer });
        answer
    }

    fn lease_release(&mut self, actuator: u32) -> Result<(), ErrorCode> {
        let answer = self.host.lease_release(actuator);
        self.put(|| Entry::LeaseRelease { actuator, answer });
        answer
    }

    fn publish(&mut self, place: usize, message: &[u8]) -> Result<(), ErrorCode> {
        let answer = self.host.publish(place, message);
        self.put(|| Entry::Publish { place: place as u32, message, answer });
        answer
    }

    fn receive(&mut self, place: usize) -> Result<Message, ErrorCode> {
        let answer = self.host.receive(place);
        self.put(|| Entry::Receive { place: place as u32, answer });
        answer
    }

    fn log(&mut self, level: Level, line: &str) {
        self.host.log(level, line);
        self.put(|| Entry::Log { level, line });
    }
}
