// SPDX-License-Identifier: Apache-2.0 OR MIT
use super::*;
use crate::atmosphere;

fn calm() -> Quadrotor {
    Quadrotor::new(QuadrotorParameters::default(), WindParameters::default(), SensorErrors::NONE, 1)
}

fn in_the_air(height_m: f64) -> Quadrotor {
    let mut quadrotor = calm();
    quadrotor.place(RigidBody { position: DVec3::Z * height_m, ..RigidBody::default() });
    quadrotor
}

fn all(output: f64) -> Actuation {
    Actuation { motors: [output; 4], ..Actuation::default() }
}

fn run(quadrotor: &mut Quadrotor, actuation: Actuation, seconds: u32) {
    for _ in 0..seconds * 1_000 {
        quadrotor.step(actuation, 1_000);
    }
}

/// An output that undoes what the battery loses.
fn steady(quadrotor: &Quadrotor, output: f64) -> Actuation {
    all(output * quadrotor.battery().full_v() / quadrotor.battery().voltage_v())
}

#[test]
fn hover_thrust_hovers() {
    let mut quadrotor = in_the_air(10.0);
    let output = quadrotor.hover_output();
    quadrotor.motors = [output; 4];
    for _ in 0..5_000 {
        let actuation = steady(&quadrotor, output);
        quadrotor.step(actuation, 1_000);
    }
    assert!((quadrotor.body().position.z - 10.0).abs() < 1e-3, "{:?}", quadrotor.body());
    assert!(quadrotor.body().tilt() < 1e-9);
}

#[test]
fn a_motor_follows_with_its_time_constant() {
    let mut quadrotor = calm();
    let lag_s = QuadrotorParameters::default().motor_lag_s;
    for step in 1..=100u32 {
        let actuation = steady(&quadrotor, 0.4);
        quadrotor.step(actuation, 1_000);
        let exact = 0.4 * (1.0 - libm::exp(-f64::from(step) / 1_000.0 / lag_s));
        assert!((quadrotor.motors()[2] - exact).abs() < 1e-6, "{} not {exact}", quadrotor.motors()[2]);
    }
}

#[test]
fn it_stands_until_thrust_carries_it_and_falls_without() {
    let mut quadrotor = calm();
    run(&mut quadrotor, all(0.5), 2);
    assert!(quadrotor.is_on_ground() && quadrotor.body().position == DVec3::ZERO);
    run(&mut quadrotor, all(1.0), 1);
    assert!(!quadrotor.is_on_ground() && quadrotor.body().position.z > 2.0);
    run(&mut quadrotor, all(0.0), 10);
    assert!(quadrotor.is_on_ground());
    assert!(quadrotor.touch_down().is_some_and(|speed| speed > 5.0), "{:?}", quadrotor.touch_down());
}

/// Falling flat: the rotors' drag acts along their plane only, so the body's is all there is.
#[test]
fn terminal_velocity_is_where_drag_is_weight() {
    let parameters = QuadrotorParameters::default();
    let mut quadrotor = in_the_air(3_000.0);
    run(&mut quadrotor, all(0.0), 30);
    let terminal = libm::sqrt(parameters.mass * GRAVITY / parameters.body_drag);
    assert!((quadrotor.body().velocity.z + terminal).abs() < 0.05, "{}", quadrotor.body().velocity.z);
}

#[test]
fn each_motor_turns_it_the_right_way() {
    // (motors, sign of roll, pitch, yaw): left up rolls right (x positive), rear up pitches forward (y positive).
    let cases = [
        ([0.6, 0.5, 0.6, 0.5], DVec3::new(1.0, 0.0, 0.0)),
        ([0.5, 0.5, 0.6, 0.6], DVec3::new(0.0, 1.0, 0.0)),
        ([0.6, 0.5, 0.5, 0.6], DVec3::new(0.0, 0.0, 1.0)),
    ];
    for (motors, direction) in cases {
        let mut quadrotor = in_the_air(100.0);
        for _ in 0..100 {
            quadrotor.step(Actuation { motors, ..Actuation::default() }, 1_000);
        }
        let rates = quadrotor.body().rates;
        assert!(rates.dot(direction) > 0.05, "{motors:?}: {rates}");
        assert!((rates - direction * rates.dot(direction)).length() < 0.01, "{motors:?}: {rates}");
    }
}

