// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A log ring whose owner writes anything into it, also between two looks.

use cofferdam_log_ring::layout::{DATA_MIN_BYTES, DATA_OFFSET, NAME_MAX_BYTES, TEXT_MAX_BYTES};
use cofferdam_log_ring::{Entry, Line, Producer, Reader, RecordBuffer, layout::Origin};
use cofferdam_shared_memory::SharedRegion;

use crate::script::Script;

const REGION_BYTES: usize = 0x2000;
const _: () = assert!(REGION_BYTES >= DATA_OFFSET + DATA_MIN_BYTES);

thread_local! {
    static MEMORY: SharedRegion = SharedRegion::leaked(REGION_BYTES);
}

/// A reader comes to an end, whatever the ring holds, and hands out no more than a record can hold.
pub fn run(input: &[u8]) -> bool {
    let region = MEMORY.with(|memory| *memory);
    region.clear(0, REGION_BYTES).unwrap();
    let owner = Producer::attach(region).unwrap();
    let mut reader = Reader::new(region).unwrap();
    let mut script = Script(input);
    let mut seen = false;
    while let Some(step) = script.step() {
        match step % 4 {
            0 => {
                let at = usize::from(script.u16()) % REGION_BYTES;
                let piece = script.piece();
                let end = (at + piece.len()).min(REGION_BYTES);
                region.copy_in(at, &piece[..end - at]).unwrap();
            }
            1 => {
                let at = usize::from(script.byte()) * 8 % DATA_OFFSET;
                region.store_u64_relaxed(at, script.u64()).unwrap();
            }
            2 => {
                let text = script.piece();
                owner.push(Line {
                    time_us: 1,
                    level: log::Level::Info,
                    origin: Origin::App,
                    name: b"app",
                    text,
                });
            }
            _ => seen |= read_all(&mut reader),
        }
    }
    seen | read_all(&mut reader)
}

fn read_all(reader: &mut Reader) -> bool {
    let mut buffer = RecordBuffer::new();
    let mut seen = false;
    // A record takes eight bytes at least; beside them, a few losses and errors can be told of: none of them again and
    // again while nothing changes.
    for _ in 0..REGION_BYTES / 8 + 8 {
        let _ = reader.peek();
        match reader.read(&mut buffer) {
            Ok(None) => return seen,
            Ok(Some(Entry::Record(record))) => {
                assert!(record.name.len() <= NAME_MAX_BYTES && record.text.len() <= TEXT_MAX_BYTES);
                seen = true;
            }
            Ok(Some(Entry::Lost { bytes })) => assert!(bytes > 0),
            Err(_) => {}
        }
    }
    panic!("the ring never ends");
}

/// Honest lines, and positions that make no sense.
pub fn seeds() -> Vec<Vec<u8>> {
    let word = |at: u8, value: u64| [&[1, at], value.to_le_bytes().as_slice()].concat();
    vec![
        vec![2, 4, b'l', b'i', b'n', b'e', 3, 2, 0, 3],
        [&[2, 1, b'a', 3], word(2, u64::MAX).as_slice(), &[3], &word(3, 1 << 62), &[3]].concat(),
        [&[2, 1, b'a'], word(3, 1 << 20).as_slice(), &[3, 0, 64, 0, 3, 255, 255, 255, 3]].concat(),
    ]
}
