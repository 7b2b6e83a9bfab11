// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the quadrotor's sensors show.

use cofferdam_device_protocol::{SENSOR_COUNT, VALUES_MAX};
use glam::DVec3;

use crate::atmosphere;
use crate::{Battery, Noise, RigidBody, Samples};

/// How often the position is new, µs.
const POSITION_PERIOD_US: u64 = 50_000;
const KELVIN_AT_0_C: f64 = 273.15;

/// Standard deviations of what sensors get wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct SensorErrors {
    /// Of an acceleration, m/s².
    pub accel: f64,
    /// Of an acceleration's constant error, m/s².
    pub accel_bias: f64,
    /// Of a rate, rad/s.
    pub gyro: f64,
    /// Of a rate's constant error, rad/s.
    pub gyro_bias: f64,
    /// Of a pressure, Pa.
    pub pressure: f64,
    /// Of a coordinate, m.
    pub position: f64,
    /// Of a velocity, m/s.
    pub velocity: f64,
}

impl SensorErrors {
    /// As cheap sensors are.
    pub const USUAL: Self = Self {
        accel: 0.08,
        accel_bias: 0.08,
        gyro: 0.003,
        gyro_bias: 0.01,
        pressure: 2.0,
        position: 0.15,
        velocity: 0.05,
    };
    /// None at all.
    pub const NONE: Self = Self {
        accel: 0.0,
        accel_bias: 0.0,
        gyro: 0.0,
        gyro_bias: 0.0,
        pressure: 0.0,
        position: 0.0,
        velocity: 0.0,
    };
}

#[derive(Clone, Debug)]
pub(super) struct Sensors {
    errors: SensorErrors,
    noise: Noise,
    accel_bias: DVec3,
    gyro_bias: DVec3,
    position: [f64; VALUES_MAX],
    position_due_us: u64,
}

impl Sensors {
    pub(super) fn new(errors: SensorErrors, seed: u64) -> Self {
        let mut noise = Noise::new(seed);
        let accel_bias = noise.vector(errors.accel_bias);
        let gyro_bias = noise.vector(errors.gyro_bias);
        Self { errors, noise, accel_bias, gyro_bias, position: [0.0; VALUES_MAX], position_due_us: 0 }
    }

    pub(super) fn sample(
        &mut self,
        body: &RigidBody,
        felt: DVec3,
        battery: &Battery,
        time_us: u64,
    ) -> Samples {
        let errors = self.errors;
        let accel = body.attitude.inverse() * felt + self.accel_bias + self.noise.vector(errors.accel);
        let gyro = body.rates + self.gyro_bias + self.noise.vector(errors.gyro);
        let height = body.position.z;
        let pressure = atmosphere::pressure_pa(height) + self.noise.normal(errors.pressure);
        let temperature = atmosphere::temperature_k(height) - KELVIN_AT_0_C;
        if time_us >= self.position_due_us {
            self.position_due_us = time_us + POSITION_PERIOD_US;
            let at = body.position + self.noise.vector(errors.position);
            let moving = body.velocity + self.noise.vector(errors.velocity);
            self.position = [at.x, at.y, at.z, moving.x, moving.y, moving.z];
        }
        let mut samples = [[0.0; VALUES_MAX]; SENSOR_COUNT];
        samples[0] = crate::imu([accel.x, accel.y, accel.z, gyro.x, gyro.y, gyro.z]);
        samples[1] = [pressure, temperature, 0.0, 0.0, 0.0, 0.0];
        samples[3] = [battery.voltage_v(), battery.current_a(), battery.charge(), 0.0, 0.0, 0.0];
        samples[4] = self.position;
        samples
    }
}
