// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The control law: velocity and height give a tilt and a thrust, tilt gives rates, rates give torques, and thrust and
//! torques give four motors.

use crate::estimate::{Estimate, Estimator, GRAVITY, Inputs};
use crate::succession::State;

/// The vehicle, as its maker describes it.
const MASS: f64 = 1.0;
const INERTIA: [f64; 3] = [0.010, 0.010, 0.018];
const ARM: f64 = 0.16;
const THRUST_MAX: f64 = 5.0;
const TORQUE_PER_THRUST: f64 = 0.016;
const BATTERY_FULL_V: f64 = 16.8;
/// Signs of x, y and spin of each motor: front left, front right, rear left, rear right.
const MOTORS: [[f64; 3]; 4] = [[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]];

/// Height loop: m/s for each m, and its ends, m/s.
const CLIMB_PER_HEIGHT: f64 = 1.2;
const CLIMB_MAX: f64 = 1.2;
/// Climb loop: m/s² for each m/s, for each m/s and second, and the end of the latter's sum, m/s².
const LIFT_PER_CLIMB: f64 = 3.5;
const LIFT_PER_CLIMB_S: f64 = 1.0;
pub(crate) const LIFT_SUM_MAX: f64 = 3.0;
/// Velocity loop: m/s² for each m/s, for each m/s and second; and its ends, m/s².
const PUSH_PER_VELOCITY: f64 = 1.3;
const PUSH_PER_VELOCITY_S: f64 = 0.4;
pub(crate) const PUSH_MAX: f64 = 3.0;
/// Attitude loop, rad/s for each rad, and its ends, rad/s.
const RATE_PER_TILT: f64 = 6.0;
const RATE_PER_HEADING: f64 = 1.5;
const RATE_MAX: f64 = 3.0;
/// Rate loop, rad/s² for each rad/s.
const TURN_PER_RATE: [f64; 3] = [16.0, 16.0, 6.0];
/// Below this it is taken as landed once it is to land, m.
const LANDED_BELOW: f64 = 0.10;
/// Climb while it lands, m/s.
const LANDING_CLIMB: f64 = -0.4;
/// How long it has to be down before its motors stop, s.
const LANDED_FOR_S: f64 = 0.5;

/// What it is to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// Over ground in the world's x and y, m/s.
    pub velocity: [f64; 2],
    /// Above the start, m; at most zero: land.
    pub height: f64,
}

impl Wanted {
    /// Two metres, where it is.
    pub const HOLD: Self = Self { velocity: [0.0; 2], height: 2.0 };
}

/// The controller.
#[derive(Clone, Debug)]
pub struct HoverControl {
    estimator: Estimator,
    estimate: Option<Estimate>,
    lift: f64,
    push: [f64; 2],
    down_s: f64,
}

impl Default for HoverControl {
    fn default() -> Self {
        Self::new()
    }
}

impl HoverControl {
    /// On the ground.
    pub const fn new() -> Self {
        Self { estimator: Estimator::new(), estimate: None, lift: 0.0, push: [0.0; 2], down_s: 0.0 }
    }

    /// In the air, where another one was. How long that had been down is not told: who takes over a landed vehicle lands it again.
    pub const fn resume(state: &State) -> Self {
        let mut control = Self::new();
        control.estimator = Estimator::resume(&state.known);
        (control.lift, control.push) = (state.lift, state.push);
        control
    }

    /// What another one needs to go on from here; nothing while it still learns.
    pub fn state(&self, wanted: &Wanted) -> Option<State> {
        let Self { lift, push, .. } = *self;
        Some(State { known: self.estimator.known()?, lift, push, wanted_height: wanted.height })
    }

    /// What is known since the last step; nothing while it still learns.
    pub const fn estimate(&self) -> Option<&Estimate> {
        self.estimate.as_ref()
    }

