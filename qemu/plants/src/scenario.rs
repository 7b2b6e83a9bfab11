// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a plant goes through, and how it is judged afterwards.

mod judge;

use glam::DVec3;

use crate::{
    Actuation, Car, CarParameters, DriverDemand, Gust, Plant, Quadrotor, QuadrotorParameters, Recording,
    Samples, SensorErrors, TyreCurve, WindParameters,
};
pub use judge::Measure;

/// A plant of any kind.
#[derive(Clone, Debug)]
pub enum Vehicle {
    /// A quadrotor.
    Quad(Box<Quadrotor>),
    /// A car.
    Car(Box<Car>),
}

impl Plant for Vehicle {
    fn step(&mut self, actuation: Actuation, step_us: u64) {
        match self {
            Self::Quad(quad) => quad.step(actuation, step_us),
            Self::Car(car) => car.step(actuation, step_us),
        }
    }

    fn sample(&mut self) -> Samples {
        match self {
            Self::Quad(quad) => quad.sample(),
            Self::Car(car) => car.sample(),
        }
    }

    fn time_us(&self) -> u64 {
        match self {
            Self::Quad(quad) => quad.time_us(),
            Self::Car(car) => car.time_us(),
        }
    }

    fn columns(&self) -> Vec<(&'static str, f64)> {
        match self {
            Self::Quad(quad) => quad.columns(),
            Self::Car(car) => car.columns(),
        }
    }
}

/// A scenario by name.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// `quad` or `car`.
    pub plant: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// How long it lasts.
    pub duration_us: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Wind of this mean speed; a gust on top of it.
    Hover { wind: f64, gust: f64 },
    /// The same, then a way to fly and a landing: [`judge::WAY`].
    Flight { wind: f64, gust: f64 },
    /// A stop on this road from this speed, m/s; steering on the way; the way may be so long, m.
    Stop { road: TyreCurve, speed: f64, way_max: f64 },
    /// A speed to reach and hold, m/s, on a hill.
    Cruise { from: f64, to: f64, slope: f64 },
}

/// When the gust comes, s.
const GUST_AT_S: f64 = 10.0;
/// When the driver brakes, and steers, s.
const BRAKES_AT_S: f64 = 1.0;
const STEERS_AT_S: f64 = 1.5;
/// rad.
const STEERS_BY: f64 = 0.04;

const fn scenario(
    plant: &'static str,
    name: &'static str,
    about: &'static str,
    seconds: u64,
    kind: Kind,
) -> Scenario {
    Scenario { plant, name, about, duration_us: seconds * 1_000_000, kind }
}

/// All of them; the first one of a plant is what it gets when none is named.
pub const SCENARIOS: &[Scenario] = &[
    scenario(
        "quad",
        "hover",
        "take-off to 2 m, wind, a gust of 6 m/s",
        25,
        Kind::Hover { wind: 2.0, gust: 6.0 },
    ),
    scenario(
        "quad",
        "flight",
        "take-off to 2 m, wind, a gust of 6 m/s, 5 m ahead, 4 m to the left, landing",
        46,
        Kind::Flight { wind: 1.5, gust: 6.0 },
    ),
    scenario(
        "quad",
        "long",
        "take-off to 2 m, wind, a gust of 6 m/s, and three quarters of a minute more",
        60,
        Kind::Hover { wind: 1.5, gust: 6.0 },
    ),
    scenario("quad", "breeze", "take-off to 2 m, wind of 2 m/s", 20, Kind::Hover { wind: 2.0, gust: 0.0 }),
    scenario("quad", "calm", "take-off to 2 m without wind", 15, Kind::Hover { wind: 0.0, gust: 0.0 }),
    scenario(
        "car",
        "dry",
        "full brake from 108 km/h on dry asphalt, steering to the left",
        6,
        Kind::Stop { road: TyreCurve::DRY, speed: 30.0, way_max: 50.0 },
    ),
    scenario(
        "car",
        "wet",
        "full brake from 90 km/h on wet asphalt, steering to the left",
        7,
        Kind::Stop { road: TyreCurve::WET, speed: 25.0, way_max: 46.0 },
    ),
    scenario(
        "car",
        "ice",
        "full brake from 54 km/h on ice, steering to the left",
        40,
        Kind::Stop { road: TyreCurve::ICE, speed: 15.0, way_max: 120.0 },
    ),
    scenario(
        "car",
        "hill",
        "from 54 to 90 km/h and on, uphill",
        50,
        Kind::Cruise { from: 15.0, to: 25.0, slope: 0.06 },
    ),
];

