// SPDX-License-Identifier: Apache-2.0 OR MIT
//! gateway between a hostile network and a hostile wasm_manager: the input is a script of frames, records and time.

use cofferdam_gateway_protocol::{self as management, ToManager};
use cofferdam_net_protocol::{self as net, Link, Record};
use cofferdam_shared_memory::{Consumer, Producer, SharedRegion};
use cofferdam_tcp_gateway::{Config, Gateway, Queues};

use crate::script::Script;

const NET_RECORDS: usize = 16;
const MANAGEMENT_RECORDS: usize = 8;
const OURS: [u8; 6] = [2, 0, 0, 0, 0, 1];
const THEIRS: [u8; 6] = [2, 0, 0, 0, 0, 2];

thread_local! {
    /// Data and counter of four queues.
    static MEMORY: [[SharedRegion; 2]; 4] = std::array::from_fn(|at| {
        let (records, bytes) = if at < 2 {
            (NET_RECORDS, net::RECORD_BYTES)
        } else {
            (MANAGEMENT_RECORDS, management::RECORD_BYTES)
        };
        [SharedRegion::leaked(4096 + records * bytes), SharedRegion::leaked(64)]
    });
}

fn queue(at: usize, record_bytes: usize) -> (Producer, Consumer) {
    let [data, taken] = MEMORY.with(|memory| memory[at]);
    data.clear(0, 4096).unwrap(); // the records themselves need no clearing
    taken.clear(0, 64).unwrap();
    let consumer = Consumer::new(data, taken, record_bytes).unwrap();
    (Producer::new(data, taken, record_bytes).unwrap(), consumer)
}

/// gateway comes to rest after a bounded number of frames; what it sends is frames, and what it tells wasm_manager
/// is in the contract's order: opened, data, closed, one connection at a time, with numbers that grow.
pub fn run(input: &[u8]) -> bool {
    let (mut net_in, net_receive) = queue(0, net::RECORD_BYTES);
    let (net_transmit, mut net_out) = queue(1, net::RECORD_BYTES);
    let (to_manager, mut manager_in) = queue(2, management::RECORD_BYTES);
    let (mut manager_out, from_manager) = queue(3, management::RECORD_BYTES);
    let queues = Queues { net_receive, net_transmit, to_manager, from_manager };
    let mut gateway = Gateway::new(Config::new(b"busy"), queues, 7);
    let mut now_us = 0;
    let mut script = Script(input);
    if script.byte() % 4 != 3 {
        let link = Link { hardware_address: OURS, payload_bytes_max: 1500 };
        net_in.push(&[&net::link_record(&link)]).unwrap();
        // Long enough for the fixed address.
        for _ in 0..8 {
            gateway.wake(now_us);
            now_us += 500_000;
        }
    }
    let (mut open, mut last, mut reached) = (None, None, false);
    while let Some(step) = script.step() {
        match step % 8 {
            0..=2 => {
                let length = usize::from(script.u16()) % 1600;
                let _ = net_in.push(&[&net::frame_head(), script.bytes(length)]);
            }
            3 => drop(net_in.push(&[script.piece()])),
            4 => drop(manager_out.push(&[script.piece()])),
            5 => {
                // In the contract's form, for the connection that is open or another.
                let connection = open.unwrap_or(u32::from(step));
                let bytes = script.piece();
                let message = match bytes {
                    [] => management::FromManager::Close { connection },
                    bytes => management::FromManager::Data { connection, bytes },
                };
                let _ = manager_out.push(&[&message.head(), message.body()]);
            }
            6 => now_us += u64::from(script.u16()) * 100,
            _ => now_us += 1000,
        }
        for round in 0.. {
            assert!(round < 64, "it never comes to rest");
            let outcome = gateway.wake(now_us);
            assert!(outcome.wake_at_us.is_none_or(|at_us| at_us > now_us), "a timer that never lets go");
            let mut moved = false;
            let mut record = [0; net::RECORD_BYTES];
            while let Some(length) = net_out.pop(&mut record).unwrap() {
                // It asks for the link as long as it does not know it.
                let Ok(Record::Frame(_) | Record::Ask) = net::parse(&record[..length]) else {
                    panic!("neither a frame nor a question")
                };
                (moved, reached) = (true, true);
            }
            let mut record = [0; management::RECORD_BYTES];
            while let Some(length) = manager_in.pop(&mut record).unwrap() {
                moved = true;
                match ToManager::parse(&record[..length]).expect("a record of the contract") {
                    ToManager::Opened { connection, .. } => {
                        assert!(open.is_none() && last.is_none_or(|last| last < connection));
                        (open, last) = (Some(connection), Some(connection));
                    }
                    ToManager::Data { connection, .. } => assert_eq!(open, Some(connection)),
                    ToManager::Closed { connection } => {
                        assert_eq!(open.take(), Some(connection));
                    }
                    ToManager::Address { prefix, .. } => assert!(prefix <= 32),
                }
            }
            if !outcome.again && !moved {
                break;
            }
        }
    }
    reached
}

