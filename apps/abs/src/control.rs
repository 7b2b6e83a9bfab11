// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The control law: the car's speed is estimated from its wheels and its deceleration, each wheel's slip from that, and
//! each wheel's share of the brake is released as far as its slip is above the best one for this road.

use crate::speed::{Braking, CarSpeed};

/// The slip that is held on a road with grip: most such roads hold a tyre best somewhere near, and it still steers.
const SLIP: f64 = 0.137;
/// The slip that is held on ice: a tyre that holds little gives way much before it holds best.
const SLIP_ON_ICE: f64 = 0.38;
/// A road on which braking with all it has slows down by less than the first is as ice, by more than the second has grip, m/s².
const ICE_BELOW: f64 = 1.5;
const GRIP_ABOVE: f64 = 3.5;
/// Time constant of that deceleration, s.
const ROAD_FILTER_S: f64 = 0.1;
/// How fast the slip that is held may grow, 1/s; it falls at once.
const SLIP_GROWS: f64 = 0.5;
/// The same for a wheel that was let go of, and is braked again.
const SLIP_RETURNS: f64 = 1.5;
/// Release for each unit of slip too much; for each and second; for each unit a second that slip grows.
const PROPORTIONAL: f64 = 2.5;
const INTEGRAL: f64 = 14.0;
const DERIVATIVE: f64 = 0.05;
/// Time constant of that growth, s.
const GROWTH_FILTER_S: f64 = 0.012;
/// Below this speed wheels may lock: the car stands at once, m/s.
const FROM_SPEED: f64 = 1.5;
/// From this demand on the driver brakes.
const BRAKING_FROM: f64 = 0.02;

/// One reading of everything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inputs {
    /// Front left, front right, rear left, rear right, m/s.
    pub wheels: [f64; 4],
    /// Along the car, m/s².
    pub accel: f64,
    /// The brake pedal, 0 to 1.
    pub demand: f64,
}

/// What to do.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Commands {
    /// The brake, 0 to 1: what the driver wants.
    pub brake: f64,
    /// How much of it each wheel does not get.
    pub releases: [f64; 4],
}

#[derive(Clone, Copy, Debug, Default)]
struct Wheel {
    /// The release that was asked for, and the part of it that has built up, 0 to 1.
    asked: f64,
    release: f64,
    slip: f64,
    growth: f64,
    /// How far it is from the slip that is to be held since it was let go of.
    held_back: f64,
}

/// The road, as far as braking tells it.
#[derive(Clone, Copy, Debug)]
struct Road {
    /// m/s².
    deceleration: f64,
    /// The slip to hold on it.
    slip: f64,
}

impl Default for Road {
    fn default() -> Self {
        Self { deceleration: 0.0, slip: SLIP }
    }
}

/// The controller.
#[derive(Clone, Debug, Default)]
pub struct SlipControl {
    speed: CarSpeed,
    road: Road,
    wheels: [Wheel; 4],
}

impl SlipControl {
    /// The estimated speed of the car, m/s.
    pub const fn speed(&self) -> f64 {
        self.speed.get()
    }

    /// One tick, `step_s` after the one before. What is no number releases nothing: the driver brakes as without this.
    pub fn step(&mut self, inputs: &Inputs, step_s: f64) -> Commands {
        let demand = if inputs.demand.is_finite() { inputs.demand.clamp(0.0, 1.0) } else { 1.0 };
        let known = inputs.accel.is_finite() && inputs.wheels.iter().all(|wheel| wheel.is_finite());
        if !known || demand < BRAKING_FROM {
            if known {
                self.speed.roll(&inputs.wheels, inputs.accel, step_s);
            }
            (self.wheels, self.road) = Default::default();
            return Commands { brake: demand, releases: [0.0; 4] };
        }
        self.road.step(self.speed.deceleration(inputs.accel), &self.wheels, step_s);
        let braking = Braking {
            slippery: self.road.is_slippery(),
            released: self.wheels.iter().all(Wheel::is_released),
        };
        self.speed.brake(&inputs.wheels, inputs.accel, braking, step_s);
        let (speed, free) = (self.speed.get(), self.speed.free_wheel());
        let mut releases = [0.0; 4];
        for (index, (wheel, turns)) in self.wheels.iter_mut().zip(inputs.wheels).enumerate() {
            releases[index] = match free == Some(index) {
                true => wheel.let_go(self.road.slip),
                false => wheel.step(speed, turns, self.road.slip, step_s),
            };
        }
        Commands { brake: demand, releases }
    }
}

impl Road {
    /// A deceleration tells of the road only while a wheel would slip too much without us.
    fn step(&mut self, deceleration: f64, wheels: &[Wheel; 4], step_s: f64) {
        let part = step_s / (step_s + ROAD_FILTER_S);
        self.deceleration += (deceleration - self.deceleration) * part;
        let limited = wheels.iter().any(|wheel| wheel.release > 0.0);
        let ice = if limited { (GRIP_ABOVE - self.deceleration) / (GRIP_ABOVE - ICE_BELOW) } else { 0.0 };
        let best = SLIP + (SLIP_ON_ICE - SLIP) * ice.clamp(0.0, 1.0);
        self.slip = best.min(self.slip + SLIP_GROWS * step_s);
    }

    /// Whether it is nearer to ice than to a road with grip.
    fn is_slippery(&self) -> bool {
        self.slip > (SLIP + SLIP_ON_ICE) / 2.0
    }
}

impl Wheel {
    /// Whether it is not braked at all.
    fn is_released(&self) -> bool {
        self.asked >= 1.0
    }

    /// Does not brake it; what it needs when it is braked again is kept. `best` is the slip that it had to hold.
    fn let_go(&mut self, best: f64) -> f64 {
        (self.slip, self.growth, self.held_back) = (0.0, 0.0, best);
        1.0
    }

    fn step(&mut self, speed: f64, turns: f64, best: f64, step_s: f64) -> f64 {
        if speed < FROM_SPEED {
            *self = Self::default();
            return 0.0;
        }
        let slip = 1.0 - turns / speed;
        let grown = (slip - self.slip) / step_s;
        self.growth += (grown - self.growth) * (step_s / (step_s + GROWTH_FILTER_S));
        self.slip = slip;
        self.held_back = (self.held_back - SLIP_RETURNS * step_s).max(0.0);
        let error = slip - (best - self.held_back);
        self.release = (self.release + INTEGRAL * error * step_s).clamp(0.0, 1.0);
        self.asked = (self.release + PROPORTIONAL * error + DERIVATIVE * self.growth).clamp(0.0, 1.0);
        self.asked
    }
}

#[cfg(test)]
mod tests;
