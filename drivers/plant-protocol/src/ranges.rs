// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What sensors can show: beyond these ends no sensor of this vehicle measures.

use core::fmt;

use cofferdam_device_protocol::{SENSOR_COUNT, SENSORS, VALUES_MAX};

use crate::Samples;

/// Lowest and highest of each value, in its unit; nothing where a sensor has no value.
pub const RANGES: [[(f64, f64); VALUES_MAX]; SENSOR_COUNT] = [
    // imu: m/s², rad/s
    [(-200.0, 200.0), (-200.0, 200.0), (-200.0, 200.0), (-40.0, 40.0), (-40.0, 40.0), (-40.0, 40.0)],
    // barometer: Pa, °C
    [(10_000.0, 120_000.0), (-60.0, 100.0), NONE, NONE, NONE, NONE],
    // wheel-speed: m/s
    [(-20.0, 120.0), (-20.0, 120.0), (-20.0, 120.0), (-20.0, 120.0), NONE, NONE],
    // battery: V, A, of full
    [(0.0, 100.0), (-1_000.0, 1_000.0), (0.0, 1.0), NONE, NONE, NONE],
    // position: m, m/s
    [(-1e5, 1e5), (-1e5, 1e5), (-1e5, 1e5), (-200.0, 200.0), (-200.0, 200.0), (-200.0, 200.0)],
    // driver: pedals, rad, m/s
    [(0.0, 1.0), (0.0, 1.0), (-1.0, 1.0), (0.0, 120.0), NONE, NONE],
];

const NONE: (f64, f64) = (0.0, 0.0);

/// A value that no sensor shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BadSample {
    /// Which sensor.
    pub sensor: usize,
    /// Which of its values.
    pub value: usize,
    /// What it was.
    pub is: f64,
}

impl fmt::Display for BadSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sensor = SENSORS.get(self.sensor);
        let name = sensor.map_or("?", |sensor| sensor.name);
        let value = sensor.and_then(|sensor| sensor.values.get(self.value)).map_or("-", |value| value.name);
        // Without the number: printing one takes as much room as all the rest of a driver.
        write!(f, "{name} {value} shows what it cannot")
    }
}

impl core::error::Error for BadSample {}

/// Whether every value is one that its sensor can show: a number, and in its range.
///
/// # Errors
/// [`BadSample`] with the first that is not.
pub fn check(samples: &Samples) -> Result<(), BadSample> {
    for (sensor, (values, ranges)) in samples.iter().zip(&RANGES).enumerate() {
        for (value, (is, (low, high))) in values.iter().zip(ranges).enumerate() {
            // A NaN is in no range.
            if !(*low..=*high).contains(is) {
                return Err(BadSample { sensor, value, is: *is });
            }
        }
    }
    Ok(())
}
