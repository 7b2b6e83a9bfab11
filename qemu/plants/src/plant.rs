// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What every plant is to the device.

use cofferdam_device_protocol::{ACTUATOR_COUNT, SENSOR_COUNT, VALUES_MAX};

/// One sample of every sensor, by id; a sensor with fewer values has zeros behind them.
pub type Samples = [[f64; VALUES_MAX]; SENSOR_COUNT];

/// What the outputs do, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Actuation {
    /// Motors: front left, front right, rear left, rear right, 0 to 1.
    pub motors: [f64; 4],
    /// The brake, 0 (off) to 1.
    pub brake: f64,
    /// How much of it each wheel does not get, 0 to 1, in the motors' order.
    pub releases: [f64; 4],
}

impl Actuation {
    /// From the outputs by id. What is no number, or outside of 0 to 1, is brought inside: the outputs come from
    /// another program.
    pub fn from_outputs(outputs: &[f64; ACTUATOR_COUNT]) -> Self {
        let ratio = |value: f64| if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
        let [a, b, c, d, brake, e, f, g, h] = outputs.map(ratio);
        Self { motors: [a, b, c, d], brake, releases: [e, f, g, h] }
    }
}

/// A vehicle in its surroundings.
pub trait Plant {
    /// Lets `step_us` pass with these outputs. A step of more than a few milliseconds is made in several.
    fn step(&mut self, actuation: Actuation, step_us: u64);

    /// A sample of every sensor as of now. Noise differs from call to call, so call it once a step.
    fn sample(&mut self) -> Samples;

    /// Simulated time since the start.
    fn time_us(&self) -> u64;

    /// What a picture shows: the name and unit of each column, and its value now.
    fn columns(&self) -> Vec<(&'static str, f64)>;
}
