// SPDX-License-Identifier: Apache-2.0 OR MIT
use proptest::prelude::*;

use super::*;
use crate::actuator::{Applied, Lease, Output};
use crate::sensor::{Info, Reading};

#[test]
fn ids_are_places_and_names_are_unique() {
    for (place, sensor) in SENSORS.iter().enumerate() {
        assert_eq!(sensor.id, place);
        assert!(sensor.values.len() <= VALUES_MAX);
        assert_eq!(sensor_by_name(sensor.name).map(|found| found.id), Some(place));
    }
    for (place, actuator) in ACTUATORS.iter().enumerate() {
        assert_eq!(actuator.id, place);
        assert!(actuator.min <= actuator.safe && actuator.safe <= actuator.max);
        assert!(actuator.slew_per_second > 0.0 && actuator.fresh_us > 0);
        // What it does by itself is no faster than what it may be made to do.
        if let SafeState::Descent { share_permille, stop_us, .. } = actuator.safe_state {
            assert!((actuator.max - actuator.min) * 1e6 / stop_us as f64 <= actuator.slew_per_second);
            assert!(share_permille < 1_000, "it descends");
        }
        assert_eq!(actuator_by_name(actuator.name).map(|found| found.id), Some(place));
    }
    assert!(sensor_by_name("brake").is_none() && actuator_by_name("").is_none());
}

/// The names that manifests are signed with: they may be added to, never changed.
#[test]
fn golden_names() {
    assert_eq!(
        SENSORS.map(|sensor| sensor.name),
        ["imu", "barometer", "wheel-speed", "battery", "position", "driver"]
    );
    assert_eq!(SENSORS.map(|sensor| sensor.values.len()), [6, 2, 4, 3, 6, 4]);
    assert_eq!(
        ACTUATORS.map(|actuator| actuator.name),
        [
            "motor-0",
            "motor-1",
            "motor-2",
            "motor-3",
            "brake",
            "brake-release-0",
            "brake-release-1",
            "brake-release-2",
            "brake-release-3"
        ]
    );
}

#[test]
fn golden_sensor_messages() {
    for (request, label) in [(sensor::Request::Read { id: 2 }, 1), (sensor::Request::Info { id: 2 }, 2)] {
        let message = request.encode();
        assert_eq!((message.label, message.words()), (label, [2].as_slice()));
        assert_eq!(sensor::Request::decode(label, &[2]), Ok(request));
    }
    let reading = Reading::new(77, &[1.0, -2.0]).encode();
    assert_eq!((reading.label, reading.words()), (1, [77, 2, 0x3ff0 << 48, 0xc000 << 48].as_slice()));
    let info = Info { count: 6, period_us: 1000 }.encode();
    assert_eq!((info.label, info.words()), (1, [6, 1000].as_slice()));
}

#[test]
fn golden_actuator_messages() {
    use actuator::Request;
    let golden = [
        (Request::LeaseAcquire { id: 4, duration_us: 20_000 }, 1, [4, 20_000].as_slice()),
        (Request::Write { id: 4, value: 1.0 }, 2, &[4, 0x3ff0 << 48]),
        (Request::LeaseRelease { id: 4 }, 3, &[4]),
        (Request::ReleaseAll, 4, &[]),
        (Request::Read { id: 0 }, 5, &[0]),
    ];
    for (request, label, words) in golden {
        let message = request.encode();
        assert_eq!((message.label, message.words()), (label, words));
        assert_eq!(Request::decode(label, words), Ok(request));
    }
    assert_eq!(Lease { until_us: 5 }.encode().words(), [5]);
    assert_eq!(Applied { value: 1.0 }.encode().words(), [0x3ff0 << 48]);
    assert_eq!(Output { value: 1.0, holder: None }.encode().words(), [0x3ff0 << 48, 0]);
    assert_eq!(Output { value: 1.0, holder: Some(0) }.encode().words(), [0x3ff0 << 48, 1]);
    assert_eq!(Output::decode(1, &[0, 256]), Ok(Output { value: 0.0, holder: Some(255) }));
    assert!(matches!(Output::decode(1, &[0, 257]), Err(CallError::BadReply(_))));
    assert_eq!(actuator::decode_done(1, actuator::done().words()), Ok(()));
}