impl Scenario {
    /// The scenario of this name, or the first one of this plant.
    pub fn find(plant: &str, name: Option<&str>) -> Option<&'static Self> {
        SCENARIOS.iter().find(|one| one.plant == plant && name.is_none_or(|name| one.name == name))
    }

    /// The plant at its start.
    pub fn build(&self, seed: u64) -> Vehicle {
        match self.kind {
            Kind::Hover { wind, gust } | Kind::Flight { wind, gust } => {
                let gust = Gust { start_s: GUST_AT_S, lasts_s: 3.0, peak: DVec3::new(0.0, gust, 0.0) };
                let wind = WindParameters {
                    mean: DVec3::new(wind, 0.0, 0.0),
                    turbulence: wind / 4.0,
                    gusts: vec![gust],
                };
                let errors = SensorErrors::USUAL;
                Vehicle::Quad(Box::new(Quadrotor::new(QuadrotorParameters::default(), wind, errors, seed)))
            }
            Kind::Stop { road, speed, .. } => Vehicle::Car(Box::new(Car::new(
                CarParameters { road, ..CarParameters::default() },
                speed,
                seed,
            ))),
            Kind::Cruise { from, slope, .. } => Vehicle::Car(Box::new(Car::new(
                CarParameters { slope, ..CarParameters::default() },
                from,
                seed,
            ))),
        }
    }

    /// What somebody at the wheel does at the time that it is for `vehicle`. Call it before each step.
    pub fn steer(&self, vehicle: &mut Vehicle) {
        let time_s = vehicle.time_us() as f64 / 1e6;
        let Vehicle::Car(car) = vehicle else { return };
        car.demand(match self.kind {
            Kind::Hover { .. } | Kind::Flight { .. } => DriverDemand::default(),
            Kind::Stop { .. } => DriverDemand {
                brake: if time_s < BRAKES_AT_S { 0.0 } else { 1.0 },
                steering: if time_s < STEERS_AT_S { 0.0 } else { STEERS_BY },
                ..DriverDemand::default()
            },
            Kind::Cruise { to, .. } => DriverDemand { set_speed: to, ..DriverDemand::default() },
        });
    }

    /// Whether nothing will happen any more.
    pub fn is_over(&self, vehicle: &Vehicle) -> bool {
        let stands = match (self.kind, vehicle) {
            (Kind::Stop { .. }, Vehicle::Car(car)) => car.time_us() > 2_000_000 && car.speed() == 0.0,
            _ => false,
        };
        stands || vehicle.time_us() >= self.duration_us
    }

    /// What a recording of a whole run says.
    pub fn judge(&self, recording: &Recording) -> Vec<Measure> {
        judge::judge(self.kind, recording)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_found_by_name() {
        assert_eq!(Scenario::find("quad", None).map(|one| one.name), Some("hover"));
        assert_eq!(Scenario::find("car", Some("ice")).map(|one| one.name), Some("ice"));
        assert!(Scenario::find("quad", Some("ice")).is_none() && Scenario::find("boat", None).is_none());
    }

    /// A plant that nobody controls keeps no bound: judgement is not for free.
    #[test]
    fn without_control_every_scenario_is_out_of_bounds() {
        for scenario in SCENARIOS {
            let mut vehicle = scenario.build(1);
            let mut recording = Recording::new();
            recording.add(&vehicle);
            while !scenario.is_over(&vehicle) {
                scenario.steer(&mut vehicle);
                vehicle.step(Actuation::default(), 10_000);
                recording.add(&vehicle);
            }
            let measures = scenario.judge(&recording);
            assert!(measures.iter().any(|measure| !measure.is_kept()), "{}: {measures:?}", scenario.name);
            assert!(recording.to_csv().lines().count() == recording.rows().len() + 1);
        }
    }
}
