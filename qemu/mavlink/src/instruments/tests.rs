// SPDX-License-Identifier: Apache-2.0 OR MIT
use std::f64::consts::PI;

use mavlink::dialects::common::{ATTITUDE_DATA, HIL_ACTUATOR_CONTROLS_DATA};
use proptest::prelude::*;

use super::*;
use crate::signals;
use crate::truth::Truth;

const PRESSURE: f64 = 101_325.0;

fn home(heading: f64) -> Home {
    Home::new(47.4, 8.5, 488.0, heading).unwrap()
}

fn rest() -> Truth {
    Truth { position: DVec3::ZERO, velocity: DVec3::ZERO, attitude: DQuat::IDENTITY, rates: DVec3::ZERO }
}

/// What a level vehicle at rest shows.
fn shown() -> Samples {
    let mut samples = [[0.0; VALUES_MAX]; SENSOR_COUNT];
    samples[0][2] = GRAVITY;
    samples[1][..2].copy_from_slice(&[PRESSURE, 15.0]);
    samples[3][..3].copy_from_slice(&[16.8, 1.0, 0.9]);
    samples
}

/// Instruments at home that have heard everything once.
fn ready(from: Position, heading: f64) -> Instruments {
    let mut instruments = Instruments::new(from, None);
    let (home, shown) = (home(heading), shown());
    assert!(instruments.missing().is_some());
    assert_eq!(instruments.hear(&MavMessage::HIL_SENSOR(signals::sensor(1_000, &shown))), Ok(Some(1_000)));
    assert!(instruments.missing().is_some());
    let state = signals::state(1_000, &home, &rest());
    assert_eq!(instruments.hear(&MavMessage::HIL_STATE_QUATERNION(state)), Ok(None));
    assert_eq!(instruments.hear(&MavMessage::HIL_GPS(signals::gps(1_000, &home, &shown))), Ok(None));
    assert_eq!(instruments.hear(&MavMessage::SYS_STATUS(signals::battery(&shown))), Ok(None));
    assert_eq!(instruments.missing(), None);
    instruments
}

#[test]
fn a_level_vehicle_at_rest_feels_its_weight_upwards() {
    let said = signals::sensor(0, &shown());
    assert_eq!((said.zacc, said.abs_pressure), (-GRAVITY as f32, 1_013.25));
    let seen = *ready(Position::Gps, 1.0).samples();
    for (seen, expected) in seen.as_flattened().iter().zip(shown().as_flattened()) {
        assert!((seen - expected).abs() < 0.01, "{seen} not {expected}");
    }
}

#[test]
fn what_was_not_updated_stays() {
    let mut instruments = ready(Position::Gps, 0.0);
    let mut other = shown();
    (other[0][0], other[0][5], other[1][0]) = (1.0, 2.0, 90_000.0);
    let mut said = signals::sensor(2_000, &other);
    said.fields_updated = HilSensorUpdatedFlags::HIL_SENSOR_UPDATED_ZGYRO;
    assert_eq!(instruments.hear(&MavMessage::HIL_SENSOR(said)), Ok(Some(2_000)));
    let [imu, [pressure, ..], ..] = *instruments.samples();
    assert!(imu[0].abs() < 1e-6 && (imu[5] - 2.0).abs() < 1e-6 && (pressure - PRESSURE).abs() < 0.01);
}

#[test]
fn other_messages_and_other_sensors_change_nothing() {
    let mut instruments = ready(Position::Gps, 0.0);
    let before = *instruments.samples();
    let mut second = signals::sensor(9_000, &shown());
    (second.id, second.zacc) = (1, 3.0);
    let mut lost = signals::gps(9_000, &home(0.0), &shown());
    (lost.fix_type, lost.vn) = (2, 500);
    for message in [
        MavMessage::HIL_SENSOR(second),
        MavMessage::HIL_GPS(lost),
        MavMessage::ATTITUDE(ATTITUDE_DATA { roll: f32::NAN, ..Default::default() }),
        MavMessage::HIL_ACTUATOR_CONTROLS(HIL_ACTUATOR_CONTROLS_DATA::default()),
    ] {
        assert_eq!(instruments.hear(&message), Ok(None));
        assert_eq!(*instruments.samples(), before, "{message:?}");
    }
}

