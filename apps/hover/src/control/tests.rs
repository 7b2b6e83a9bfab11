// SPDX-License-Identifier: Apache-2.0 OR MIT
use super::*;
use cofferdam_plants::{
    Actuation, Gust, Plant, Quadrotor, QuadrotorParameters, Samples, SensorErrors, WindParameters,
};
use glam::DVec3;

/// 250 Hz, as in cofferdam.toml.
const TICK_US: u64 = 4_000;

fn inputs(samples: &Samples) -> Inputs {
    let [imu, barometer, _, battery, position, _] = samples;
    Inputs {
        accel: [imu[0], imu[1], imu[2]],
        gyro: [imu[3], imu[4], imu[5]],
        pressure: barometer[0],
        velocity: Some([position[3], position[4]]),
        battery: battery[0],
    }
}

/// Flies for so long; `each` sees the quadrotor after each tick and says what it is to do next.
fn fly(
    quadrotor: &mut Quadrotor,
    seconds: u64,
    mut each: impl FnMut(f64, &Quadrotor, &HoverControl) -> Wanted,
) -> HoverControl {
    let mut control = HoverControl::new();
    let mut wanted = Wanted { velocity: [0.0; 2], height: 2.0 };
    for tick in 0..seconds * 1_000_000 / TICK_US {
        let sample = quadrotor.sample();
        let motors = control.step(&inputs(&sample), &wanted, TICK_US as f64 / 1e6).unwrap();
        assert!(motors.iter().all(|motor| (0.0..=1.0).contains(motor)), "{motors:?}");
        quadrotor.step(Actuation { motors, ..Actuation::default() }, TICK_US);
        wanted = each((tick * TICK_US) as f64 / 1e6, quadrotor, &control);
    }
    control
}

fn quadrotor(wind: WindParameters, seed: u64) -> Quadrotor {
    Quadrotor::new(QuadrotorParameters::default(), wind, SensorErrors::USUAL, seed)
}

const HOLD: Wanted = Wanted { velocity: [0.0; 2], height: 2.0 };

#[test]
fn it_rises_to_its_height_and_holds_it() {
    for seed in 1..=8 {
        let mut highest = 0.0f64;
        let control = fly(&mut quadrotor(WindParameters::default(), seed), 20, |time_s, quadrotor, _| {
            let body = quadrotor.body();
            highest = highest.max(body.position.z);
            if time_s > 8.0 {
                assert!(
                    (body.position.z - 2.0).abs() < 0.25,
                    "seed {seed}: {} m at {time_s} s",
                    body.position.z
                );
                assert!(body.tilt() < 0.1, "seed {seed}: {} rad at {time_s} s", body.tilt());
                assert!(
                    body.velocity.truncate().length() < 0.35,
                    "seed {seed}: {} at {time_s} s",
                    body.velocity
                );
            }
            HOLD
        });
        assert!(highest < 2.5, "seed {seed}: overshoot to {highest} m");
        assert!(control.estimate().is_some_and(|estimate| (estimate.height - 2.0).abs() < 0.25));
    }
}

#[test]
fn wind_and_gusts_move_it_little() {
    let gust = Gust { start_s: 10.0, lasts_s: 3.0, peak: DVec3::new(0.0, 6.0, -1.0) };
    let wind = WindParameters { mean: DVec3::new(3.0, 0.0, 0.0), turbulence: 0.7, gusts: vec![gust] };
    for seed in 1..=4 {
        fly(&mut quadrotor(wind.clone(), seed), 30, |time_s, quadrotor, _| {
            let body = quadrotor.body();
            if time_s > 8.0 {
                assert!(
                    (body.position.z - 2.0).abs() < 0.7,
                    "seed {seed}: {} m at {time_s} s",
                    body.position.z
                );
                assert!(body.tilt() < 0.4, "seed {seed}: {} rad at {time_s} s", body.tilt());
            }
            if time_s > 20.0 {
                assert!(
                    body.velocity.truncate().length() < 0.8,
                    "seed {seed}: {} at {time_s} s",
                    body.velocity
                );
            }
            HOLD
        });
    }
}

