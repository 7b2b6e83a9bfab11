// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A quadrotor over level ground.

mod sensors;
#[cfg(test)]
mod tests;

use glam::{DQuat, DVec3};

use crate::{
    Actuation, Battery, BatteryParameters, GRAVITY, Loads, Plant, RigidBody, Samples, Wind, WindParameters,
};
pub use sensors::SensorErrors;
use sensors::Sensors;

/// The longest step that is made at once, µs.
const STEP_MAX_US: u64 = 2_000;
/// Signs of x and y of each motor's place: front left, front right, rear left, rear right.
const PLACES: [(f64, f64); 4] = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)];
/// Which way each motor turns the body by its air resistance: diagonal ones the same.
const SPINS: [f64; 4] = [1.0, -1.0, -1.0, 1.0];

/// What it is like.
#[derive(Clone, Copy, Debug)]
pub struct QuadrotorParameters {
    /// kg.
    pub mass: f64,
    /// About its own axes, kg m².
    pub inertia: DVec3,
    /// From the middle to a motor, along x and along y, m.
    pub arm: f64,
    /// Thrust of one motor at full output and full battery, N.
    pub thrust_max: f64,
    /// Torque about z for each newton of thrust, m.
    pub torque_per_thrust: f64,
    /// Time constant of a motor's speed, s.
    pub motor_lag_s: f64,
    /// Force for each m/s of air along the rotors' plane, N s/m.
    pub rotor_drag: f64,
    /// Force for each (m/s)² of air, N s²/m².
    pub body_drag: f64,
    /// Torque for each rad/s, N m s.
    pub turn_drag: f64,
    /// Its battery.
    pub battery: BatteryParameters,
    /// Current of one motor at full output, A; it goes with the third power of speed.
    pub motor_current: f64,
    /// Current of everything else, A.
    pub idle_current: f64,
}

impl Default for QuadrotorParameters {
    /// A kilogram that can lift two.
    fn default() -> Self {
        Self {
            mass: 1.0,
            inertia: DVec3::new(0.010, 0.010, 0.018),
            arm: 0.16,
            thrust_max: 5.0,
            torque_per_thrust: 0.016,
            motor_lag_s: 0.03,
            rotor_drag: 0.15,
            body_drag: 0.02,
            turn_drag: 0.002,
            battery: BatteryParameters::default(),
            motor_current: 12.0,
            idle_current: 0.6,
        }
    }
}

/// The quadrotor, its sensors, battery and the wind.
#[derive(Clone, Debug)]
pub struct Quadrotor {
    parameters: QuadrotorParameters,
    body: RigidBody,
    /// Speed of each motor, 1 at full output and full battery.
    motors: [f64; 4],
    battery: Battery,
    wind: Wind,
    air: DVec3,
    /// What an accelerometer feels, in the world, m/s².
    felt: DVec3,
    sensors: Sensors,
    time_us: u64,
    landed_at: Option<f64>,
    touch_down: Option<f64>,
}

impl Quadrotor {
    /// At rest on the ground. All chance comes from `seed`.
    pub fn new(
        parameters: QuadrotorParameters,
        wind: WindParameters,
        errors: SensorErrors,
        seed: u64,
    ) -> Self {
        Self {
            parameters,
            body: RigidBody::default(),
            motors: [0.0; 4],
            battery: Battery::new(parameters.battery),
            wind: Wind::new(wind, seed ^ 0x77),
            air: DVec3::ZERO,
            felt: DVec3::Z * GRAVITY,
            sensors: Sensors::new(errors, seed),
            time_us: 0,
            landed_at: Some(0.0),
            touch_down: None,
        }
    }

    /// Where it is and how it moves.
    pub const fn body(&self) -> &RigidBody {
        &self.body
    }

    /// Puts it somewhere else.
    pub fn place(&mut self, body: RigidBody) {
        self.body = body;
        self.landed_at = None;
    }

    /// Speed of each motor, 1 at full output and full battery.
    pub const fn motors(&self) -> [f64; 4] {
        self.motors
    }

    /// Its battery.
    pub const fn battery(&self) -> &Battery {
        &self.battery
    }

    /// The wind now, m/s.
    pub const fn air(&self) -> DVec3 {
        self.air
    }

    /// Whether it stands on the ground.
    pub const fn is_on_ground(&self) -> bool {
        self.landed_at.is_some()
    }

    /// How fast it came down when it last touched the ground, m/s.
    pub const fn touch_down(&self) -> Option<f64> {
        self.touch_down
    }

