// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The host of the app: calls to `sensor_hub`, `actuator_guard` and `topic_hub`, lines to the log ring.

use cofferdam_device_protocol::CallError;
use cofferdam_device_protocol::pd::{Actuators, Sensors, Topics};
use cofferdam_device_protocol::topic::{self, Payload};
use cofferdam_host_abi::{ErrorCode, MESSAGE_BYTES_MAX};
use cofferdam_runtime::{Host, Level, Message, Reading, SensorInfo};
use cofferdam_slot_protocol::{AppName, error_code};

/// The servers that this slot may call.
#[derive(Clone, Copy)]
pub struct Devices {
    /// `sensor_hub`
    pub sensors: Sensors,
    /// `actuator_guard`
    pub actuators: Actuators,
    /// `topic_hub`
    pub topics: Topics,
}

// What an app may publish fits into a message there.
const _: () = assert!(MESSAGE_BYTES_MAX == topic::MESSAGE_BYTES_MAX);

/// What one app sees of them.
pub struct SlotHost {
    /// Where its calls go.
    pub devices: Devices,
    /// Whose lines these are.
    pub name: AppName,
    /// What it does past the interpreter.
    #[cfg(feature = "rogue-test")]
    pub rogue: crate::rogue_test::Rogue,
    /// `timer_driver`, which no app can call.
    #[cfg(feature = "spin-test")]
    pub timer: cofferdam_timer_protocol::pd::Timer,
}

impl Host for SlotHost {
    fn now_us(&mut self) -> u64 {
        sel4_microkit::now_us()
    }

    fn sensor_read(&mut self, sensor: u32) -> Result<Reading, ErrorCode> {
        let reading = self.devices.sensors.read(sensor as usize).map_err(code)?;
        Ok(Reading::new(reading.time_us, reading.values()))
    }

    fn sensor_info(&mut self, sensor: u32) -> Result<SensorInfo, ErrorCode> {
        let info = self.devices.sensors.info(sensor as usize).map_err(code)?;
        Ok(SensorInfo {
            values: info.count as u32,
            period_us: u32::try_from(info.period_us).map_err(|_| ErrorCode::DeviceFailure)?,
        })
    }

    fn lease_acquire(&mut self, actuator: u32, duration_us: u64) -> Result<u64, ErrorCode> {
        self.devices.actuators.lease_acquire(actuator as usize, duration_us).map_err(code).map(|l| l.until_us)
    }

    fn actuator_write(&mut self, actuator: u32, value: f64) -> Result<(), ErrorCode> {
        self.devices.actuators.write(actuator as usize, value).map_err(code).map(|_applied| ())
    }

    fn lease_release(&mut self, actuator: u32) -> Result<(), ErrorCode> {
        self.devices.actuators.lease_release(actuator as usize).map_err(code)
    }

    fn publish(&mut self, place: usize, message: &[u8]) -> Result<(), ErrorCode> {
        let payload = Payload::new(message).map_err(|_| ErrorCode::BadLength)?;
        self.devices.topics.publish(place, payload).map_err(code).map(|_published| ())
    }

    fn receive(&mut self, place: usize) -> Result<Message, ErrorCode> {
        let received = self.devices.topics.receive(place).map_err(code)?;
        Ok(Message::new(received.time_us, received.sequence, received.payload.bytes()))
    }

    fn log(&mut self, level: Level, line: &str) {
        let level = match level {
            Level::Error => log::Level::Error,
            Level::Warn => log::Level::Warn,
            Level::Info => log::Level::Info,
            Level::Debug => log::Level::Debug,
            Level::Trace => log::Level::Trace,
        };
        #[cfg(feature = "spin-test")]
        crate::spin_test::obey(line, &self.devices, &self.timer);
        #[cfg(feature = "rogue-test")]
        self.rogue.obey(line, &self.devices);
        cofferdam_log_ring::pd::app_line(level, self.name.as_str(), line.as_bytes());
    }
}

fn code(error: CallError) -> ErrorCode {
    match error {
        CallError::Refused(status) => error_code(status),
        CallError::BadReply(_) => ErrorCode::DeviceFailure,
    }
}
