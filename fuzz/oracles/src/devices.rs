// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Messages of protected procedure calls to sensor_hub, actuator_guard, topic_hub, timer_driver and entropy_driver, and their
//! replies; and the page of outputs. The first byte says which, the second the label (255: eight bytes follow).

use cofferdam_device_protocol::{SENSORS, actuator, outputs, sensor, topic};
use cofferdam_entropy_protocol as entropy;
use cofferdam_shared_memory::SharedRegion;
use cofferdam_timer_protocol as timer;

use crate::script::Script;

thread_local! {
    static MEMORY: SharedRegion = SharedRegion::leaked(4096);
}

/// What decodes encodes to a message that decodes to the same; values are finite where the contract says so.
pub fn run(input: &[u8]) -> bool {
    let mut script = Script(input);
    let kind = script.byte();
    if kind % 16 == 15 {
        return page(script.0);
    }
    let label = match script.byte() {
        255 => script.u64(),
        small => small.into(),
    };
    let mut words = vec![];
    while !script.0.is_empty() && words.len() < topic::WORDS_MAX + 1 {
        words.push(script.u64());
    }
    let words = words.as_slice();
    // Compared as messages, not as values: a NaN differs from itself.
    macro_rules! again {
        ($of:expr, $what:ty) => {
            match $of {
                Ok(value) => {
                    let message = value.encode();
                    let second = <$what>::decode(message.label, message.words());
                    let second = second.expect("what was encoded decodes").encode();
                    assert_eq!((message.label, message.words()), (second.label, second.words()));
                    true
                }
                Err(_) => false,
            }
        };
    }
    match kind % 16 {
        0 => again!(sensor::Request::decode(label, words), sensor::Request),
        1 => again!(sensor::Reading::decode(label, words), sensor::Reading),
        2 => again!(sensor::Info::decode(label, words), sensor::Info),
        3 => again!(actuator::Request::decode(label, words), actuator::Request),
        4 => again!(actuator::Lease::decode(label, words), actuator::Lease),
        5 => again!(actuator::Applied::decode(label, words), actuator::Applied),
        6 => again!(actuator::Output::decode(label, words), actuator::Output),
        7 => actuator::decode_done(label, words).is_ok(),
        8 => again!(timer::Request::decode(label, words), timer::Request),
        9 => again!(timer::Reply::decode(label, words), timer::Reply),
        10 => match entropy::Request::parse(label, words) {
            Ok(_) => {
                assert_eq!(label, entropy::FILL);
                true
            }
            Err(_) => false,
        },
        11 => again!(topic::Request::decode(label, words), topic::Request),
        12 => again!(topic::Received::decode(label, words), topic::Received),
        13 => again!(topic::Order::decode(label, words), topic::Order),
        _ => {
            let mut bytes = [0; entropy::BYTES_MAX];
            let wanted = usize::from(kind) % (entropy::BYTES_MAX + 1);
            entropy::unpack(label, words, &mut bytes[..wanted]).is_ok()
        }
    }
}

fn page(bytes: &[u8]) -> bool {
    let region = MEMORY.with(|memory| *memory);
    region.clear(0, 4096).unwrap();
    region.copy_in(0, bytes.get(..4096).unwrap_or(bytes)).unwrap();
    let Ok(read) = outputs::read(&region) else { return false };
    for (output, actuator) in read.outputs.iter().zip(&cofferdam_device_protocol::ACTUATORS) {
        assert!((actuator.min..=actuator.max).contains(&output.value), "a value out of range");
        assert!((actuator.min..=actuator.max).contains(&output.target), "it goes out of range");
    }
    true
}

/// Requests, replies, and a page of outputs.
pub fn seeds() -> Vec<Vec<u8>> {
    let message = |kind: u8, label: u64, words: &[u64]| {
        let words = words.iter().flat_map(|word| word.to_le_bytes());
        [kind, u8::try_from(label).unwrap()].into_iter().chain(words).collect::<Vec<u8>>()
    };
    let read = sensor::Request::Read { id: SENSORS.len() - 1 }.encode();
    let reading = sensor::Reading::new(9, &[1.0, -2.0]).encode();
    let lease = actuator::Request::LeaseAcquire { id: 0, duration_us: 1000 }.encode();
    let write = actuator::Request::Write { id: 0, value: 0.5 }.encode();
    let now = timer::Request::Now.encode();
    let region = SharedRegion::leaked(4096);
    let mut writer = outputs::Writer::new(region).unwrap();
    let output = outputs::Moving { value: 0.5, holder: Some(1), target: 0.6, per_second: 20.0 };
    writer.publish(7, &[output; cofferdam_device_protocol::ACTUATOR_COUNT]).unwrap();
    let mut page = vec![0; size_of::<outputs::Layout>()];
    region.copy_out(0, &mut page).unwrap();
    let payload = topic::Payload::new(b"message").unwrap();
    let publish = topic::Request::Publish { place: 1, payload }.encode();
    let received = topic::Received { time_us: 1, sequence: 2, payload }.encode();
    let permission = topic::TopicPermission {
        name: topic::TopicName::new(b"pose").unwrap(),
        publishes_per_second: 1,
        receives_per_second: 0,
    };
    let permit = topic::Order::Permit { client: 0, place: 1, permission }.encode();
    vec![
        message(11, publish.label, publish.words()),
        message(12, received.label, received.words()),
        message(13, permit.label, permit.words()),
        message(0, read.label, read.words()),
        message(1, reading.label, reading.words()),
        message(3, lease.label, lease.words()),
        message(3, write.label, write.words()),
        message(8, now.label, now.words()),
        message(10, entropy::FILL, &[16]),
        [&[15], page.as_slice()].concat(),
    ]
}
