// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The control law: the car's speed is estimated from its wheels and its deceleration, each wheel's slip from that, and
//! each wheel's share of the brake is released as far as its slip is above the best one.

/// The slip that is held: most roads hold a tyre best somewhere near, and it still steers.
const SLIP: f64 = 0.14;
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
/// Time constant within which the accelerometer's constant error is learnt while nobody brakes, s; sooner at first, when nothing
/// is known yet: on ice a tenth of a m/s² too much is an eighth of what the tyres hold.
const LEARNING_S: f64 = 1.5;
/// The car is taken to be slowed down by so much less than is felt, m/s²: what is not known of the accelerometer must not make
/// the car look slower than it is, or wheels that lock look well.
const DOUBT: f64 = 0.10;
/// How fast the estimated speed follows wheels that hardly slip, 1/s.
const FOLLOWING: f64 = 4.0;
const FOLLOWING_BELOW: f64 = 0.05;

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
    release: f64,
    slip: f64,
    growth: f64,
}

/// The controller.
#[derive(Clone, Debug, Default)]
pub struct SlipControl {
    speed: f64,
    accel_bias: f64,
    /// Readings that taught it.
    learnt: f64,
    wheels: [Wheel; 4],
}

impl SlipControl {
    /// The estimated speed of the car, m/s.
    pub const fn speed(&self) -> f64 {
        self.speed
    }

    /// One tick, `step_s` after the one before. What is no number releases nothing: the driver brakes as without this.
    pub fn step(&mut self, inputs: &Inputs, step_s: f64) -> Commands {
        let demand = if inputs.demand.is_finite() { inputs.demand.clamp(0.0, 1.0) } else { 1.0 };
        if !inputs.accel.is_finite() || inputs.wheels.iter().any(|wheel| !wheel.is_finite()) {
            self.wheels = Default::default();
            return Commands { brake: demand, releases: [0.0; 4] };
        }
        let mean = inputs.wheels.iter().sum::<f64>() / 4.0;
        if demand < BRAKING_FROM {
            let gained = (mean - self.speed) / step_s;
            // The first reading gains everything at once.
            if gained.abs() < 100.0 {
                self.learnt += 1.0;
                let weight = (step_s / LEARNING_S).max(1.0 / self.learnt);
                self.accel_bias += (inputs.accel - gained - self.accel_bias) * weight;
            }
            self.speed = mean;
            self.wheels = Default::default();
            return Commands { brake: demand, releases: [0.0; 4] };
        }
        self.estimate(inputs, step_s);
        let speed = self.speed;
        let mut releases = [0.0; 4];
        for ((wheel, turns), release) in self.wheels.iter_mut().zip(inputs.wheels).zip(&mut releases) {
            *release = wheel.step(speed, turns, step_s);
        }
        Commands { brake: demand, releases }
    }

    /// Braked wheels are never faster than the car; how much slower they are is the question.
    fn estimate(&mut self, inputs: &Inputs, step_s: f64) {
        let fastest = inputs.wheels.iter().fold(0.0f64, |most, wheel| most.max(*wheel));
        let felt = (inputs.accel - self.accel_bias + DOUBT).min(0.0);
        self.speed = (self.speed + felt * step_s).max(0.0);
        if fastest > self.speed || fastest > self.speed * (1.0 - FOLLOWING_BELOW) {
            self.speed += (fastest - self.speed) * (FOLLOWING * step_s).min(1.0);
        }
    }
}