#[test]
fn sensors_without_errors_are_exact() {
    let mut quadrotor = calm();
    run(&mut quadrotor, all(0.0), 1);
    let [imu, barometer, _, battery, position, _] = quadrotor.sample();
    assert_eq!(imu, [0.0, 0.0, GRAVITY, 0.0, 0.0, 0.0], "the ground carries it");
    assert_eq!(barometer[0], atmosphere::SEA_LEVEL_PA);
    assert!(battery[0] > 16.7 && battery[2] > 0.99 && position == [0.0; 6]);
    let mut falling = in_the_air(100.0);
    falling.step(all(0.0), 1_000);
    assert!(falling.sample()[0][2].abs() < 0.01, "nothing is felt in free fall");
}

#[test]
fn biases_and_noise_come_from_the_seed() {
    let run_with = |seed| {
        let wind = WindParameters { turbulence: 1.0, ..WindParameters::default() };
        let mut quadrotor = Quadrotor::new(QuadrotorParameters::default(), wind, SensorErrors::USUAL, seed);
        let mut sum = [0.0; 6];
        for _ in 0..4_000 {
            quadrotor.step(all(0.1), 1_000);
            for (sum, value) in sum.iter_mut().zip(quadrotor.sample()[0]) {
                *sum += value / 4_000.0;
            }
        }
        (sum, quadrotor.sample())
    };
    let (mean, samples) = run_with(1);
    assert_eq!(samples, run_with(1).1);
    assert_ne!(samples, run_with(2).1);
    // A constant error is left when noise has averaged out.
    assert!(mean[3].abs() > 1e-4 && mean[3].abs() < 0.05, "{mean:?}");
}

#[test]
fn wind_carries_it_and_a_battery_runs_down() {
    let wind = WindParameters { mean: DVec3::new(4.0, 0.0, 0.0), ..WindParameters::default() };
    let mut quadrotor = Quadrotor::new(QuadrotorParameters::default(), wind, SensorErrors::NONE, 1);
    quadrotor.place(RigidBody { position: DVec3::Z * 500.0, ..RigidBody::default() });
    let full_v = quadrotor.battery().voltage_v();
    let output = quadrotor.hover_output();
    for _ in 0..60_000 {
        let actuation = steady(&quadrotor, output);
        quadrotor.step(actuation, 1_000);
    }
    assert!((quadrotor.body().velocity.x - 4.0).abs() < 0.1, "{}", quadrotor.body().velocity);
    assert!(quadrotor.battery().voltage_v() < full_v - 0.2, "{}", quadrotor.battery().voltage_v());
}

/// Work of thrust and of the air are what kinetic and potential energy gain.
#[test]
fn energy_is_accounted_for() {
    let parameters = QuadrotorParameters::default();
    let mut quadrotor = in_the_air(50.0);
    let actuation = Actuation { motors: [0.80, 0.78, 0.79, 0.77], ..Actuation::default() };
    let energy = |body: &RigidBody| {
        parameters.mass * (body.velocity.length_squared() / 2.0 + GRAVITY * body.position.z)
            + body.rates.dot(parameters.inertia * body.rates) / 2.0
    };
    let power = |quadrotor: &Quadrotor| {
        let body = quadrotor.body();
        let Loads { force, torque } = loads(&parameters, &quadrotor.motors, quadrotor.air, body);
        force.dot(body.velocity) + torque.dot(body.rates)
    };
    let before = energy(quadrotor.body());
    let mut work = 0.0;
    for _ in 0..20_000 {
        let begun = power(&quadrotor);
        quadrotor.step(actuation, 100);
        work += (begun + power(&quadrotor)) / 2.0 * 1e-4;
    }
    let gained = energy(quadrotor.body()) - before;
    assert!(
        work.abs() > 1.0 && (gained - work).abs() < 0.01 * work.abs(),
        "{gained} J gained by {work} J of work"
    );
}