fn frame(kind: u16, payload: &[u8]) -> Vec<u8> {
    let frame = [&OURS[..], &THEIRS, &kind.to_be_bytes(), payload].concat();
    [&[0][..], &(frame.len() as u16).to_le_bytes(), &frame].concat()
}

fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let bytes = parts.concat();
    let mut sum = bytes.chunks(2).fold(0u32, |sum, pair| {
        sum + u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]))
    });
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

const HOST: [u8; 4] = [10, 0, 2, 2];
const DEVICE: [u8; 4] = [10, 0, 2, 15];

fn ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len() as u16).to_be_bytes();
    let mut header = [&[0x45, 0][..], &length, &[0, 1, 0x40, 0, 64, protocol, 0, 0], &HOST, &DEVICE].concat();
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum);
    frame(0x0800, &[header, payload.to_vec()].concat())
}

fn tcp(sequence: u32, acknowledged: u32, flags: u8, data: &[u8]) -> Vec<u8> {
    let ports = [4000u16.to_be_bytes(), 7700u16.to_be_bytes()].concat();
    let mut segment = [
        &ports[..],
        &sequence.to_be_bytes(),
        &acknowledged.to_be_bytes(),
        &[0x50, flags, 0x20, 0, 0, 0, 0, 0],
        data,
    ]
    .concat();
    let length = (segment.len() as u16).to_be_bytes();
    let sum = checksum(&[&HOST, &DEVICE, &[0, 6], &length, &segment]);
    segment[16..18].copy_from_slice(&sum);
    ip(6, &segment)
}

/// ARP, an echo, a SYN, a whole first half of a connection, records of both contracts.
pub fn seeds() -> Vec<Vec<u8>> {
    let arp = frame(0x0806, &[&[0, 1, 8, 0, 6, 4, 0, 1][..], &THEIRS, &HOST, &[0; 6], &DEVICE].concat());
    let mut echo = vec![8, 0, 0, 0, 0, 1, 0, 1, b'p', b'i', b'n', b'g'];
    let sum = checksum(&[&echo]);
    echo[2..4].copy_from_slice(&sum);
    let syn = tcp(1000, 0, 0x02, &[]);
    vec![
        [&[0], arp.as_slice(), &ip(1, &echo)].concat(),
        [&[0], arp.as_slice(), &syn, &[7], &tcp(1001, 1, 0x10, &[]), &tcp(1001, 1, 0x18, b"data")].concat(),
        [&[0], arp.as_slice(), &syn, &tcp(1001, 0, 0x04, &[]), &[5, 3, 1, 2, 3, 5, 0, 6, 255, 255]].concat(),
        [&[0], frame(0x0800, &[0x4f; 60]).as_slice(), &[3, 8, 1, 1, 0, 0, 0, 0, 0, 0, 4, 4, 1, 2, 3, 4]]
            .concat(),
        [&[3], arp.as_slice()].concat(),
    ]
}
