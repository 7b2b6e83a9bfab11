// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What apps fly and drive when there is no vehicle: a [`Quadrotor`] and a [`Car`], with their sensors.
//!
//! Both are a [`Plant`]: outputs of `actuator_guard` in, samples for `sensor_hub` out, one step at a time. The same
//! seed, scenario and outputs give the same samples, bit for bit, on every machine: functions come from libm and noise from a
//! generator whose stream is fixed.
//!
//! Axes: a vehicle's own are x forward, y to the left, z up; the world's are x, y, z (up). Units are SI throughout.
//!
//! Not here: how samples reach the device, and what a pilot or driver wants ([`DriverDemand`] only carries it).
#![forbid(unsafe_code)]

pub mod atmosphere;
mod battery;
pub mod can;
mod car;
mod noise;
mod plant;
mod quadrotor;
mod recording;
mod rigid_body;
mod scenario;
mod tyre;
mod wind;

pub use battery::{Battery, BatteryParameters};
pub use car::{Car, CarParameters, CarState, DriverDemand};
pub use noise::Noise;
pub use plant::{Actuation, Plant, Samples};
pub use quadrotor::{Quadrotor, QuadrotorParameters, SensorErrors};
pub use recording::{Recording, Row};
pub use rigid_body::{Loads, RigidBody};
pub use scenario::{Measure, SCENARIOS, Scenario, Vehicle};
pub use tyre::TyreCurve;
pub use wind::{Gust, Wind, WindParameters};

/// Standard gravity, m/s².
pub const GRAVITY: f64 = 9.806_65;

/// What an IMU shows at most, whatever happens to it: 16 g, and 2,000 degrees a second.
const ACCEL_MAX: f64 = 16.0 * GRAVITY;
const GYRO_MAX: f64 = 34.906_585_039_886_59;

/// Accelerations and rates as an IMU shows them.
fn imu([ax, ay, az, gx, gy, gz]: [f64; 6]) -> [f64; 6] {
    let [ax, ay, az] = [ax, ay, az].map(|accel| accel.clamp(-ACCEL_MAX, ACCEL_MAX));
    let [gx, gy, gz] = [gx, gy, gz].map(|rate| rate.clamp(-GYRO_MAX, GYRO_MAX));
    [ax, ay, az, gx, gy, gz]
}
