// SPDX-License-Identifier: Apache-2.0 OR MIT
use super::*;

fn exact() -> CarParameters {
    CarParameters { noise: 0.0, drag: 0.0, rolling: 0.0, ..CarParameters::default() }
}

fn braking(brake: f64) -> Actuation {
    Actuation { brake, ..Actuation::default() }
}

/// Brakes until it stands; gives the way and the time.
fn stop(car: &mut Car, actuation: Actuation) -> (f64, f64) {
    let (from, begun) = (car.state().travelled, car.time_us());
    while car.speed() > 0.0 {
        car.step(actuation, 1_000);
        assert!(car.time_us() < begun + 200_000_000, "it never stands: {:?}", car.state());
    }
    (car.state().travelled - from, (car.time_us() - begun) as f64 / 1e6)
}

/// Locked wheels on a road of constant friction: v² / 2μg, and v / μg.
#[test]
fn braking_distance_is_that_of_constant_friction() {
    for (speed, friction) in [(10.0, 0.3), (25.0, 0.8), (40.0, 0.5)] {
        let parameters = CarParameters {
            road: TyreCurve::constant(friction),
            brake_lag_s: 1e-6,
            brake_torque: 40_000.0,
            ..exact()
        };
        let (way, time) = stop(&mut Car::new(parameters, speed, 1), braking(1.0));
        let (exact_way, exact_time) =
            (speed * speed / (2.0 * friction * GRAVITY), speed / (friction * GRAVITY));
        assert!((way / exact_way - 1.0).abs() < 0.01, "{speed} m/s, {friction}: {way} not {exact_way}");
        assert!((time / exact_time - 1.0).abs() < 0.02, "{speed} m/s, {friction}: {time} not {exact_time}");
    }
}

#[test]
fn a_released_wheel_turns_on_while_the_others_lock() {
    let mut car = Car::new(exact(), 25.0, 1);
    for _ in 0..500 {
        car.step(Actuation { brake: 1.0, releases: [0.0, 1.0, 0.0, 0.0], ..Actuation::default() }, 1_000);
    }
    assert_eq!(car.state().wheels[0], 0.0);
    // The car turns, so that this wheel has a way of its own.
    assert!(car.slips()[1].abs() < 0.1, "{:?}", car.slips());
}

/// Wheels far from locking: the brake's torque at the wheels is what decelerates the car and its wheels.
#[test]
fn gentle_braking_is_torque_by_inertia() {
    let parameters = CarParameters { brake_lag_s: 1e-6, ..exact() };
    let (speed, brake) = (20.0, 0.2);
    let (way, _) = stop(&mut Car::new(parameters, speed, 1), braking(brake));
    let radius = parameters.wheel_radius;
    let inertia = parameters.mass + 4.0 * parameters.wheel_inertia / (radius * radius);
    let deceleration = brake * parameters.brake_torque / radius / inertia;
    let expected = speed * speed / (2.0 * deceleration);
    assert!((way / expected - 1.0).abs() < 0.02, "{way} not {expected}");
}

#[test]
fn the_brake_follows_with_its_time_constant() {
    let parameters = exact();
    let mut car = Car::new(parameters, 30.0, 1);
    for step in 1..=60u32 {
        car.step(braking(0.5), 1_000);
        let expected = 0.5 * (1.0 - libm::exp(-f64::from(step) / 1_000.0 / parameters.brake_lag_s));
        assert!((car.state().pressures[3] - expected).abs() < 1e-6);
    }
}

#[test]
fn what_is_lost_braking_with_locked_wheels_differs_by_road() {
    let way = |road| {
        let (way, _) = stop(&mut Car::new(CarParameters { road, ..exact() }, 20.0, 1), braking(1.0));
        way
    };
    let ways = [TyreCurve::DRY, TyreCurve::WET, TyreCurve::ICE].map(way);
    for (way, road) in ways.into_iter().zip([TyreCurve::DRY, TyreCurve::WET, TyreCurve::ICE]) {
        let locked = 400.0 / (2.0 * road.friction(1.0) * GRAVITY);
        assert!((way / locked - 1.0).abs() < 0.12, "{way} not near {locked}");
    }
    assert!(ways[0] < ways[1] && ways[1] < ways[2]);
}