    /// The output of each motor that carries its weight with a full battery and no load on it.
    pub fn hover_output(&self) -> f64 {
        libm::sqrt(self.parameters.mass * GRAVITY / (4.0 * self.parameters.thrust_max))
    }

    fn step_once(&mut self, actuation: Actuation, step_s: f64) {
        let parameters = self.parameters;
        let supply = self.battery.voltage_v() / self.battery.full_v();
        let follows = 1.0 - libm::exp(-step_s / parameters.motor_lag_s);
        for (speed, output) in self.motors.iter_mut().zip(actuation.motors) {
            *speed += (output * supply - *speed) * follows;
        }
        let drawn: f64 =
            self.motors.iter().map(|speed| parameters.motor_current * speed * speed * speed).sum();
        self.battery.draw(parameters.idle_current + drawn, step_s);
        self.air = self.wind.step(self.time_us as f64 / 1e6, step_s);

        let (motors, air) = (self.motors, self.air);
        let before = self.body;
        self.body.step(parameters.mass, parameters.inertia, DVec3::Z * -GRAVITY, step_s, |body| {
            loads(&parameters, &motors, air, body)
        });
        self.touch_ground(&before);
        self.felt = (self.body.velocity - before.velocity) / step_s + DVec3::Z * GRAVITY;
    }

    /// Level ground at height zero that gives nothing back: it ends every movement, and levels.
    fn touch_ground(&mut self, before: &RigidBody) {
        if self.body.position.z > 0.0 {
            self.landed_at = None;
            return;
        }
        if self.landed_at.is_none() {
            self.touch_down = Some(-before.velocity.z);
        }
        self.landed_at = Some(self.time_us as f64 / 1e6);
        let forward = self.body.attitude * DVec3::X;
        let heading = libm::atan2(forward.y, forward.x);
        let attitude = DQuat::from_xyzw(0.0, 0.0, libm::sin(heading / 2.0), libm::cos(heading / 2.0));
        let position = DVec3::new(self.body.position.x, self.body.position.y, 0.0);
        self.body = RigidBody { position, velocity: DVec3::ZERO, attitude, rates: DVec3::ZERO };
    }
}

/// Thrust and torque of the motors, resistance of the air.
fn loads(parameters: &QuadrotorParameters, motors: &[f64; 4], air: DVec3, body: &RigidBody) -> Loads {
    let mut thrust = 0.0;
    let mut torque = -parameters.turn_drag * body.rates;
    for ((speed, (x, y)), spin) in motors.iter().zip(PLACES).zip(SPINS) {
        let one = parameters.thrust_max * speed * speed;
        thrust += one;
        torque +=
            DVec3::new(y * parameters.arm, -x * parameters.arm, spin * parameters.torque_per_thrust) * one;
    }
    let against = air - body.velocity;
    let own = body.attitude.inverse() * against;
    let rotors = DVec3::new(own.x, own.y, 0.0) * parameters.rotor_drag;
    let force =
        body.attitude * (DVec3::Z * thrust + rotors) + parameters.body_drag * against.length() * against;
    Loads { force, torque }
}

impl Plant for Quadrotor {
    fn step(&mut self, actuation: Actuation, step_us: u64) {
        let mut left_us = step_us;
        while left_us > 0 {
            let now_us = left_us.min(STEP_MAX_US);
            self.step_once(actuation, now_us as f64 / 1e6);
            self.time_us += now_us;
            left_us -= now_us;
        }
    }

    fn sample(&mut self) -> Samples {
        self.sensors.sample(&self.body, self.felt, &self.battery, self.time_us)
    }

    fn time_us(&self) -> u64 {
        self.time_us
    }

    fn columns(&self) -> Vec<(&'static str, f64)> {
        let RigidBody { position, velocity, attitude, .. } = self.body;
        let up = self.body.up();
        let forward = attitude * DVec3::X;
        vec![
            ("x m", position.x),
            ("y m", position.y),
            ("z m", position.z),
            ("velocity-x m/s", velocity.x),
            ("velocity-y m/s", velocity.y),
            ("velocity-z m/s", velocity.z),
            ("roll rad", libm::atan2((attitude * DVec3::Y).z, up.z)),
            ("pitch rad", -libm::asin(forward.z.clamp(-1.0, 1.0))),
            ("heading rad", libm::atan2(forward.y, forward.x)),
            ("motor-0", self.motors[0]),
            ("motor-1", self.motors[1]),
            ("motor-2", self.motors[2]),
            ("motor-3", self.motors[3]),
            ("wind-x m/s", self.air.x),
            ("battery V", self.battery.voltage_v()),
        ]
    }
}
