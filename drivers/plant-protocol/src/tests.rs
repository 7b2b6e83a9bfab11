// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use std::vec::Vec;

use cofferdam_device_protocol::actuator::Output;
use cofferdam_device_protocol::{ACTUATOR_COUNT, SENSOR_COUNT, SENSORS, VALUES_MAX};
use cofferdam_shared_memory::SharedRegion;
use proptest::prelude::*;

use super::*;
use crate::samples::{ReadError, Sample, Writer};

const REGION_BYTES: usize = 4096;

fn shown() -> Samples {
    let mut samples = [[0.0; VALUES_MAX]; SENSOR_COUNT];
    samples[0] = [0.1, -0.2, 9.8, 0.01, -0.02, 0.03];
    samples[1][..2].copy_from_slice(&[101_325.0, 15.0]);
    samples[3][..3].copy_from_slice(&[16.8, 1.0, 0.9]);
    samples
}

/// What is read; an error must leave alone what was there.
fn read(region: &SharedRegion, now_us: u64) -> Result<Sample, ReadError> {
    let before = Sample { time_us: 77, samples: shown() };
    let mut sample = before;
    let read = samples::read(region, now_us, &mut sample);
    assert!(read.is_ok() || sample == before);
    read.map(|()| sample)
}

fn read_all(mut bytes: &[u8]) -> Vec<Result<Message, FrameError>> {
    let mut deframer = Deframer::new();
    core::iter::from_fn(|| deframer.next(&mut bytes)).collect()
}

