// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The vehicle and its sensors.

use core::f64::consts::TAU;

use cofferdam_device_protocol::{SAMPLE_PERIOD_US, SENSOR_COUNT, VALUES_MAX};

use crate::noise::Noise;

/// One step, in seconds.
const STEP_S: f64 = SAMPLE_PERIOD_US as f64 / 1e6;

/// Standard gravity, m/s².
const GRAVITY: f64 = 9.806_65;
/// The slope falls 10 m on 100 m of road: sine and cosine of its angle.
const SLOPE_SIN: f64 = 0.1;
const SLOPE_COS: f64 = 0.994_987_437_106_62;
/// What the brake takes off the speed when it is fully on, m/s².
const BRAKE_FULL: f64 = 6.0;
/// Air resistance divided by mass, 1/m: without brake the vehicle reaches about 31 m/s.
const DRAG: f64 = 0.001;
/// The road: after this distance it begins again at the top.
const ROAD_M: f64 = 2_000.0;
/// The height where the road ends.
const FOOT_M: f64 = 100.0;
/// Pressure at sea level, and how much of it a metre of height takes, near the ground.
const SEA_LEVEL_PA: f64 = 101_325.0;
const PA_PER_M: f64 = 12.0;
/// How long a full battery lasts, seconds, and where its charge stays when it is empty.
const BATTERY_LASTS_S: f64 = 7_200.0;
const CHARGE_MIN: f64 = 0.05;

/// What outputs do to the vehicle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Controls {
    /// The brake, 0 (off) to 1 (fully on).
    pub brake: f64,
    /// The mean of the motors, 0 to 1: they draw current.
    pub motors: f64,
}

impl Controls {
    fn clamped(self) -> Self {
        let ratio = |value: f64| if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
        Self { brake: ratio(self.brake), motors: ratio(self.motors) }
    }
}

/// A vehicle on a slope. The same seed and controls give the same samples, step by step.
#[derive(Clone, Debug)]
pub struct Vehicle {
    noise: Noise,
    step: u64,
    speed: f64,
    distance_m: f64,
    samples: [[f64; VALUES_MAX]; SENSOR_COUNT],
}

impl Vehicle {
    /// A vehicle that stands at the top.
    pub const fn new(seed: u64) -> Self {
        Self {
            noise: Noise::new(seed),
            step: 0,
            speed: 0.0,
            distance_m: 0.0,
            samples: [[0.0; VALUES_MAX]; SENSOR_COUNT],
        }
    }

    /// Its true speed in m/s, never below zero.
    pub const fn speed(&self) -> f64 {
        self.speed
    }

    /// The latest sample of sensor `id`: as many values as that sensor has, then zeros.
    pub fn sample(&self, id: usize) -> Option<&[f64; VALUES_MAX]> {
        self.samples.get(id)
    }

    /// One step of time: the vehicle moves and its sensors are sampled.
    pub fn step(&mut self, controls: Controls) {
        let controls = controls.clamped();
        let before = self.speed;
        let pull = GRAVITY * SLOPE_SIN - DRAG * before * before - BRAKE_FULL * controls.brake;
        self.speed = (before + pull * STEP_S).max(0.0);
        self.distance_m += (before + self.speed) / 2.0 * STEP_S;
        if self.distance_m >= ROAD_M {
            self.distance_m -= ROAD_M;
        }
        self.step += 1;
        let time_s = self.step as f64 * STEP_S;
        let acceleration = (self.speed - before) / STEP_S;
        self.samples = [
            self.imu(time_s, acceleration),
            self.barometer(time_s),
            self.wheel_speed(),
            self.battery(time_s, controls),
            self.position(),
            // Nobody sits in it.
            [0.0; VALUES_MAX],
        ];
    }

    /// Steps of time that nobody sampled: only the clock goes on.
    pub const fn skip(&mut self, steps: u64) {
        self.step = self.step.saturating_add(steps);
    }

    fn noisy(&mut self, amplitude: f64) -> f64 {
        amplitude * self.noise.next()
    }

    fn imu(&mut self, time_s: f64, acceleration: f64) -> [f64; VALUES_MAX] {
        // The road shakes the vehicle, the more the faster it goes.
        let shake = 0.02 * self.speed.min(10.0);
        let swing = |hertz: f64| libm::sin(TAU * hertz * time_s);
        [
            acceleration - GRAVITY * SLOPE_SIN + self.noisy(0.03),
            shake * swing(7.0) + self.noisy(0.03),
            GRAVITY * SLOPE_COS + shake * swing(11.0) + self.noisy(0.03),
            0.01 * swing(0.5) + self.noisy(0.002),
            0.01 * swing(0.3) + self.noisy(0.002),
            0.02 * swing(0.1) + self.noisy(0.002),
        ]
    }

    fn barometer(&mut self, time_s: f64) -> [f64; VALUES_MAX] {
        let height_m = FOOT_M + (ROAD_M - self.distance_m) * SLOPE_SIN;
        let pressure = SEA_LEVEL_PA - PA_PER_M * height_m + self.noisy(3.0);
        let temperature = 20.0 + 2.0 * libm::sin(TAU * time_s / 600.0) + self.noisy(0.05);
        [pressure, temperature, 0.0, 0.0, 0.0, 0.0]
    }

    fn position(&mut self) -> [f64; VALUES_MAX] {
        // Straight down the road, whose top is the origin.
        let (distance, speed) = (self.distance_m, self.speed);
        let mut at = |exact: f64| exact + self.noisy(0.5);
        let place = [at(distance * SLOPE_COS), at(0.0), at(-distance * SLOPE_SIN)];
        let mut moving = |exact: f64| exact + self.noisy(0.05);
        let velocity = [moving(speed * SLOPE_COS), moving(0.0), moving(-speed * SLOPE_SIN)];
        [place[0], place[1], place[2], velocity[0], velocity[1], velocity[2]]
    }

    fn wheel_speed(&mut self) -> [f64; VALUES_MAX] {
        let speed = self.speed;
        // A wheel that stands is measured as standing.
        let mut wheel = || (speed * (1.0 + self.noisy(0.002))).max(0.0);
        [wheel(), wheel(), wheel(), wheel(), 0.0, 0.0]
    }

    fn battery(&mut self, time_s: f64, controls: Controls) -> [f64; VALUES_MAX] {
        let charge = (1.0 - time_s / BATTERY_LASTS_S).max(CHARGE_MIN);
        let current = 2.0 + 32.0 * controls.motors + self.noisy(0.05);
        let voltage = 14.0 + 2.8 * charge - 0.02 * current + self.noisy(0.01);
        [voltage, current, charge, 0.0, 0.0, 0.0]
    }
}
