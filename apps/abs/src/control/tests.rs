// SPDX-License-Identifier: Apache-2.0 OR MIT
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
    stop_on([(0.0, road)].as_slice(), speed, with_abs, steering, seed)
}

/// The same on roads that begin at their times, s.
fn stop_on(roads: &[(f64, TyreCurve)], speed: f64, with_abs: bool, steering: f64, seed: u64) -> Stop {
    let mut car = Car::new(CarParameters::default(), speed, seed);
    let mut control = SlipControl::default();
    let mut outcome = Stop { way: 0.0, aside: 0.0, locked_s: 0.0 };
    let (mut begun, mut from) = (None, 0.0);
    for tick in 0..100_000u64 {
        let time_s = (tick * TICK_US) as f64 / 1e6;
        if let Some((_, road)) = roads.iter().rfind(|(from_s, _)| *from_s <= time_s) {
            car.drive_onto(*road);
        }
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
        [(TyreCurve::DRY, 30.0, 0.95), (TyreCurve::WET, 25.0, 0.85), (TyreCurve::ICE, 15.0, 0.985)]
    {
        for seed in 1..=3 {
            let (with, without) = (stop(road, speed, true, 0.0, seed), stop(road, speed, false, 0.0, seed));
            println!("{road:?}: {with:?} {without:?}");
            assert!(with.locked_s < 0.1, "{road:?}: {with:?}");
            assert!(without.locked_s > 1.0, "{road:?}: without it wheels lock: {without:?}");
            assert!(with.way < part * without.way, "{road:?}: {with:?} {without:?}");
        }
    }
}

/// On ice the best that is possible is the way at the slip of most friction: a hundredth more is left to the search for the speed.
#[test]
fn on_ice_it_stops_as_the_tyre_s_peak_says() {
    for (speed, seed) in [(10.0, 1), (15.0, 2), (20.0, 3)] {
        let best = stop(TyreCurve::constant(TyreCurve::ICE.d), speed, false, 0.0, seed);
        let with = stop(TyreCurve::ICE, speed, true, 0.0, seed);
        println!("{speed} m/s: {with:?}, at best {best:?}");
        assert!(with.way < 1.03 * best.way, "{speed} m/s: {with:?}, at best {best:?}");
    }
}

/// With steering too, whatever the chance, and it always stands in the end.
#[test]
fn on_ice_steering_costs_little() {
    for (speed, part) in [(10.0, 1.0), (15.0, 1.02), (20.0, 1.06)] {
        for seed in 1..=10 {
            let with = stop(TyreCurve::ICE, speed, true, 0.04, seed);
            let without = stop(TyreCurve::ICE, speed, false, 0.04, seed);
            assert!(with.way < part * without.way, "{speed} m/s, {seed}: {with:?} {without:?}");
            assert!(with.aside > 1.5 && with.locked_s < 0.1, "{speed} m/s, {seed}: {with:?}");
        }
    }
}

#[test]
fn a_road_may_change_under_braking() {
    for seed in 1..=3 {
        for roads in [[TyreCurve::DRY, TyreCurve::ICE], [TyreCurve::ICE, TyreCurve::DRY]] {
            let roads = [(0.0, roads[0]), (2.0, roads[1])];
            let (with, without) =
                (stop_on(&roads, 25.0, true, 0.0, seed), stop_on(&roads, 25.0, false, 0.0, seed));
            println!("{with:?} {without:?}");
            // A brake that was released for ice takes a moment.
            assert!(with.way < 1.05 * without.way, "{roads:?}: {with:?} {without:?}");
            assert!(with.locked_s < 0.1, "{roads:?}: {with:?}");
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
        let (with, without) = (stop(road, speed, true, steering, 2), stop(road, speed, false, steering, 2));
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

/// What is known after a second at this speed.
fn driving(speed: f64) -> SlipControl {
    let mut control = SlipControl::default();
    for _ in 0..250 {
        control.step(&Inputs { wheels: [speed; 4], accel: 0.0, demand: 0.0 }, 0.004);
    }
    control
}

#[test]
fn nonsense_brakes_as_the_driver_wants() {
    let good = Inputs { wheels: [20.0, 20.0, 2.0, 2.0], accel: -3.0, demand: 0.7 };
    let mut control = driving(20.0);
    assert!(control.step(&good, 0.004).releases[3] > 0.5, "a wheel that locks is released");
    for bad in [f64::NAN, f64::INFINITY] {
        let driven = Commands { brake: 0.7, releases: [0.0; 4] };
        assert_eq!(control.step(&Inputs { accel: bad, ..good }, 0.004), driven);
        assert_eq!(control.step(&Inputs { wheels: [bad; 4], ..good }, 0.004), driven);
        assert_eq!(control.step(&Inputs { demand: bad, ..good }, 0.004).brake, 1.0);
    }
}