    /// One tick, `step_s` after the one before: four motors, each from 0 to 1. Nothing if an input is no number; the
    /// motors should stay as they are then, and stop if that lasts.
    pub fn step(&mut self, inputs: &Inputs, wanted: &Wanted, step_s: f64) -> Option<[f64; 4]> {
        if !inputs.are_numbers() {
            return None;
        }
        self.estimate = self.estimator.step(inputs, step_s);
        let Some(now) = self.estimate else { return Some([0.0; 4]) };
        if self.has_landed(&now, wanted, step_s) {
            (self.lift, self.push) = (0.0, [0.0; 2]);
            return Some([0.0; 4]);
        }
        let thrust = self.thrust(&now, wanted, step_s);
        let tilt = self.tilt(&now, inputs, wanted, step_s);
        let rates = [
            (RATE_PER_TILT * (tilt[0] - now.up[1] / now.up[2])).clamp(-RATE_MAX, RATE_MAX),
            (RATE_PER_TILT * (tilt[1] + now.up[0] / now.up[2])).clamp(-RATE_MAX, RATE_MAX),
            (-RATE_PER_HEADING * now.heading).clamp(-RATE_MAX, RATE_MAX),
        ];
        let mut torque = [0.0; 3];
        for (axis, torque) in torque.iter_mut().enumerate() {
            *torque = INERTIA[axis] * TURN_PER_RATE[axis] * (rates[axis] - now.rates[axis]);
        }
        Some(mix(thrust, torque, inputs.battery))
    }

    fn has_landed(&mut self, now: &Estimate, wanted: &Wanted, step_s: f64) -> bool {
        let down = wanted.height <= 0.0 && now.height < LANDED_BELOW && now.climb.abs() < 0.3;
        self.down_s = if down { self.down_s + step_s } else { 0.0 };
        self.down_s > LANDED_FOR_S
    }

    /// N.
    fn thrust(&mut self, now: &Estimate, wanted: &Wanted, step_s: f64) -> f64 {
        let climb = if wanted.height > 0.0 {
            (CLIMB_PER_HEIGHT * (wanted.height - now.height)).clamp(-CLIMB_MAX, CLIMB_MAX)
        } else {
            LANDING_CLIMB
        };
        let error = climb - now.climb;
        self.lift = (self.lift + LIFT_PER_CLIMB_S * error * step_s).clamp(-LIFT_SUM_MAX, LIFT_SUM_MAX);
        let lift = (LIFT_PER_CLIMB * error + self.lift).clamp(-4.0, 6.0);
        // Tilted, only a part of thrust lifts.
        MASS * (GRAVITY + lift) / now.up[2].max(0.6)
    }

    /// The tangents of roll and pitch.
    fn tilt(&mut self, now: &Estimate, inputs: &Inputs, wanted: &Wanted, step_s: f64) -> [f64; 2] {
        let Some(velocity) = inputs.velocity else { return [0.0; 2] };
        let mut push = [0.0; 2];
        for axis in 0..2 {
            let error = wanted.velocity[axis] - velocity[axis];
            let sum = self.push[axis] + PUSH_PER_VELOCITY_S * error * step_s;
            self.push[axis] = sum.clamp(-PUSH_MAX, PUSH_MAX);
            push[axis] = (PUSH_PER_VELOCITY * error + self.push[axis]).clamp(-PUSH_MAX, PUSH_MAX);
        }
        let (sin, cos) = (libm::sin(now.heading), libm::cos(now.heading));
        let (forward, left) = (cos * push[0] + sin * push[1], cos * push[1] - sin * push[0]);
        [-left / GRAVITY, forward / GRAVITY]
    }
}

/// Motors for a thrust in N and torques in N m. Where a motor cannot give what it should, turning about the vertical is
/// given up first, then height: never the attitude.
fn mix(thrust: f64, torque: [f64; 3], battery_v: f64) -> [f64; 4] {
    let share = |[x, y, _]: [f64; 3]| (y * torque[0] - x * torque[1]) / (4.0 * ARM);
    let spin = torque[2] / (4.0 * TORQUE_PER_THRUST);
    let tilting = MOTORS.map(share);
    let most = tilting.iter().fold(0.0f64, |most, one| most.max(one.abs()));
    let base = thrust / 4.0;
    let room = (THRUST_MAX - base - most).min(base - most).max(0.0);
    let spin = spin.clamp(-room, room);
    let base = base.clamp(most.min(THRUST_MAX / 2.0), THRUST_MAX - most.min(THRUST_MAX / 2.0));
    let supply = if battery_v > 5.0 { BATTERY_FULL_V / battery_v } else { 1.0 };
    let mut motors = [0.0; 4];
    for ((motor, tilting), [_, _, sign]) in motors.iter_mut().zip(tilting).zip(MOTORS) {
        let one = (base + tilting + sign * spin).clamp(0.0, THRUST_MAX);
        *motor = (libm::sqrt(one / THRUST_MAX) * supply).clamp(0.0, 1.0);
    }
    motors
}

#[cfg(test)]
mod tests;
