// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The control law: proportional and integral, with the integral held where the brake is at its end.

/// Wanted speed, m/s.
const TARGET: f64 = 10.0;
/// Brake for each m/s too fast.
const PROPORTIONAL: f64 = 0.25;
/// Brake for each m/s too fast and second.
const INTEGRAL: f64 = 0.08;
/// One tick, s.
const TICK_S: f64 = 0.01;

/// The state of the controller.
#[derive(Clone, Debug)]
pub struct SpeedControl {
    integral: f64,
}

impl SpeedControl {
    /// At rest.
    pub const fn new() -> Self {
        Self { integral: 0.0 }
    }

    /// One tick: the brake, from 0 to 1, for this speed in m/s. A speed that is no number brakes fully.
    pub fn step(&mut self, speed: f64) -> f64 {
        if speed.is_nan() {
            return 1.0;
        }
        let error = speed - TARGET;
        let wanted = PROPORTIONAL * error + self.integral;
        let brake = wanted.clamp(0.0, 1.0);
        // Winding up while the brake cannot follow would overshoot later.
        let at_end = (wanted < 0.0 && error < 0.0) || (wanted > 1.0 && error > 0.0);
        if !at_end {
            self.integral += INTEGRAL * error * TICK_S;
        }
        brake
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_synthetic_sensors::{Controls, Vehicle};

    /// The number of the wheel speeds among the sensors.
    const WHEEL_SPEED: usize = 2;
    /// Steps of the vehicle for each tick: 1 kHz and 100 Hz.
    const STEPS: usize = 10;

    fn drive(seconds: usize, mut each_tick: impl FnMut(usize, f64, f64)) {
        let mut vehicle = Vehicle::new(7);
        let mut control = SpeedControl::new();
        let mut brake = 0.0;
        for tick in 0..seconds * 100 {
            for _ in 0..STEPS {
                vehicle.step(Controls { brake, motors: 0.0 });
            }
            let wheels = vehicle.sample(WHEEL_SPEED).unwrap();
            brake = control.step(wheels[..4].iter().sum::<f64>() / 4.0);
            each_tick(tick, vehicle.speed(), brake);
        }
    }

    #[test]
    fn the_loop_reaches_its_speed_and_stays() {
        drive(60, |tick, speed, brake| {
            assert!(speed < 11.5, "overshoot to {speed} m/s at tick {tick}");
            assert!((0.0..=1.0).contains(&brake));
            if tick > 30 * 100 {
                assert!((9.7..10.3).contains(&speed), "{speed} m/s at tick {tick}");
            }
        });
    }

    #[test]
    fn nonsense_brakes() {
        assert_eq!(SpeedControl::new().step(f64::NAN), 1.0);
        assert_eq!(SpeedControl::new().step(1000.0), 1.0);
        assert_eq!(SpeedControl::new().step(0.0), 0.0);
    }
}
