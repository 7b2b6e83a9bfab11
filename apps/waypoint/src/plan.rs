// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Where to go and when.

/// Above this it flies, m.
const FLIES_ABOVE: f64 = 1.0;
/// How fast it goes for each metre that it is away, 1/s, and at most, m/s.
const SPEED_PER_WAY: f64 = 0.5;
const SPEED_MAX: f64 = 1.5;
/// How fast a place that is read follows the readings: a position has more noise than a vehicle has movement.
const SMOOTHING: f64 = 0.04;

/// A place to go to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// From the time on that the vehicle flies, s.
    pub from_s: f64,
    /// In the world, m.
    pub x: f64,
    /// In the world, m.
    pub y: f64,
    /// Above the start, m; zero lands.
    pub height: f64,
}

/// Hold on, fly an angle, land at its end.
pub const LEGS: [Leg; 4] = [
    Leg { from_s: 0.0, x: 0.0, y: 0.0, height: 2.0 },
    Leg { from_s: 16.0, x: 5.0, y: 0.0, height: 2.0 },
    Leg { from_s: 24.0, x: 5.0, y: 4.0, height: 2.5 },
    Leg { from_s: 32.0, x: 5.0, y: 4.0, height: 0.0 },
];

/// What to tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetPoint {
    /// Over ground in the world's x and y, m/s.
    pub velocity: [f64; 2],
    /// Above the start, m; zero: land.
    pub height: f64,
}

/// The plan, from the time on that the vehicle flies.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    flies_us: Option<u64>,
    leg: Option<usize>,
    place: [f64; 2],
}

impl Plan {
    /// On the ground.
    pub const fn new() -> Self {
        Self { flies_us: None, leg: None, place: [0.0; 2] }
    }

    /// Which leg of [`LEGS`] it is on.
    pub const fn leg(&self) -> Option<usize> {
        self.leg
    }

    /// What to tell at `now_us`, `place` being x, y and height as read; nothing before it flies, or if the place is no number.
    pub fn step(&mut self, place: [f64; 3], now_us: u64) -> Option<SetPoint> {
        let [x, y, height] = place;
        let flies = self.flies_us.is_some() || height > FLIES_ABOVE;
        if !flies || place.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let flies_us = *self.flies_us.get_or_insert(now_us);
        if self.leg.is_none() {
            self.place = [x, y];
        }
        for (smooth, read) in self.place.iter_mut().zip([x, y]) {
            *smooth += SMOOTHING * (read - *smooth);
        }
        let time_s = now_us.saturating_sub(flies_us) as f64 / 1e6;
        let index = LEGS.iter().rposition(|leg| leg.from_s <= time_s).unwrap_or(0);
        self.leg = Some(index);
        let leg = LEGS.get(index)?;
        let mut velocity = [leg.x - self.place[0], leg.y - self.place[1]].map(|way| SPEED_PER_WAY * way);
        let fastest = velocity[0].abs().max(velocity[1].abs());
        if fastest > SPEED_MAX {
            velocity = velocity.map(|along| along * SPEED_MAX / fastest);
        }
        Some(SetPoint { velocity, height: leg.height })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_plants::{Actuation, Plant, Recording, Scenario};
    use hover::{HoverControl, Inputs, Wanted};

    /// 250 Hz, as in cofferdam.toml.
    const TICK_US: u64 = 4_000;

    /// The whole flight of `make flight`, with both control laws as they run on the device.
    #[test]
    fn the_plan_is_flown_within_bounds() {
        let scenario = Scenario::find("quad", Some("flight")).unwrap();
        for seed in 1..=4 {
            let (mut vehicle, mut recording) = (scenario.build(seed), Recording::new());
            let (mut control, mut plan) = (HoverControl::new(), Plan::new());
            while !scenario.is_over(&vehicle) {
                let samples = vehicle.sample();
                let [imu, barometer, _, battery, [x, y, z, along_x, along_y, _], _] = samples;
                let wanted = plan
                    .step([x, y, z], vehicle.time_us())
                    .map_or(Wanted::HOLD, |point| Wanted { velocity: point.velocity, height: point.height });
                let inputs = Inputs {
                    accel: [imu[0], imu[1], imu[2]],
                    gyro: [imu[3], imu[4], imu[5]],
                    pressure: barometer[0],
                    velocity: Some([along_x, along_y]),
                    battery: battery[0],
                };
                let motors = control.step(&inputs, &wanted, TICK_US as f64 / 1e6).unwrap();
                vehicle.step(Actuation { motors, ..Actuation::default() }, TICK_US);
                recording.add(&vehicle);
            }
            for measure in scenario.judge(&recording) {
                assert!(measure.is_kept(), "seed {seed}: {measure}");
            }
        }
    }

    #[test]
    fn nothing_is_said_before_it_flies() {
        let mut plan = Plan::new();
        assert_eq!(plan.step([0.0, 0.0, FLIES_ABOVE], 5), None);
        assert_eq!(plan.step([0.0, 0.0, f64::NAN], 6), None);
        assert_eq!(plan.step([f64::NAN, 0.0, 9.0], 7), None);
        assert_eq!(plan.leg(), None);
        assert!(plan.step([0.0, 0.0, 1.1], 8).is_some());
        assert_eq!(plan.step([0.0, 0.0, 0.0], 9).map(|point| point.height), Some(2.0), "once is enough");
        assert_eq!(plan.step([f64::INFINITY, 0.0, 0.0], 10), None);
    }

    #[test]
    fn it_is_never_told_to_go_faster_than_it_should() {
        let mut plan = Plan::new();
        for place in [[1e6, -1e6, 5.0], [-300.0, 2.0, 5.0], [5.0, 0.0, 5.0]] {
            for step in 0..2_000 {
                let SetPoint { velocity, .. } = plan.step(place, step * 20_000).unwrap();
                assert!(velocity.iter().all(|along| along.abs() <= SPEED_MAX + 1e-9), "{velocity:?}");
            }
        }
        assert_eq!(plan.leg(), Some(LEGS.len() - 1));
    }
}