#[test]
fn golden_bytes() {
    let hello = Frame::new(&Message::Hello(Hello { mode: Mode::Lockstep }));
    let mut golden = b"CfPl\x01\0\x01\0\x10\0\0\0".to_vec();
    golden.extend_from_slice(&hello.bytes()[12..16]);
    golden.extend_from_slice(&[1, 0, 6, 0, 9, 0, 6, 0]);
    golden.extend_from_slice(&1_000u64.to_le_bytes());
    assert_eq!(hello.bytes(), golden);
    let bye = Frame::new(&Message::Bye);
    // The CRC-32 of "CfPl\x01\0\x05\0\0\0\0\0", as `python3 -c 'import zlib…'` gives it.
    let mut golden = b"CfPl\x01\0\x05\0\0\0\0\0".to_vec();
    golden.extend_from_slice(&BYE_CHECKSUM.to_le_bytes());
    assert_eq!(bye.bytes(), golden);
    let outputs = [Output { value: 1.0, holder: Some(3) }; ACTUATOR_COUNT];
    let frame = Frame::new(&Message::Outputs(Outputs { tick: 7, late: 2, outputs }));
    assert_eq!(frame.bytes().len(), HEADER_BYTES + 16 + 16 * 9);
    assert_eq!(frame.bytes()[16..32], [7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(frame.bytes()[32..48], [0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 4, 0, 0, 0, 0, 0, 0, 0]);
    let frame = Frame::new(&Message::Sensors(Sensors { tick: 9, samples: shown() }));
    assert_eq!(frame.bytes().len(), FRAME_BYTES_MAX);
    assert_eq!(frame.bytes()[16..24], 9u64.to_le_bytes());
    assert_eq!(frame.bytes()[24..32], 0.1f64.to_le_bytes());
}

const BYE_CHECKSUM: u32 = 0x1b6d9ac1;

#[test]
fn other_versions_kinds_lengths_and_vehicles_are_refused() {
    let good = Frame::new(&Message::Hello(Hello { mode: Mode::Free })).bytes().to_vec();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
        let mut digest = checksum.digest();
        digest.update(&bytes[..12]);
        digest.update(&bytes[16..]);
        bytes[12..16].copy_from_slice(&digest.finalize().to_le_bytes());
        read_all(&bytes)[0]
    };
    assert_eq!(with(16, 2), Ok(Message::Hello(Hello { mode: Mode::Free })), "the same");
    assert_eq!(with(4, 2), Err(FrameError::UnknownVersion { version: 2 }));
    assert_eq!(with(6, 99), Err(FrameError::UnknownKind));
    assert_eq!(with(6, 3), Err(FrameError::BadLength), "another kind is longer");
    assert_eq!(with(6, 5), Err(FrameError::BadLength), "and another has nothing");
    assert_eq!(with(10, 1), Err(FrameError::BadLength), "longer than any");
    assert_eq!(with(16, 3), Err(FrameError::OtherVehicle), "an unknown mode");
    assert_eq!(with(18, 7), Err(FrameError::OtherVehicle), "another number of sensors");
    assert_eq!(with(24, 0), Err(FrameError::OtherVehicle), "other ticks");
}

#[test]
fn every_value_of_a_sensor_has_a_range_and_no_other_has() {
    for (sensor, ranges) in SENSORS.iter().zip(&RANGES) {
        for (value, (low, high)) in ranges.iter().enumerate() {
            assert_eq!(low < high, value < sensor.values.len(), "{} {value}", sensor.name);
        }
    }
    assert_eq!(check(&shown()), Ok(()));
    for (sensor, value, is) in [(0, 2, f64::NAN), (1, 0, 9e9), (3, 2, 1.1), (5, 0, -0.1), (2, 4, 1.0)] {
        let mut samples = shown();
        samples[sensor][value] = is;
        let error = check(&samples).unwrap_err();
        assert_eq!((error.sensor, error.value), (sensor, value));
    }
    let error = BadSample { sensor: 3, value: 0, is: f64::INFINITY };
    assert_eq!(std::format!("{error}"), "battery voltage shows what it cannot");
}

#[test]
fn samples_come_through_memory_while_they_are_fresh() {
    let region = SharedRegion::leaked(REGION_BYTES);
    assert_eq!(read(&region, 0), Err(ReadError::Detached), "nothing written yet");
    let mut writer = Writer::new(region).unwrap();
    assert_eq!(read(&region, 0), Err(ReadError::Detached));
    let sample = Sample { time_us: 5_000, samples: shown() };
    writer.publish(&sample).unwrap();
    assert_eq!(read(&region, 5_000), Ok(sample));
    assert_eq!(read(&region, 5_000 + STALE_US), Ok(sample));
    assert_eq!(read(&region, 5_001 + STALE_US), Err(ReadError::Stale { time_us: 5_000 }));
    assert_eq!(read(&region, 4_999), Err(ReadError::Stale { time_us: 5_000 }), "from the future");
    writer.detach().unwrap();
    assert_eq!(read(&region, 5_000), Err(ReadError::Detached));
}

#[test]
fn a_hostile_writer_gives_no_sample() {
    let region = SharedRegion::leaked(REGION_BYTES);
    let mut writer = Writer::new(region).unwrap();
    let mut samples = shown();
    samples[4][0] = f64::NAN;
    writer.publish(&Sample { time_us: 0, samples }).unwrap();
    assert!(matches!(read(&region, 0), Err(ReadError::Bad(BadSample { sensor: 4, value: 0, .. }))));
    region.store_u64_relaxed(16, 7).unwrap();
    assert_eq!(read(&region, 0), Err(ReadError::Busy));
    region.store_u32_relaxed(8, 9).unwrap();
    region.store_u64_relaxed(16, 8).unwrap();
    assert_eq!(read(&region, 0), Err(ReadError::UnknownLayout));
    region.store_u64_relaxed(0, 77).unwrap();
    assert_eq!(read(&region, 0), Err(ReadError::UnknownLayout));
    let small = SharedRegion::leaked(64);
    small.store_u64_relaxed(0, samples::MAGIC).unwrap();
    small.store_u64_relaxed(24, 1).unwrap();
    assert_eq!(read(&small, 0), Err(ReadError::UnknownLayout));
    assert!(Writer::new(SharedRegion::leaked(64)).is_err());
}

fn messages() -> impl Strategy<Value = Message> {
    let value = any::<u64>().prop_map(f64::from_bits);
    let values = proptest::array::uniform6(proptest::array::uniform6(value.clone()));
    let output =
        (value, proptest::option::of(any::<u8>())).prop_map(|(value, holder)| Output { value, holder });
    prop_oneof![
        prop_oneof![Just(Mode::Lockstep), Just(Mode::Free)].prop_map(|mode| Message::Hello(Hello { mode })),
        any::<u64>().prop_map(|first_tick| Message::Welcome(Welcome { first_tick })),
        (any::<u64>(), values).prop_map(|(tick, samples)| Message::Sensors(Sensors { tick, samples })),
        (any::<u64>(), any::<u64>(), proptest::array::uniform9(output))
            .prop_map(|(tick, late, outputs)| Message::Outputs(Outputs { tick, late, outputs })),
        Just(Message::Bye),
    ]
}

proptest! {
    /// Whatever noise stands between frames and wherever the bytes are cut, every message comes through; compared as frames,
    /// since a NaN differs from itself.
    #[test]
    fn messages_come_through_noise_and_cuts(
        sent in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..20), messages()), 1..8),
        cut in 1usize..400,
    ) {
        let mut bytes = Vec::new();
        for (noise, message) in &sent {
            // A noise that begins like a frame may swallow what follows.
            bytes.extend(noise.iter().filter(|byte| **byte != MAGIC[0]));
            bytes.extend_from_slice(Frame::new(message).bytes());
        }
        let mut deframer = Deframer::new();
        let mut came = Vec::new();
        for mut part in bytes.chunks(cut) {
            while let Some(outcome) = deframer.next(&mut part) {
                came.extend(outcome.ok().map(|message| Frame::new(&message)));
            }
        }
        let expected: Vec<Frame> = sent.iter().map(|(_, message)| Frame::new(message)).collect();
        prop_assert_eq!(came, expected);
    }

    /// One changed bit is always noticed.
    #[test]
    fn a_changed_bit_is_noticed(message in messages(), bit in any::<prop::sample::Index>()) {
        let mut bytes = Frame::new(&message).bytes().to_vec();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(read_all(&bytes).iter().all(Result::is_err));
    }

    /// Anything at all ends in errors, and a good frame behind a gap as long as a frame is found again.
    #[test]
    fn any_bytes_are_survived(noise in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'C'), Just(b'f')], 0..2_000)) {
        let mut bytes = noise;
        bytes.extend_from_slice(&[0; FRAME_BYTES_MAX]);
        bytes.extend_from_slice(Frame::new(&Message::Bye).bytes());
        let came = read_all(&bytes);
        prop_assert_eq!(came.last(), Some(&Ok(Message::Bye)));
    }
}
