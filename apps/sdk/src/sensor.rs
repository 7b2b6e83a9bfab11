// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Reading sensors.

use cofferdam_host_abi::{READING_HEADER_BYTES, READING_VALUES_MAX};

use crate::ErrorCode;
use crate::host::{self, READING_BYTES};

/// The sensors of the vehicle. What their values are: `cofferdam-device-protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Sensor {
    /// Acceleration x, y, z in m/s², then rates x, y, z in rad/s.
    Imu = 0,
    /// Pressure in Pa, temperature in °C.
    Barometer = 1,
    /// Front left, front right, rear left, rear right in m/s.
    WheelSpeed = 2,
    /// Voltage in V, current in A, charge from 0 to 1.
    Battery = 3,
    /// Where the vehicle is, x, y, z in m from where it was switched on, and its velocity in m/s; z is up.
    Position = 4,
    /// What the driver demands: brake and accelerator from 0 to 1, steering in rad, speed to hold in m/s (0: none).
    Driver = 5,
}

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// When it was taken, on the clock of [`crate::time::now_us`].
    pub time_us: u64,
    values: [f64; READING_VALUES_MAX],
    count: usize,
}

impl Reading {
    /// All values.
    pub fn values(&self) -> &[f64] {
        self.values.get(..self.count).unwrap_or(&self.values)
    }

    /// One value; NaN if the sensor has not so many.
    pub fn value(&self, index: usize) -> f64 {
        self.values().get(index).copied().unwrap_or(f64::NAN)
    }

    /// The mean of all values.
    pub fn mean(&self) -> f64 {
        self.values().iter().sum::<f64>() / self.count as f64
    }
}

/// The last sample of a sensor. The manifest must permit it.
pub fn read(sensor: Sensor) -> Result<Reading, ErrorCode> {
    let mut bytes = [0; READING_BYTES];
    let count = host::sensor_read(sensor as i32, &mut bytes)?.min(READING_VALUES_MAX);
    let word = |at: usize| {
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(bytes.iter().skip(at)) {
            *to = *from;
        }
        word
    };
    let mut values = [0.0; READING_VALUES_MAX];
    for (index, value) in values.iter_mut().enumerate().take(count) {
        *value = f64::from_le_bytes(word(READING_HEADER_BYTES + index * size_of::<f64>()));
    }
    Ok(Reading { time_us: u64::from_le_bytes(word(0)), values, count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_device_protocol::{SENSORS, VALUES_MAX, sensor_by_name};

    #[test]
    fn numbers_are_those_of_the_device_protocol() {
        for (name, sensor) in [
            ("imu", Sensor::Imu),
            ("barometer", Sensor::Barometer),
            ("wheel-speed", Sensor::WheelSpeed),
            ("battery", Sensor::Battery),
            ("position", Sensor::Position),
            ("driver", Sensor::Driver),
        ] {
            assert_eq!(sensor_by_name(name).unwrap().id, sensor as usize);
        }
        assert_eq!(SENSORS.len(), 6);
        const { assert!(VALUES_MAX <= READING_VALUES_MAX) };
    }

    #[test]
    fn on_a_desk_there_is_no_sensor() {
        assert_eq!(read(Sensor::Imu), Err(ErrorCode::NotSupported));
    }
}