/// Slow, steady turning without tyre forces to speak of: the radius is that of the wheels' geometry.
#[test]
fn slow_turning_follows_geometry_and_rolls_on() {
    let mut car = Car::new(exact(), 3.0, 1);
    car.demand(DriverDemand { steering: 0.05, ..DriverDemand::default() });
    for _ in 0..5_000 {
        car.step(braking(0.0), 1_000);
    }
    let radius = car.speed() / car.state().yaw_rate;
    let expected = 2.7 / libm::tan(0.05);
    assert!((radius / expected - 1.0).abs() < 0.03, "{radius} not {expected}");
    assert!((car.speed() - 3.0).abs() < 0.05, "nothing brakes it: {}", car.speed());
}

#[test]
fn locked_wheels_do_not_steer() {
    let aside = |brake: f64| {
        let mut car = Car::new(CarParameters { road: TyreCurve::WET, ..exact() }, 25.0, 1);
        for step in 0..2_500u32 {
            let steering = if step > 300 { 0.06 } else { 0.0 };
            car.demand(DriverDemand { steering, ..DriverDemand::default() });
            car.step(braking(brake), 1_000);
        }
        car.state().y
    };
    assert!(aside(0.1) > 5.0, "{}", aside(0.1));
    assert!(aside(1.0).abs() < 1.0, "{}", aside(1.0));
}

#[test]
fn motors_accelerate_it_and_air_ends_that() {
    let parameters = CarParameters { noise: 0.0, ..CarParameters::default() };
    let mut car = Car::new(parameters, 5.0, 1);
    let full = Actuation { motors: [1.0; 4], ..Actuation::default() };
    for _ in 0..1_000 {
        car.step(full, 1_000);
    }
    let force = 4.0 * parameters.motor_torque / parameters.wheel_radius;
    let inertia = parameters.mass + 4.0 * parameters.wheel_inertia / parameters.wheel_radius.powi(2);
    assert!((car.speed() - 5.0 - force / inertia).abs() < 0.3, "{}", car.speed());
    for _ in 0..200_000 {
        car.step(full, 1_000);
    }
    // Power is what air and rolling take at that speed.
    let taken = (parameters.drag * car.speed() * car.speed()
        + parameters.rolling * parameters.mass * GRAVITY)
        * car.speed();
    assert!((taken / parameters.motor_power - 1.0).abs() < 0.06, "{taken} W at {} m/s", car.speed());
}

#[test]
fn the_front_carries_more_when_it_brakes() {
    let mut car = Car::new(exact(), 25.0, 1);
    let at_rest = car.loads();
    for _ in 0..500 {
        car.step(braking(0.4), 1_000);
    }
    let loads = car.loads();
    assert!(loads[0] > at_rest[0] + 500.0 && loads[2] < at_rest[2] - 500.0);
    assert!((loads.iter().sum::<f64>() - 1_500.0 * GRAVITY).abs() < 1.0);
}

#[test]
fn samples_repeat_and_show_what_is() {
    let run = |seed| {
        let mut car = Car::new(CarParameters::default(), 20.0, seed);
        car.demand(DriverDemand { brake: 0.3, set_speed: 20.0, ..DriverDemand::default() });
        car.step(braking(0.3), 100_000);
        car.sample()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let samples = run(1);
    assert!(
        samples[0][0] < -1.0 && samples[2][..4].iter().all(|wheel| (18.0..20.0).contains(wheel)),
        "{samples:?}"
    );
    assert_eq!(samples[5][..4], [0.3, 0.0, 0.0, 20.0]);
}