#[test]
fn it_follows_a_velocity_and_lands() {
    let mut flying = quadrotor(WindParameters::default(), 3);
    fly(&mut flying, 24, |time_s, quadrotor, _| {
        let body = quadrotor.body();
        if (9.0..11.0).contains(&time_s) {
            assert!((body.velocity.x - 1.5).abs() < 0.4 && body.velocity.y.abs() < 0.3, "{}", body.velocity);
        }
        match time_s {
            0.0..6.0 => HOLD,
            6.0..11.0 => Wanted { velocity: [1.5, 0.0], height: 2.0 },
            11.0..14.0 => HOLD,
            _ => Wanted { velocity: [0.0; 2], height: 0.0 },
        }
    });
    assert!(
        flying.is_on_ground() && flying.motors().iter().all(|motor| *motor < 0.01),
        "{:?}",
        flying.motors()
    );
    assert!(flying.touch_down().is_some_and(|speed| speed < 0.8), "{:?}", flying.touch_down());
}

#[test]
fn a_tired_battery_is_made_up_for() {
    let parameters = QuadrotorParameters::default();
    let battery = cofferdam_plants::BatteryParameters {
        full_v: 16.8,
        empty_v: 14.0,
        capacity_as: 400.0,
        ..parameters.battery
    };
    let parameters = QuadrotorParameters { battery, ..parameters };
    let mut flying = Quadrotor::new(parameters, WindParameters::default(), SensorErrors::USUAL, 5);
    fly(&mut flying, 20, |time_s, quadrotor, _| {
        if time_s > 8.0 {
            assert!(
                (quadrotor.body().position.z - 2.0).abs() < 0.3,
                "{} m at {time_s} s",
                quadrotor.body().position.z
            );
        }
        HOLD
    });
    assert!(flying.battery().charge() < 0.5, "{}", flying.battery().charge());
}

#[test]
fn nonsense_moves_nothing() {
    let good = inputs(&quadrotor(WindParameters::default(), 1).sample());
    let mut control = HoverControl::new();
    for bad in [f64::NAN, f64::INFINITY] {
        assert_eq!(control.step(&Inputs { pressure: bad, ..good }, &HOLD, 0.004), None);
        assert_eq!(control.step(&Inputs { gyro: [0.0, bad, 0.0], ..good }, &HOLD, 0.004), None);
        assert_eq!(control.step(&Inputs { velocity: Some([bad, 0.0]), ..good }, &HOLD, 0.004), None);
    }
    assert_eq!(control.step(&good, &HOLD, 0.004), Some([0.0; 4]), "it learns first");
}

#[test]
fn the_mixer_keeps_attitude_when_thrust_runs_out() {
    // Far too much thrust, and a roll.
    let motors = mix(100.0, [0.2, 0.0, 0.0], BATTERY_FULL_V);
    assert!(motors[0] > motors[1] && motors[2] > motors[3], "{motors:?}");
    let roll: f64 =
        motors.iter().zip(MOTORS).map(|(motor, [_, y, _])| y * motor * motor * THRUST_MAX * ARM).sum();
    assert!((roll - 0.2).abs() < 1e-9, "{roll}");
    // None at all, and the same roll.
    let motors = mix(0.0, [0.2, 0.0, 0.0], BATTERY_FULL_V);
    let roll: f64 =
        motors.iter().zip(MOTORS).map(|(motor, [_, y, _])| y * motor * motor * THRUST_MAX * ARM).sum();
    assert!((roll - 0.2).abs() < 1e-9, "{roll}");
}

