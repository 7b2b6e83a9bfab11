// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn record(head: [u8; HEAD_BYTES], body: &[u8]) -> Vec<u8> {
    [head.as_slice(), body].concat()
}

#[test]
fn golden_bytes_to_manager() {
    let opened = ToManager::Opened { connection: 0x0403_0201, peer: [10, 0, 2, 2], port: 0x1234 };
    let data = ToManager::Data { connection: 2, bytes: b"xyz" };
    let closed = ToManager::Closed { connection: 3 };
    let address = ToManager::Address { address: [10, 0, 2, 15], prefix: 24, source: AddressSource::Fallback };
    let golden: [(ToManager, &[u8]); 4] = [
        (opened, &[1, 1, 0, 0, 1, 2, 3, 4, 10, 0, 2, 2, 0x34, 0x12, 0, 0]),
        (data, &[2, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'x', b'y', b'z']),
        (closed, &[3, 1, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (address, &[4, 1, 0, 0, 0, 0, 0, 0, 10, 0, 2, 15, 0, 0, 24, 2]),
    ];
    for (message, bytes) in golden {
        assert_eq!(record(message.head(), message.body()), bytes);
        assert_eq!(ToManager::parse(bytes), Ok(message));
    }
}

#[test]
fn golden_bytes_from_manager() {
    let golden: [(FromManager, &[u8]); 3] = [
        (
            FromManager::Data { connection: 1, bytes: b"!" },
            &[2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'!'],
        ),
        (FromManager::Close { connection: 1 }, &[5, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (FromManager::Begin, &[6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for (message, bytes) in golden {
        assert_eq!(record(message.head(), message.body()), bytes);
        assert_eq!(FromManager::parse(bytes), Ok(message));
    }
}

#[test]
fn refusals_say_why() {
    let mut bytes = record(ToManager::Closed { connection: 1 }.head(), b"");
    assert_eq!(ToManager::parse(&bytes[..15]), Err(Malformed::TooShort { length_bytes: 15 }));
    assert_eq!(FromManager::parse(&bytes), Err(Malformed::Kind(3)));
    bytes[0] = 0;
    assert_eq!(ToManager::parse(&bytes), Err(Malformed::Kind(0)));
    bytes[0] = 2;
    assert_eq!(ToManager::parse(&bytes), Err(Malformed::Length { kind: 2, length_bytes: 0 }));
    bytes[1] = 9;
    assert_eq!(ToManager::parse(&bytes), Err(Malformed::Version(9)));
    let long = record(FromManager::Data { connection: 1, bytes: b"x" }.head(), &[0; DATA_BYTES_MAX + 1]);
    assert!(matches!(FromManager::parse(&long), Err(Malformed::Length { .. })));
    assert!(FromManager::parse(&long[..long.len() - 1]).is_ok());
    let mut address = ToManager::Address { address: [0; 4], prefix: 33, source: AddressSource::Dhcp }.head();
    assert_eq!(ToManager::parse(&address), Err(Malformed::Address { prefix: 33, source: 1 }));
    (address[14], address[15]) = (32, 3);
    assert_eq!(ToManager::parse(&address), Err(Malformed::Address { prefix: 32, source: 3 }));
}

proptest! {
    #[test]
    fn any_bytes_parse_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(message) = ToManager::parse(&bytes) {
            let again = record(message.head(), message.body());
            prop_assert_eq!(ToManager::parse(&again), Ok(message));
        }
        if let Ok(message) = FromManager::parse(&bytes) {
            let again = record(message.head(), message.body());
            prop_assert_eq!(FromManager::parse(&again), Ok(message));
        }
    }
}