impl Wheel {
    fn step(&mut self, speed: f64, turns: f64, step_s: f64) -> f64 {
        if speed < FROM_SPEED {
            *self = Self::default();
            return 0.0;
        }
        let slip = 1.0 - turns / speed;
        let grown = (slip - self.slip) / step_s;
        self.growth += (grown - self.growth) * (step_s / (step_s + GROWTH_FILTER_S));
        self.slip = slip;
        let error = slip - SLIP;
        self.release = (self.release + INTEGRAL * error * step_s).clamp(0.0, 1.0);
        (self.release + PROPORTIONAL * error + DERIVATIVE * self.growth).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_plants::{Actuation, Car, CarParameters, DriverDemand, Plant, TyreCurve};

    /// 250 Hz, as in cofferdam.toml.
    const TICK_US: u64 = 4_000;

    /// How a stop went.
    #[derive(Debug)]
    struct Stop {
        way: f64,
        aside: f64,
        locked_s: f64,
    }

    /// Drives for a second at `speed`, then brakes with all the driver has; steers from half a second later on.
    fn stop(road: TyreCurve, speed: f64, with_abs: bool, steering: f64, seed: u64) -> Stop {
        let mut car = Car::new(CarParameters { road, ..CarParameters::default() }, speed, seed);
        let mut control = SlipControl::default();
        let mut outcome = Stop { way: 0.0, aside: 0.0, locked_s: 0.0 };
        let (mut begun, mut from) = (None, 0.0);
        for tick in 0..100_000u64 {
            let time_s = (tick * TICK_US) as f64 / 1e6;
            let demand = DriverDemand {
                brake: if time_s < 1.0 { 0.0 } else { 1.0 },
                steering: if time_s < 1.5 { 0.0 } else { steering },
                ..DriverDemand::default()
            };
            if time_s >= 1.0 && begun.is_none() {
                (begun, from) = (Some(time_s), car.state().travelled);
            }
            car.demand(demand);
            let sample = car.sample();
            let wheels = sample[2];
            let inputs = Inputs {
                wheels: [wheels[0], wheels[1], wheels[2], wheels[3]],
                accel: sample[0][0],
                demand: sample[5][0],
            };
            let commands = control.step(&inputs, TICK_US as f64 / 1e6);
            let releases = if with_abs { commands.releases } else { [0.0; 4] };
            car.step(Actuation { brake: commands.brake, releases, ..Actuation::default() }, TICK_US);
            if begun.is_some() && car.speed() > 3.0 && car.slips().iter().any(|slip| *slip < -0.9) {
                outcome.locked_s += TICK_US as f64 / 1e6;
            }
            if begun.is_some() && car.speed() == 0.0 {
                outcome.way = car.state().travelled - from;
                outcome.aside = car.state().y;
                return outcome;
            }
        }
        panic!("it never stands: {:?}", car.state());
    }

    #[test]
    fn wheels_do_not_lock_and_the_way_is_shorter_or_near() {
        // (road, speed, the way with it as part of the way without)
        for (road, speed, part) in
            [(TyreCurve::DRY, 30.0, 0.98), (TyreCurve::WET, 25.0, 0.85), (TyreCurve::ICE, 15.0, 1.25)]
        {
            for seed in 1..=3 {
                let (with, without) =
                    (stop(road, speed, true, 0.0, seed), stop(road, speed, false, 0.0, seed));
                println!("{road:?}: {with:?} {without:?}");
                assert!(with.locked_s < 0.1, "{road:?}: {with:?}");
                assert!(without.locked_s > 1.0, "{road:?}: without it wheels lock: {without:?}");
                assert!(with.way < part * without.way, "{road:?}: {with:?} {without:?}");
            }
        }
    }

    #[test]
    fn it_still_steers() {
        for (road, speed, steering, aside) in [
            (TyreCurve::DRY, 30.0, 0.04, 3.0),
            (TyreCurve::WET, 25.0, 0.04, 3.0),
            (TyreCurve::ICE, 15.0, 0.04, 3.0),
        ] {
            let (with, without) =
                (stop(road, speed, true, steering, 2), stop(road, speed, false, steering, 2));
            println!("{road:?}: {with:?} {without:?}");
            assert!(with.aside > aside, "{road:?}: {with:?}");
            assert!(without.aside.abs() < with.aside / 2.0, "{road:?}: {with:?} {without:?}");
        }
    }

    #[test]
    fn gentle_braking_is_left_alone_and_speed_is_known() {
        let mut car = Car::new(CarParameters::default(), 25.0, 4);
        let mut control = SlipControl::default();
        for tick in 0..1_000u64 {
            let brake = if tick < 250 { 0.0 } else { 0.25 };
            car.demand(DriverDemand { brake, ..DriverDemand::default() });
            let sample = car.sample();
            let wheels = sample[2];
            let inputs = Inputs {
                wheels: [wheels[0], wheels[1], wheels[2], wheels[3]],
                accel: sample[0][0],
                demand: brake,
            };
            let commands = control.step(&inputs, 0.004);
            assert!(commands.releases.iter().all(|release| *release < 0.02), "{commands:?} at tick {tick}");
            car.step(
                Actuation { brake: commands.brake, releases: commands.releases, ..Actuation::default() },
                TICK_US,
            );
            if car.speed() > 3.0 && tick > 2 {
                assert!(
                    (control.speed() - car.speed()).abs() < 0.6,
                    "{} {} at tick {tick}",
                    control.speed(),
                    car.speed()
                );
            }
        }
    }

    #[test]
    fn nonsense_brakes_as_the_driver_wants() {
        let good = Inputs { wheels: [20.0, 20.0, 2.0, 2.0], accel: -3.0, demand: 0.7 };
        let mut control = SlipControl { speed: 20.0, ..SlipControl::default() };
        assert!(control.step(&good, 0.004).releases[3] > 0.5, "a wheel that locks is released");
        for bad in [f64::NAN, f64::INFINITY] {
            let driven = Commands { brake: 0.7, releases: [0.0; 4] };
            assert_eq!(control.step(&Inputs { accel: bad, ..good }, 0.004), driven);
            assert_eq!(control.step(&Inputs { wheels: [bad; 4], ..good }, 0.004), driven);
            assert_eq!(control.step(&Inputs { demand: bad, ..good }, 0.004).brake, 1.0);
        }
    }
}
