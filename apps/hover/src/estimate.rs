// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Where up is, how high it is and how fast it climbs: from rates, accelerations and pressure.

use crate::succession::Known;

/// Standard gravity, m/s².
pub const GRAVITY: f64 = 9.806_65;
/// How long it stands still at first, to learn what its sensors get wrong, s.
const LEARNING_S: f64 = 0.6;
/// How fast the accelerometer's up corrects the one from rates, 1/s. Slowly: in flight an accelerometer feels thrust, which
/// is always along the vehicle's own up.
const UP_GAIN: f64 = 0.02;
/// Three equal poles of the height filter, 1/s.
const HEIGHT_POLE: f64 = 1.2;
/// What a metre of height takes from the pressure near the ground, as part of it: g / (R T) at 15 °C.
const PRESSURE_PART_PER_M: f64 = 1.185_6e-4;

/// One reading of everything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inputs {
    /// Along its own axes, m/s².
    pub accel: [f64; 3],
    /// About its own axes, rad/s.
    pub gyro: [f64; 3],
    /// Pa.
    pub pressure: f64,
    /// Velocity over ground in the world's x and y, m/s, if it is known.
    pub velocity: Option<[f64; 2]>,
    /// V.
    pub battery: f64,
}

impl Inputs {
    /// Whether all of it is a number.
    pub fn are_numbers(&self) -> bool {
        let velocity = self.velocity.unwrap_or_default();
        let all = self.accel.iter().chain(&self.gyro).chain(&velocity).chain([&self.pressure, &self.battery]);
        all.into_iter().all(|value| value.is_finite())
    }
}

/// What is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The world's up along its own axes.
    pub up: [f64; 3],
    /// Rates without their constant error, rad/s.
    pub rates: [f64; 3],
    /// Since the start, rad.
    pub heading: f64,
    /// Above the start, m.
    pub height: f64,
    /// Upwards, m/s.
    pub climb: f64,
}

/// Makes an [`Estimate`] of [`Inputs`].
#[derive(Clone, Debug)]
pub struct Estimator {
    learnt_s: f64,
    samples: f64,
    accel_sum: [f64; 3],
    gyro_sum: [f64; 3],
    pressure_sum: f64,
    weight: f64,
    gyro_bias: [f64; 3],
    ground_pressure: f64,
    climb_bias: f64,
    estimate: Estimate,
}

impl Estimator {
    /// It stands still and knows nothing.
    pub const fn new() -> Self {
        Self {
            learnt_s: 0.0,
            samples: 0.0,
            accel_sum: [0.0; 3],
            gyro_sum: [0.0; 3],
            pressure_sum: 0.0,
            weight: GRAVITY,
            gyro_bias: [0.0; 3],
            ground_pressure: 0.0,
            climb_bias: 0.0,
            estimate: Estimate {
                up: [0.0, 0.0, 1.0],
                rates: [0.0; 3],
                heading: 0.0,
                height: 0.0,
                climb: 0.0,
            },
        }
    }

    /// It knows what another one has learnt.
    pub const fn resume(known: &Known) -> Self {
        let Known { weight, gyro_bias, ground_pressure, climb_bias, up, heading, height, climb } = *known;
        let mut estimator = Self::new();
        estimator.learnt_s = LEARNING_S;
        estimator.weight = weight;
        estimator.gyro_bias = gyro_bias;
        estimator.ground_pressure = ground_pressure;
        estimator.climb_bias = climb_bias;
        // Rates are of the present reading alone.
        estimator.estimate = Estimate { up, rates: [0.0; 3], heading, height, climb };
        estimator
    }

    /// What another one needs to know; nothing while it still learns.
    pub fn known(&self) -> Option<Known> {
        let Self { weight, gyro_bias, ground_pressure, climb_bias, .. } = *self;
        let Estimate { up, heading, height, climb, .. } = self.estimate;
        let known = Known { weight, gyro_bias, ground_pressure, climb_bias, up, heading, height, climb };
        (self.learnt_s >= LEARNING_S).then_some(known)
    }

    /// One reading, `step_s` after the one before; nothing while it still learns.
    pub fn step(&mut self, inputs: &Inputs, step_s: f64) -> Option<Estimate> {
        if self.learnt_s < LEARNING_S {
            self.learn(inputs, step_s);
            return None;
        }
        let mut rates = inputs.gyro;
        for (rate, bias) in rates.iter_mut().zip(self.gyro_bias) {
            *rate -= bias;
        }
        let before = self.estimate;
        // The world's up stands still, so along turning axes it turns the other way.
        let turned = add(before.up, scale(cross(before.up, rates), step_s));
        let felt = length(inputs.accel);
        let corrected = if (felt - GRAVITY).abs() < 2.0 {
            let towards = add(scale(inputs.accel, 1.0 / felt), scale(turned, -1.0));
            add(turned, scale(towards, UP_GAIN * step_s))
        } else {
            turned
        };
        let up = scale(corrected, 1.0 / length(corrected));
        let lifted = dot(inputs.accel, up) - self.weight - self.climb_bias;
        let barometric = (1.0 - inputs.pressure / self.ground_pressure) / PRESSURE_PART_PER_M;
        let error = barometric - before.height;
        let pole = HEIGHT_POLE;
        self.climb_bias -= pole * pole * pole * error * step_s;
        self.estimate = Estimate {
            up,
            rates,
            heading: before.heading + rates[2] * step_s,
            height: before.height + (before.climb + 3.0 * pole * error) * step_s,
            climb: before.climb + (lifted + 3.0 * pole * pole * error) * step_s,
        };
        Some(self.estimate)
    }

    fn learn(&mut self, inputs: &Inputs, step_s: f64) {
        self.learnt_s += step_s;
        self.samples += 1.0;
        self.accel_sum = add(self.accel_sum, inputs.accel);
        self.gyro_sum = add(self.gyro_sum, inputs.gyro);
        self.pressure_sum += inputs.pressure;
        if self.learnt_s >= LEARNING_S {
            let accel = scale(self.accel_sum, 1.0 / self.samples);
            self.weight = length(accel);
            self.gyro_bias = scale(self.gyro_sum, 1.0 / self.samples);
            self.ground_pressure = self.pressure_sum / self.samples;
            self.estimate.up = scale(accel, 1.0 / self.weight);
        }
    }
}

fn add(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

fn scale(a: [f64; 3], by: f64) -> [f64; 3] {
    a.map(|value| value * by)
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn length(a: [f64; 3]) -> f64 {
    libm::sqrt(dot(a, a))
}
