// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Records between gateway and its two neighbours. The first byte says which contract's.

use cofferdam_gateway_protocol::{DATA_BYTES_MAX, FromManager, HEAD_BYTES, ToManager};
use cofferdam_net_protocol::{self as net, Link, Record};

/// What parses is within the contract's bounds and survives being made again.
pub fn run(input: &[u8]) -> bool {
    let Some((contract, record)) = input.split_first() else { return false };
    match contract % 3 {
        0 => ToManager::parse(record).is_ok_and(|message| {
            assert!(message.body().len() <= DATA_BYTES_MAX);
            let again = [message.head().as_slice(), message.body()].concat();
            assert_eq!(ToManager::parse(&again), Ok(message));
            assert_eq!(again.len(), HEAD_BYTES + message.body().len());
            true
        }),
        1 => FromManager::parse(record).is_ok_and(|message| {
            assert!(message.body().len() <= DATA_BYTES_MAX);
            let again = [message.head().as_slice(), message.body()].concat();
            assert_eq!(FromManager::parse(&again), Ok(message));
            true
        }),
        _ => match net::parse(record) {
            Ok(Record::Frame(frame)) => {
                assert!((net::FRAME_BYTES_MIN..=net::FRAME_BYTES_MAX).contains(&frame.len()));
                assert!(record.ends_with(frame));
                true
            }
            Ok(Record::Link(link)) => {
                assert!((68..=1500).contains(&link.payload_bytes_max) && link.hardware_address[0] & 1 == 0);
                assert_eq!(net::parse(&net::link_record(&link)), Ok(Record::Link(link)));
                true
            }
            Ok(Record::Ask) => {
                // Reserved bytes may be anything, as in every record.
                assert_eq!(record.len(), net::ask_record().len());
                assert_eq!(net::parse(&net::ask_record()), Ok(Record::Ask));
                true
            }
            Err(_) => false,
        },
    }
}

/// One of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let to = |message: ToManager<'_>| [&[0], message.head().as_slice(), message.body()].concat();
    let from = |message: FromManager<'_>| [&[1], message.head().as_slice(), message.body()].concat();
    let link = Link { hardware_address: [2, 0, 0, 0, 0, 1], payload_bytes_max: 1500 };
    vec![
        to(ToManager::Opened { connection: 1, peer: [10, 0, 2, 2], port: 4000 }),
        to(ToManager::Data { connection: 1, bytes: b"bytes" }),
        to(ToManager::Closed { connection: 1 }),
        from(FromManager::Data { connection: 1, bytes: b"bytes" }),
        from(FromManager::Close { connection: 1 }),
        [&[2], net::link_record(&link).as_slice()].concat(),
        [&[2], net::frame_head().as_slice(), &[0; 60]].concat(),
    ]
}