#[test]
fn golden_statuses() {
    let all = [
        Status::Ok,
        Status::UnknownRequest,
        Status::BadLength,
        Status::UnknownDevice,
        Status::NotReady,
        Status::NoLease,
        Status::HeldByAnother,
        Status::OutOfRange,
        Status::NotANumber,
        Status::BadDuration,
        Status::NotAClient,
        Status::NotPermitted,
        Status::TooOften,
        Status::BadPermission,
        Status::Interlocked,
    ];
    for (status, code) in all.into_iter().zip(1..) {
        assert_eq!(status as u64, code);
        assert_eq!(Status::from_code(code), Some(status));
    }
    for (status, code) in [(Status::BadSwap, 20), (Status::NotAgreed, 21)] {
        assert_eq!((status as u64, Status::from_code(code)), (code, Some(status)));
    }
    assert_eq!((Status::from_code(0), Status::from_code(16)), (None, None));
}

#[test]
fn refused_requests() {
    assert_eq!(sensor::Request::decode(1, &[6]), Err(Status::UnknownDevice));
    assert_eq!(sensor::Request::decode(1, &[]), Err(Status::BadLength));
    assert_eq!(sensor::Request::decode(3, &[0]), Err(Status::UnknownRequest));
    assert_eq!(actuator::Request::decode(2, &[9, 0]), Err(Status::UnknownDevice));
    assert_eq!(actuator::Request::decode(2, &[u64::MAX, 0]), Err(Status::UnknownDevice));
    assert_eq!(actuator::Request::decode(4, &[0]), Err(Status::BadLength));
    assert_eq!(actuator::Request::decode(0, &[]), Err(Status::UnknownRequest));
}

#[test]
fn refusals_come_through() {
    let message = sensor::refusal(Status::NotReady);
    assert_eq!(Reading::decode(message.label, message.words()), Err(CallError::Refused(Status::NotReady)));
    assert_eq!(
        Reading::decode(0, &[]),
        Err(CallError::BadReply(BadReply { label: 0, words: 0 })),
        "zero is no status"
    );
    assert!(matches!(Reading::decode(1, &[0, 2, 0]), Err(CallError::BadReply(_))), "count and words differ");
    assert!(matches!(Reading::decode(1, &[0; 9]), Err(CallError::BadReply(_))), "too many values");
}

proptest! {
    #[test]
    fn any_request_decodes_or_is_refused(
        label in 0u64..8,
        words in proptest::collection::vec(prop_oneof![0u64..8, any::<u64>()], 0..5),
    ) {
        if let Ok(request) = sensor::Request::decode(label, &words) {
            let message = request.encode();
            prop_assert_eq!((message.label, message.words()), (label, words.as_slice()));
        }
        if let Ok(request) = actuator::Request::decode(label, &words) {
            let message = request.encode();
            prop_assert_eq!((message.label, message.words()), (label, words.as_slice()));
        }
    }

    #[test]
    fn any_reply_is_taken_or_refused(label in 0u64..17, words in proptest::collection::vec(any::<u64>(), 0..12)) {
        let _ = Reading::decode(label, &words);
        let _ = Info::decode(label, &words);
        let _ = Lease::decode(label, &words);
        let _ = Applied::decode(label, &words);
        let _ = Output::decode(label, &words);
    }

    #[test]
    fn readings_come_through(time_us: u64, values in proptest::collection::vec(-1e9f64..1e9, 0..=VALUES_MAX)) {
        let reading = Reading::new(time_us, &values);
        let message = reading.encode();
        let read = Reading::decode(message.label, message.words()).unwrap();
        prop_assert_eq!(read.values(), values.as_slice());
        prop_assert_eq!(read.time_us, time_us);
    }
}
