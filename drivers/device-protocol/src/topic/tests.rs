// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use proptest::prelude::*;
use std::vec::Vec;

use super::*;

fn name(text: &str) -> TopicName {
    TopicName::new(text.as_bytes()).unwrap()
}

#[test]
fn golden_messages() {
    let payload = Payload::new(b"123456789").unwrap();
    let (low, high) = (u64::from_le_bytes(*b"12345678"), u64::from(b'9'));
    let publish = Request::Publish { place: 3, payload };
    for (request, label, words) in
        [(publish, 1, [3, 9, low, high].as_slice()), (Request::Receive { place: 7 }, 2, &[7])]
    {
        assert_eq!((request.encode().label, request.encode().words()), (label, words));
        assert_eq!(Request::decode(label, words), Ok(request));
    }
    let received = Received { time_us: 5, sequence: 6, payload };
    assert_eq!((received.encode().label, received.encode().words()), (1, [5, 6, 9, low, high].as_slice()));
    assert_eq!(Published { sequence: 4 }.encode().words(), [4]);
    let permission = TopicPermission { name: name("pose"), publishes_per_second: 50, receives_per_second: 0 };
    let pose = u64::from_le_bytes(*b"pose\0\0\0\0");
    for (order, label, words) in [
        (Order::Revoke { client: 3 }, 32, [3].as_slice()),
        (Order::Permit { client: 1, place: 2, permission }, 33, &[1, 2, pose, 0, 0, 0, 50, 0]),
    ] {
        assert_eq!((order.encode().label, order.encode().words()), (label, words));
        assert_eq!(Order::decode(label, words), Ok(order));
    }
}

#[test]
fn what_is_none_is_refused() {
    for (label, words, status) in [
        (1, [].as_slice(), Status::BadLength),
        (1, &[0], Status::BadLength),
        (1, &[0, 9, 0], Status::BadLength),
        (1, &[0, 8, 0, 0], Status::BadLength),
        (1, &[0, 1, 0x100], Status::BadLength),
        (1, &[0, 129], Status::BadLength),
        (1, &[0, u64::MAX], Status::BadLength),
        (1, &[8, 0], Status::UnknownDevice),
        (2, &[8], Status::UnknownDevice),
        (2, &[0, 0], Status::BadLength),
        (32, &[0], Status::UnknownRequest),
        (0, &[], Status::UnknownRequest),
    ] {
        assert_eq!(Request::decode(label, words), Err(status), "{label} {words:?}");
    }
    for (words, status) in [
        ([4, 0, 1, 0, 0, 0, 1, 1].as_slice(), Status::NotAClient),
        (&[0, 8, 1, 0, 0, 0, 1, 1], Status::UnknownDevice),
        (&[0, 0, 0, 0, 0, 0, 1, 1], Status::BadPermission),
        (&[0, 0, 1, 1, 0, 0, 1, 1], Status::BadPermission),
        (&[0, 0, 1, 0, 0, 0, 0, 0], Status::BadPermission),
        (&[0, 0, 1, 0, 0, 0, 1 << 32, 1], Status::BadPermission),
        (&[0, 0, 1, 0, 0, 1, 1], Status::BadLength),
    ] {
        assert_eq!(Order::decode(33, words), Err(status), "{words:?}");
    }
    assert_eq!(Payload::new(&[0; MESSAGE_BYTES_MAX + 1]), Err(Status::BadLength));
    assert!(TopicName::new(b"").is_none() && TopicName::new(&[b'a'; 33]).is_none());
    assert!(TopicName::new(b"a\0b").is_none() && TopicName::new(&[b'a'; 32]).is_some());
}

proptest! {
    #[test]
    fn any_message_decodes_to_itself_or_is_refused(
        label in prop_oneof![0u64..4, 31u64..35],
        words in proptest::collection::vec(prop_oneof![0u64..130, any::<u64>()], 0..WORDS_MAX + 2),
    ) {
        if let Ok(request) = Request::decode(label, &words) {
            let message = request.encode();
            prop_assert_eq!((message.label, message.words()), (label, words.as_slice()));
        }
        if let Ok(order) = Order::decode(label, &words) {
            let message = order.encode();
            prop_assert_eq!((message.label, message.words()), (label, words.as_slice()));
        }
        if let Ok(received) = Received::decode(label, &words) {
            let message = received.encode();
            prop_assert_eq!((message.label, message.words()), (label, words.as_slice()));
        }
        let _ = Published::decode(label, &words);
    }

    #[test]
    fn any_payload_comes_through(
        bytes in proptest::collection::vec(any::<u8>(), 0..=MESSAGE_BYTES_MAX), time_us: u64, sequence: u64,
    ) {
        let payload = Payload::new(&bytes).unwrap();
        let message = Request::Publish { place: 1, payload }.encode();
        prop_assert_eq!(Request::decode(message.label, message.words()), Ok(Request::Publish { place: 1, payload }));
        let received = Received { time_us, sequence, payload };
        let message = received.encode();
        let again = Received::decode(message.label, message.words()).unwrap();
        prop_assert_eq!((again, again.payload.bytes().to_vec()), (received, Vec::from(bytes.as_slice())));
    }
}