#[test]
fn what_no_sensor_shows_is_refused_and_changes_nothing() {
    let mut instruments = ready(Position::State, 0.0);
    let before = *instruments.samples();
    let good = signals::sensor(2_000, &shown());
    let state = signals::state(2_000, &home(0.0), &rest());
    let refused = [
        (
            MavMessage::HIL_SENSOR(HIL_SENSOR_DATA { xgyro: f32::NAN, ..good.clone() }),
            Refusal::NotANumber("HIL_SENSOR"),
        ),
        (
            MavMessage::HIL_SENSOR(HIL_SENSOR_DATA { time_usec: 999, ..good.clone() }),
            Refusal::TimeGoesBack { from_us: 1_000, to_us: 999 },
        ),
        (
            MavMessage::HIL_SENSOR(HIL_SENSOR_DATA { time_usec: 1_001_001, ..good.clone() }),
            Refusal::TimeLeaps(1_000_001),
        ),
        (
            MavMessage::HIL_STATE_QUATERNION(HIL_STATE_QUATERNION_DATA {
                attitude_quaternion: [0.0; 4],
                ..state.clone()
            }),
            Refusal::NoAttitude,
        ),
    ];
    for (message, refusal) in refused {
        assert_eq!(instruments.hear(&message), Err(refusal));
        assert_eq!(*instruments.samples(), before);
    }
    for message in [
        MavMessage::HIL_SENSOR(HIL_SENSOR_DATA { abs_pressure: -1.0, ..good.clone() }),
        MavMessage::HIL_STATE_QUATERNION(HIL_STATE_QUATERNION_DATA { lat: i32::MAX, ..state.clone() }),
        MavMessage::HIL_STATE_QUATERNION(HIL_STATE_QUATERNION_DATA { vz: i16::MIN, ..state.clone() }),
    ] {
        assert!(matches!(instruments.hear(&message), Err(Refusal::Bad(_))), "{message:?}");
        assert_eq!(*instruments.samples(), before);
    }
    // The same moment again is no step; what is more than a sensor shows is its most.
    let again = HIL_SENSOR_DATA { time_usec: 1_000, xacc: 1e9, ..good };
    assert_eq!(instruments.hear(&MavMessage::HIL_SENSOR(again)), Ok(None));
    assert_eq!(instruments.samples()[0][0], ACCEL_MAX);
}

#[test]
fn it_says_what_is_missing() {
    let mut instruments = Instruments::new(Position::Gps, Some(0.0));
    let mut said = signals::sensor(0, &shown());
    said.fields_updated -= HilSensorUpdatedFlags::HIL_SENSOR_UPDATED_ABS_PRESSURE;
    instruments.hear(&MavMessage::HIL_SENSOR(said)).unwrap();
    assert!(instruments.missing().unwrap().contains("HIL_SENSOR"));
    instruments.hear(&MavMessage::HIL_SENSOR(signals::sensor(1, &shown()))).unwrap();
    assert!(instruments.missing().unwrap().contains("HIL_GPS"));
    let nowhere = HIL_GPS_DATA { fix_type: FIX_3D, lat: i32::MAX, ..Default::default() };
    assert_eq!(instruments.hear(&MavMessage::HIL_GPS(nowhere)), Err(Refusal::NoHome));
    let mut unknown = Instruments::new(Position::Gps, None);
    unknown.hear(&MavMessage::HIL_SENSOR(signals::sensor(1, &shown()))).unwrap();
    assert!(unknown.missing().unwrap().contains("--heading"));
}

