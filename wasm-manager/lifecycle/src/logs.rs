// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A stretch of an app's log, out of its slot's ring.

use alloc::string::String;

use cofferdam_log_ring::{Entry, Origin, Reader, RecordBuffer};
use cofferdam_management_protocol::{LogLine, Logs};
use cofferdam_shared_memory::SharedRegion;

/// Text in one reply; with what surrounds it, it fits in a frame.
const TEXT_BYTES_MAX: usize = 2800;
/// What surrounds a line on the wire, at most: time, level, length.
const LINE_OVERHEAD_BYTES: usize = 14;
/// Looks at the ring for one reply: more than it has records, so that only a hostile slot gets there.
const READS_MAX: usize = 2000;

/// Reads lines of the app `name` from position `since` on; from the oldest if that is 0. The ring's owner is
/// hostile: the work and the answer are bounded whatever it does.
pub(crate) fn read(region: SharedRegion, name: &str, since: u64) -> Logs {
    let mut logs = Logs { next: since, ..Logs::default() };
    let Ok(mut reader) = Reader::new(region) else { return logs };
    if since != 0 {
        reader.resume_at(since);
    }
    let mut room = TEXT_BYTES_MAX;
    let mut buffer = RecordBuffer::new();
    for _ in 0..READS_MAX {
        let before = reader.position();
        match reader.read(&mut buffer) {
            Ok(None) => break,
            Ok(Some(Entry::Lost { bytes })) => logs.lost_bytes = logs.lost_bytes.saturating_add(bytes),
            Ok(Some(Entry::Record(record)))
                if record.origin == Origin::App && record.name == name.as_bytes() =>
            {
                let text = String::from_utf8_lossy(record.text).into_owned();
                let cost = text.len().saturating_add(LINE_OVERHEAD_BYTES);
                if cost > room && !logs.lines.is_empty() {
                    reader.resume_at(before);
                    break;
                }
                // A first line is at most three times a record long (each bad byte becomes three): it fits.
                room = room.saturating_sub(cost);
                logs.lines.push(LogLine { time_us: record.time_us, level: record.level as u8, text });
            }
            // Lines of the protection domain or of an app before; nonsense, behind which the reader goes on.
            Ok(Some(Entry::Record(_))) | Err(_) => {}
        }
    }
    logs.next = reader.position();
    logs
}
