// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The queue in shared memory, with a peer that writes whatever it likes between our operations.

use cofferdam_shared_memory::{Consumer, PopError, Producer, PushError, SharedRegion};

use crate::script::Script;

const RECORD_BYTES: usize = 32;
const COUNT: usize = 4;
const DATA_BYTES: usize = 4096 + COUNT * RECORD_BYTES;
const TAKEN_BYTES: usize = 64;
/// Around both regions, never to be touched.
const FENCE_BYTES: usize = 64;
const ALL_BYTES: usize = 3 * FENCE_BYTES + DATA_BYTES + TAKEN_BYTES;
const CANARY: u8 = 0xa5;

thread_local! {
    static MEMORY: SharedRegion = SharedRegion::leaked(ALL_BYTES);
}

/// Whatever the peer writes, each operation ends, no record is longer than a record can be, nobody pops more than
/// there can be, and nothing outside of the regions, nor anything in the peer's, is written.
pub fn run(input: &[u8]) -> bool {
    let memory = MEMORY.with(|memory| *memory);
    memory.copy_in(0, &[CANARY; ALL_BYTES]).unwrap();
    let data = memory.part(FENCE_BYTES, DATA_BYTES).unwrap();
    let taken = memory.part(2 * FENCE_BYTES + DATA_BYTES, TAKEN_BYTES).unwrap();
    data.clear(0, DATA_BYTES).unwrap();
    taken.clear(0, TAKEN_BYTES).unwrap();

    let mut script = Script(input);
    let we_consume = script.byte() % 2 == 0;
    let peers = if we_consume { data } else { taken };
    let mut consumer = Consumer::new(data, taken, RECORD_BYTES).unwrap();
    let mut producer = Producer::new(data, taken, RECORD_BYTES).unwrap();
    let mut moved = false;
    while let Some(step) = script.step() {
        match step % 4 {
            // The peer writes: a byte of its region, a word of its header, or as an honest one would.
            0 => {
                let at = usize::from(script.u16()) % peers.size_bytes();
                peers.copy_in(at, &[script.byte()]).unwrap();
            }
            1 => {
                let at = [0, 64, 4096, 8][usize::from(script.byte()) % 4] % peers.size_bytes();
                peers.store_u64_relaxed(at, script.u64()).unwrap();
            }
            2 if we_consume => drop(producer.push(&[script.piece()])),
            2 => drop(consumer.pop(&mut [0; RECORD_BYTES])),
            // We work, as a protection domain does that was notified.
            _ if we_consume => moved |= consume(&mut consumer, peers),
            _ => moved |= produce(&mut producer, peers, script.piece()),
        }
        fence_stands(memory);
    }
    moved
}

fn consume(consumer: &mut Consumer, peers: SharedRegion) -> bool {
    let before = bytes(peers);
    let mut popped = 0;
    loop {
        let mut buffer = [0; RECORD_BYTES];
        match consumer.pop(&mut buffer) {
            Ok(Some(length)) => assert!(length <= consumer.geometry().payload_bytes()),
            Ok(None) | Err(PopError::BufferTooSmall { .. }) => break,
            Err(PopError::Peer(_)) => {
                assert!(popped <= COUNT);
                if consumer.waiting().is_err() {
                    break; // it lies about the count
                }
            }
        }
        popped += 1;
        assert!(popped <= COUNT, "more records than there can be");
    }
    assert_eq!(before, bytes(peers), "a consumer writes nothing where the producer does");
    popped > 0
}

fn produce(producer: &mut Producer, peers: SharedRegion, record: &[u8]) -> bool {
    let before = bytes(peers);
    let mut pushed = 0;
    loop {
        match producer.push(&[record]) {
            Ok(()) => pushed += 1,
            Err(PushError::TooLong { .. }) => {
                assert!(record.len() > producer.geometry().payload_bytes());
                break;
            }
            Err(PushError::Full | PushError::Peer(_)) => break,
        }
        assert!(pushed <= COUNT, "more records than fit");
    }
    assert_eq!(before, bytes(peers), "a producer writes nothing where the consumer does");
    pushed > 0
}

fn bytes(region: SharedRegion) -> Vec<u8> {
    let mut bytes = vec![0; region.size_bytes()];
    region.copy_out(0, &mut bytes).unwrap();
    bytes
}

fn fence_stands(memory: SharedRegion) {
    for at in [0, FENCE_BYTES + DATA_BYTES, ALL_BYTES - FENCE_BYTES] {
        let mut fence = [0; FENCE_BYTES];
        memory.copy_out(at, &mut fence).unwrap();
        assert_eq!(fence, [CANARY; FENCE_BYTES], "written outside of the region");
    }
}

/// Honest use of both ends, and a peer that lies about its counter.
pub fn seeds() -> Vec<Vec<u8>> {
    let lie = |which: u8, value: u64| [&[1, which], value.to_le_bytes().as_slice()].concat();
    vec![
        [0, 2, 3, b'a', b'b', b'c', 3, 2, 0, 2, 1, b'd', 3].to_vec(),
        [1, 3, 2, b'a', b'b', 2, 3, 1, b'c', 2, 2].to_vec(),
        [&[0, 2, 1, b'a'], lie(1, u64::MAX).as_slice(), &[3], &lie(1, 2), &[3]].concat(),
        [&[0, 2, 1, b'a', 3], lie(1, 3).as_slice(), &lie(2, 1000), &[3]].concat(),
        [&[1, 3, 1, b'a'], lie(0, 5).as_slice(), &[3, 1, b'b'], &lie(0, 1), &[3, 1, b'c']].concat(),
    ]
}
