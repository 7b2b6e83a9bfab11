// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use std::vec::Vec;

use cofferdam_device_protocol::sensor::{Reading, Request};
use cofferdam_device_protocol::{SENSOR_COUNT, SENSORS, Status, sensor_by_name};
use proptest::prelude::*;

use super::*;

const SEED: u64 = 7;
const NO_BRAKE: Controls = Controls { brake: 0.0, motors: 0.0 };
const FULL_BRAKE: Controls = Controls { brake: 1.0, motors: 0.0 };

fn drive(vehicle: &mut Vehicle, controls: Controls, seconds: u32) {
    for _ in 0..seconds * 1000 {
        vehicle.step(controls);
    }
}

#[test]
fn the_slope_pulls_and_the_brake_stops() {
    let mut vehicle = Vehicle::new(SEED);
    drive(&mut vehicle, NO_BRAKE, 5);
    assert!((4.5..5.0).contains(&vehicle.speed()), "{}", vehicle.speed());
    drive(&mut vehicle, FULL_BRAKE, 2);
    assert_eq!(vehicle.speed(), 0.0, "it does not roll backwards");
    drive(&mut vehicle, NO_BRAKE, 600);
    assert!((30.0..32.0).contains(&vehicle.speed()), "air resistance: {}", vehicle.speed());
}

#[test]
fn a_simple_controller_holds_the_speed() {
    let mut vehicle = Vehicle::new(SEED);
    let wheel_speed = sensor_by_name("wheel-speed").unwrap().id;
    let mut controls = NO_BRAKE;
    let mut integral = 0.0;
    for _ in 0..60 * 100 {
        for _ in 0..10 {
            vehicle.step(controls);
        }
        let error = vehicle.sample(wheel_speed).unwrap()[0] - 5.0;
        integral = f64::clamp(integral + 0.001 * error, 0.0, 1.0);
        controls.brake = f64::clamp(0.3 * error + integral, 0.0, 1.0);
    }
    assert!((vehicle.speed() - 5.0).abs() < 0.1, "{}", vehicle.speed());
}

#[test]
fn the_same_seed_gives_the_same_samples() {
    let run = |seed| {
        let mut vehicle = Vehicle::new(seed);
        drive(&mut vehicle, NO_BRAKE, 1);
        (0..SENSOR_COUNT).map(|id| vehicle.sample(id).unwrap().map(f64::to_bits)).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn readings_are_plausible_for_two_hours() {
    let mut vehicle = Vehicle::new(SEED);
    for second in 0..7_300u32 {
        for _ in 0..10 {
            vehicle.step(NO_BRAKE);
        }
        vehicle.skip(990);
        let [imu, barometer, wheels, battery, position, driver] =
            [0, 1, 2, 3, 4, 5].map(|id| *vehicle.sample(id).unwrap());
        assert!(imu[..3].iter().map(|a| a * a).sum::<f64>().sqrt() < 11.0, "at {second} s: {imu:?}");
        assert!((97_000.0..101_000.0).contains(&barometer[0]), "at {second} s: {barometer:?}");
        assert!((17.5..22.5).contains(&barometer[1]), "at {second} s: {barometer:?}");
        assert!(wheels[..4].iter().all(|speed| (0.0..33.0).contains(speed)), "at {second} s: {wheels:?}");
        assert!(
            (-1.0..2_001.0).contains(&position[0]) && (-201.0..1.0).contains(&position[2]),
            "{position:?}"
        );
        assert_eq!(driver, [0.0; 6], "nobody sits in it");
        assert!((13.0..17.0).contains(&battery[0]) && (0.04..=1.0).contains(&battery[2]), "{battery:?}");
    }
}

#[test]
fn the_hub_samples_by_the_clock() {
    let mut hub = Hub::new(SEED, 5_000);
    assert_eq!(hub.read(0), Err(Status::NotReady));
    assert_eq!(hub.advance(4_999, || NO_BRAKE), Steps { taken: 0, skipped: 0 });
    assert_eq!(hub.advance(5_000, || NO_BRAKE), Steps { taken: 1, skipped: 0 });
    assert_eq!(hub.advance(5_999, || NO_BRAKE), Steps { taken: 0, skipped: 0 });
    assert_eq!(hub.advance(8_100, || NO_BRAKE), Steps { taken: 3, skipped: 0 }, "catches up");
    assert_eq!(hub.read(0).unwrap().time_us, 8_000);
    assert_eq!(
        hub.advance(208_000, || NO_BRAKE),
        Steps { taken: STEPS_MAX, skipped: 200 - STEPS_MAX },
        "but not without end"
    );
    assert_eq!(hub.read(0).unwrap().time_us, 208_000);
    assert_eq!(hub.advance(208_500, || NO_BRAKE), Steps::default());
}

#[test]
fn clients_are_served() {
    let mut hub = Hub::new(SEED, 0);
    hub.advance(10_000, || NO_BRAKE);
    for sensor in &SENSORS {
        let request = Request::Read { id: sensor.id }.encode();
        let answer = hub.answer(request.label, request.words());
        let reading = Reading::decode(answer.label, answer.words()).unwrap();
        assert_eq!((reading.time_us, reading.values().len()), (10_000, sensor.values.len()));
    }
    assert_eq!(hub.answer(1, &[9]).label, Status::UnknownDevice as u64);
    assert_eq!(hub.answer(2, &[0]).words(), [6, 1_000]);
}

proptest! {
    #[test]
    fn no_controls_do_harm(brake: f64, motors: f64, steps in 1u64..200) {
        let mut vehicle = Vehicle::new(SEED);
        for _ in 0..steps {
            vehicle.step(Controls { brake, motors });
        }
        prop_assert!(vehicle.speed() >= 0.0);
        for id in 0..SENSOR_COUNT {
            prop_assert!(vehicle.sample(id).unwrap().iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn no_clock_does_harm(first_us: u64, times in proptest::collection::vec(any::<u64>(), 1..5)) {
        let mut hub = Hub::new(SEED, first_us);
        for now_us in times {
            let steps = hub.advance(now_us, || NO_BRAKE);
            prop_assert!(steps.taken <= STEPS_MAX);
            let _ = hub.read(0);
        }
    }
}