proptest! {
    /// What sensors show goes out, comes back, and is the same to the steps of the messages.
    #[test]
    fn samples_come_back(
        heading in -PI..PI,
        accel in proptest::array::uniform3(-100.0..100.0f64),
        gyro in proptest::array::uniform3(-30.0..30.0f64),
        pressure in 30_000.0..110_000.0f64,
        at in proptest::array::uniform3(-500.0..500.0f64),
        moving in proptest::array::uniform3(-100.0..100.0f64),
    ) {
        for from in [Position::Gps, Position::State] {
            let mut instruments = ready(from, heading);
            let mut sent = shown();
            sent[0] = [accel[0], accel[1], accel[2], gyro[0], gyro[1], gyro[2]];
            sent[1][0] = pressure;
            sent[4] = [at[0], at[1], at[2], moving[0], moving[1], moving[2]];
            let truth = Truth { position: DVec3::from_array(at), velocity: DVec3::from_array(moving), ..rest() };
            for message in [
                MavMessage::HIL_SENSOR(signals::sensor(5_000, &sent)),
                MavMessage::HIL_GPS(signals::gps(5_000, &home(heading), &sent)),
                MavMessage::HIL_STATE_QUATERNION(signals::state(5_000, &home(heading), &truth)),
            ] {
                instruments.hear(&message).unwrap();
            }
            let seen = instruments.samples();
            prop_assert!(check(seen).is_ok());
            for (value, within) in seen[0].iter().zip(sent[0]).map(|(a, b)| (a - b, 1e-4))
                .chain([(seen[1][0] - pressure, 0.01)])
                // Steps of 11 mm, halved, in two axes; of a centimetre a second likewise.
                .chain((0..3).map(|axis| (seen[4][axis] - sent[4][axis], 0.02)))
                .chain((3..6).map(|axis| (seen[4][axis] - sent[4][axis], 0.01)))
            {
                prop_assert!(value.abs() < within, "{} in {:?}", value, seen);
            }
        }
    }

    /// Whatever a message holds, what is shown is what sensors show.
    #[test]
    fn anything_ends_in_what_sensors_show(
        time_usec in prop_oneof![0u64..10_000, any::<u64>()],
        values in proptest::array::uniform8(any::<f32>()),
        bits in any::<u32>(),
        places in proptest::array::uniform3(any::<i32>()),
        speeds in proptest::array::uniform3(any::<i16>()),
        state in any::<bool>(),
    ) {
        let from = if state { Position::State } else { Position::Gps };
        let mut instruments = ready(from, 0.3);
        let [xacc, yacc, zacc, xgyro, ygyro, zgyro, abs_pressure, temperature] = values;
        let [lat, lon, alt] = places;
        let [vx, vy, vz] = speeds;
        for message in [
            MavMessage::HIL_SENSOR(HIL_SENSOR_DATA {
                time_usec, xacc, yacc, zacc, xgyro, ygyro, zgyro, abs_pressure, temperature,
                fields_updated: HilSensorUpdatedFlags::from_bits_truncate(bits),
                ..Default::default()
            }),
            MavMessage::HIL_GPS(HIL_GPS_DATA { time_usec, fix_type: bits as u8, lat, lon, alt, vn: vx, ve: vy, vd: vz, ..Default::default() }),
            MavMessage::HIL_STATE_QUATERNION(HIL_STATE_QUATERNION_DATA {
                time_usec, attitude_quaternion: [xacc, yacc, zacc, xgyro], lat, lon, alt, vx, vy, vz, ..Default::default()
            }),
            MavMessage::SYS_STATUS(SYS_STATUS_DATA {
                voltage_battery: bits as u16, current_battery: vx, battery_remaining: vy as i8, ..Default::default()
            }),
        ] {
            let before = *instruments.samples();
            if instruments.hear(&message).is_err() {
                prop_assert_eq!(*instruments.samples(), before);
            }
            prop_assert_eq!(check(instruments.samples()), Ok(()));
        }
    }
}
