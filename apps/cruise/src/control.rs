// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The control law: proportional and integral, drive and brake as one quantity, the integral held at its ends.

/// Demand for each m/s too slow; for each and second.
const PROPORTIONAL: f64 = 0.25;
const INTEGRAL: f64 = 0.06;
/// Most of the motors and of the brake that it uses.
const DRIVE_MAX: f64 = 0.8;
const BRAKE_MAX: f64 = 0.4;
/// What it has to want before it brakes: it coasts in between, and does not switch to and fro.
const COASTS_TO: f64 = 0.05;
/// It holds no speed below this, m/s.
const SPEED_MIN: f64 = 3.0;
/// From this demand on the driver brakes, and that ends it.
const DRIVER_BRAKES_FROM: f64 = 0.02;

/// One reading of everything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inputs {
    /// m/s.
    pub speed: f64,
    /// What the driver wants: the brake pedal and the accelerator, 0 to 1.
    pub brake: f64,
    /// See there.
    pub accelerator: f64,
    /// The speed to hold, m/s; zero for none.
    pub set_speed: f64,
}

/// What to do, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Commands {
    /// Each of the motors.
    pub drive: f64,
    /// The brake.
    pub brake: f64,
}

/// The controller.
#[derive(Clone, Debug, Default)]
pub struct SpeedControl {
    integral: f64,
    /// The driver braked: nothing is held until another speed is set.
    ended_at: Option<f64>,
}

impl SpeedControl {
    /// Whether it holds a speed.
    pub fn holds(&self, inputs: &Inputs) -> bool {
        inputs.set_speed >= SPEED_MIN && self.ended_at != Some(inputs.set_speed)
    }

    /// One tick, `step_s` after the one before. What is no number lets the car coast.
    pub fn step(&mut self, inputs: &Inputs, step_s: f64) -> Commands {
        let Inputs { speed, brake, accelerator, set_speed } = *inputs;
        if ![speed, brake, accelerator, set_speed].iter().all(|value| value.is_finite()) {
            self.integral = 0.0;
            return Commands::default();
        }
        if brake >= DRIVER_BRAKES_FROM {
            self.ended_at = Some(set_speed);
        } else if self.ended_at.is_some_and(|ended| ended != set_speed) {
            self.ended_at = None;
        }
        let driver = Commands { drive: accelerator.clamp(0.0, 1.0), brake: brake.clamp(0.0, 1.0) };
        if !self.holds(inputs) {
            self.integral = 0.0;
            return driver;
        }
        let error = set_speed - speed;
        let wanted = PROPORTIONAL * error + self.integral;
        let at_end = (wanted > DRIVE_MAX && error > 0.0) || (wanted < -BRAKE_MAX && error < 0.0);
        if !at_end {
            self.integral += INTEGRAL * error * step_s;
        }
        Commands {
            // The driver may go faster for a while.
            drive: wanted.clamp(0.0, DRIVE_MAX).max(driver.drive),
            brake: if driver.drive > 0.0 { 0.0 } else { (-wanted - COASTS_TO).clamp(0.0, BRAKE_MAX) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_plants::{Actuation, Car, CarParameters, DriverDemand, Plant};

    /// 100 Hz, as in cofferdam.toml.
    const TICK_US: u64 = 10_000;

    fn drive(slope: f64, speed: f64, seconds: u64, mut each: impl FnMut(f64, &Car) -> DriverDemand) -> Car {
        let mut car = Car::new(CarParameters { slope, ..CarParameters::default() }, speed, 2);
        let mut control = SpeedControl::default();
        for tick in 0..seconds * 100 {
            let demand = each(tick as f64 / 100.0, &car);
            car.demand(demand);
            let sample = car.sample();
            let driver = sample[5];
            let inputs = Inputs {
                speed: sample[2][..4].iter().sum::<f64>() / 4.0,
                brake: driver[0],
                accelerator: driver[1],
                set_speed: driver[3],
            };
            let Commands { drive, brake } = control.step(&inputs, 0.01);
            assert!(drive == 0.0 || brake == 0.0, "never both");
            car.step(Actuation { motors: [drive; 4], brake, ..Actuation::default() }, TICK_US);
        }
        car
    }

    fn hold(set_speed: f64) -> DriverDemand {
        DriverDemand { set_speed, ..DriverDemand::default() }
    }

    #[test]
    fn it_reaches_its_speed_and_holds_it_on_any_hill() {
        for slope in [-0.08, 0.0, 0.08] {
            drive(slope, 15.0, 60, |time_s, car| {
                assert!(car.speed() < 26.5, "overshoot to {} m/s on {slope}", car.speed());
                if time_s > 30.0 {
                    assert!((car.speed() - 25.0).abs() < 0.3, "{} m/s at {time_s} s on {slope}", car.speed());
                }
                hold(25.0)
            });
        }
    }

    #[test]
    fn the_driver_s_brake_ends_it_until_a_speed_is_set_again() {
        let car = drive(0.0, 20.0, 40, |time_s, car| match time_s {
            0.0..10.0 => hold(20.0),
            10.0..12.0 => DriverDemand { brake: 0.2, ..hold(20.0) },
            12.0..20.0 => {
                assert!(car.speed() < 18.0, "it must not drive on by itself: {}", car.speed());
                hold(20.0)
            }
            _ => hold(15.0),
        });
        assert!((car.speed() - 15.0).abs() < 0.3, "{}", car.speed());
    }

    #[test]
    fn nonsense_and_no_speed_coast() {
        let mut control = SpeedControl::default();
        let good = Inputs { speed: 10.0, brake: 0.0, accelerator: 0.0, set_speed: 20.0 };
        assert!(control.step(&good, 0.01).drive > 0.5);
        assert_eq!(control.step(&Inputs { speed: f64::NAN, ..good }, 0.01), Commands::default());
        assert_eq!(control.step(&Inputs { set_speed: 0.0, ..good }, 0.01), Commands::default());
        assert_eq!(control.step(&Inputs { set_speed: 0.0, brake: 0.6, ..good }, 0.01).brake, 0.6);
    }
}