/// Its successor reads the sensors a moment later, with another noise, and is compared by the manifest's bound.
#[test]
fn a_successor_does_the_same_from_its_first_tick_on() {
    let gust = Gust { start_s: 10.0, lasts_s: 3.0, peak: DVec3::new(0.0, 6.0, 0.0) };
    let wind = WindParameters { mean: DVec3::new(1.5, 0.0, 0.0), turbulence: 0.4, gusts: vec![gust] };
    let bound = include_str!("../../cofferdam.toml")
        .lines()
        .find_map(|line| line.strip_prefix("divergence_permille = "))
        .map(|permille| permille.parse::<f64>().unwrap() / 1_000.0)
        .unwrap();
    let step_s = TICK_US as f64 / 1e6;
    for seed in 1..=4 {
        let mut flying = quadrotor(wind.clone(), seed);
        let (mut control, mut shadow) = (HoverControl::new(), None::<HoverControl>);
        let (mut worst, mut unaware, mut agrees) = (0.0f64, None::<HoverControl>, 0);
        for tick in 0..16_000_000 / TICK_US {
            let motors = control.step(&inputs(&flying.sample()), &HOLD, step_s).unwrap();
            let later = inputs(&flying.sample());
            let apart =
                |other: [f64; 4]| motors.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            if let Some(shadow) = &mut shadow {
                worst = worst.max(apart(shadow.step(&later, &HOLD, step_s).unwrap()));
            }
            if let Some(unaware) = &mut unaware {
                let off = apart(unaware.step(&later, &HOLD, step_s).unwrap());
                agrees = if off <= bound { agrees + 1 } else { 0 };
                assert!(agrees < 50, "who begins as on the ground agrees for 0.2 s: the bound says nothing");
            }
            flying.step(Actuation { motors, ..Actuation::default() }, TICK_US);
            // Each half second another one follows, and takes over from the one before: in the gust, too.
            if tick >= 2_000 && tick % 125 == 0 {
                control = shadow.take().unwrap_or(control);
                shadow = control.state(&HOLD).map(|state| HoverControl::resume(&state));
            }
            if tick == 2_500 {
                unaware = Some(HoverControl::new());
            }
        }
        println!("seed {seed}: {worst}");
        assert!(worst > 0.0 && worst < bound, "seed {seed}: {worst} apart");
        assert!((flying.body().position.z - 2.0).abs() < 0.7, "seed {seed}: {}", flying.body().position.z);
    }
}

#[test]
fn nothing_is_passed_on_before_it_knows_anything() {
    assert_eq!(HoverControl::new().state(&HOLD), None);
}

/// The controller falls silent in the air, and `actuator_guard` brings the quadrotor down: at any moment of a flight in wind.
#[test]
fn the_guard_lands_it_when_it_is_silent() {
    use cofferdam_actuator_guard::Guard;
    use cofferdam_device_protocol::permission::{ActuatorOrder, ActuatorPermission};
    const PLANT_US: u64 = 1_000;
    const LEASE_US: u64 = 100_000;
    let wind = WindParameters { mean: DVec3::new(2.0, 0.0, 0.0), turbulence: 0.5, gusts: vec![] };
    let (mut fastest, mut most_tilted, mut farthest) = (0.0f64, 0.0f64, 0.0f64);
    for seed in 1..=24 {
        let mut flying = quadrotor(wind.clone(), seed);
        let mut guard = Guard::new();
        for id in 0..4 {
            let permission = ActuatorPermission { min: 0.0, max: 1.0, writes_per_second: 300 };
            let order = ActuatorOrder::Permit { client: 0, id, permission }.encode();
            guard.obey(order.label, order.words(), 0).unwrap();
        }
        let mut control = HoverControl::new();
        let silent_us = 8_000_000 + seed * 83_000;
        let (mut tilt, mut begun) = (0.0, None);
        for now_us in (0..silent_us + 8_000_000).step_by(PLANT_US as usize) {
            if now_us.is_multiple_of(TICK_US) && now_us < silent_us {
                let motors = control.step(&inputs(&flying.sample()), &HOLD, TICK_US as f64 / 1e6).unwrap();
                for (id, motor) in motors.into_iter().enumerate() {
                    guard.acquire(0, id, LEASE_US, now_us).unwrap();
                    guard.write(0, id, motor, now_us).unwrap();
                }
            }
            guard.expire(now_us);
            let motors = core::array::from_fn(|id| guard.output(id, now_us).unwrap().value);
            if now_us >= silent_us && !flying.is_on_ground() {
                begun.get_or_insert(flying.body().position);
                tilt = flying.body().tilt();
            }
            flying.step(Actuation { motors, ..Actuation::default() }, PLANT_US);
        }
        let speed = flying.touch_down().unwrap_or(f64::INFINITY);
        let way = (flying.body().position - begun.unwrap_or_default()).truncate().length();
        println!("seed {seed}: {speed:.2} m/s, {tilt:.2} rad, {way:.2} m away");
        assert!(flying.is_on_ground() && flying.motors().iter().all(|motor| *motor < 0.01), "seed {seed}");
        fastest = fastest.max(speed);
        most_tilted = most_tilted.max(tilt);
        farthest = farthest.max(way);
    }
    println!("at most {fastest:.2} m/s, {most_tilted:.2} rad, {farthest:.2} m away");
    assert!(fastest < 2.5, "{fastest} m/s");
    assert!(most_tilted < 0.5, "{most_tilted} rad");
}
