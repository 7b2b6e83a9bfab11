// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use std::string::String;
use std::vec::Vec;

use cofferdam_shared_memory::SharedRegion;
use log::{Level, Log as _};
use proptest::prelude::*;

use super::*;
use crate::layout::{DATA_MIN_BYTES, DATA_OFFSET, MAGIC_OFFSET, OLDEST_OFFSET, WRITTEN_OFFSET};

const SMALLEST: usize = DATA_OFFSET + DATA_MIN_BYTES;

fn line(time_us: u64, text: &[u8]) -> Line<'_> {
    Line { time_us, level: Level::Info, origin: Origin::ProtectionDomain, name: b"", text }
}

fn read_texts(reader: &mut Reader) -> (Vec<Vec<u8>>, u64) {
    let (mut texts, mut lost_bytes) = (Vec::new(), 0);
    let mut buffer = RecordBuffer::new();
    while let Some(entry) = reader.read(&mut buffer).unwrap() {
        match entry {
            Entry::Record(record) => texts.push(record.text.to_vec()),
            Entry::Lost { bytes } => lost_bytes += bytes,
        }
    }
    (texts, lost_bytes)
}

#[test]
fn golden_bytes() {
    let region = SharedRegion::leaked(SMALLEST);
    let producer = Producer::attach(region).unwrap();
    producer.push(Line {
        time_us: 0x0102_0304_0506_0708,
        level: Level::Warn,
        origin: Origin::App,
        name: b"hello",
        text: b"hi!!!",
    });
    let mut bytes = [0; DATA_OFFSET + 32];
    region.copy_out(0, &mut bytes).unwrap();
    let mut golden = Vec::new();
    golden.extend_from_slice(b"Cofflog\0");
    golden.extend_from_slice(&1u32.to_le_bytes());
    golden.extend_from_slice(&(DATA_MIN_BYTES as u32).to_le_bytes());
    golden.extend_from_slice(&0u64.to_le_bytes());
    golden.extend_from_slice(&32u64.to_le_bytes());
    golden.extend_from_slice(&[0; 32]);
    golden.extend_from_slice(&[10, 0, 0, 0, 2, 1, 5, 0, 8, 7, 6, 5, 4, 3, 2, 1]);
    golden.extend_from_slice(b"hellohi!!!\0\0\0\0\0\0");
    assert_eq!(bytes.as_slice(), golden);
}

#[test]
fn records_come_through() {
    let region = SharedRegion::leaked(SMALLEST);
    let mut reader = Reader::new(region).unwrap();
    let mut buffer = RecordBuffer::new();
    assert_eq!(reader.read(&mut buffer), Ok(None), "not set up yet");
    let producer = Producer::attach(region).unwrap();
    assert_eq!(reader.read(&mut buffer), Ok(None));
    producer.push(Line { name: b"app", origin: Origin::App, ..line(3, b"text") });
    assert_eq!(
        reader.read(&mut buffer),
        Ok(Some(Entry::Record(Record {
            time_us: 3,
            level: Level::Info,
            origin: Origin::App,
            name: b"app",
            text: b"text"
        })))
    );
    assert_eq!(reader.read(&mut buffer), Ok(None));
}

#[test]
fn long_lines_are_cut() {
    let region = SharedRegion::leaked(SMALLEST);
    let producer = Producer::attach(region).unwrap();
    producer.push(Line { name: &[b'n'; 99], ..line(0, &[b't'; 5000]) });
    let mut buffer = RecordBuffer::new();
    match Reader::new(region).unwrap().read(&mut buffer) {
        Ok(Some(Entry::Record(record))) => {
            assert_eq!((record.name.len(), record.text.len()), (NAME_MAX_BYTES, TEXT_MAX_BYTES));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_slow_reader_learns_what_it_missed() {
    let region = SharedRegion::leaked(SMALLEST);
    let producer = Producer::attach(region).unwrap();
    let mut reader = Reader::new(region).unwrap();
    let mut written_bytes = 0;
    for index in 0..1000u64 {
        let text = index.to_le_bytes();
        producer.push(line(index, &text));
        written_bytes += 24;
    }
    let (texts, lost_bytes) = read_texts(&mut reader);
    assert_eq!(lost_bytes + 24 * texts.len() as u64, written_bytes);
    let first = 1000 - texts.len() as u64;
    for (index, text) in (first..).zip(&texts) {
        assert_eq!(text.as_slice(), index.to_le_bytes());
    }
}

#[test]
fn a_restarted_owner_goes_on() {
    let region = SharedRegion::leaked(SMALLEST);
    let mut reader = Reader::new(region).unwrap();
    Producer::attach(region).unwrap().push(line(1, b"before"));
    Producer::attach(region).unwrap().push(line(2, b"after"));
    assert_eq!(read_texts(&mut reader), (std::vec![b"before".to_vec(), b"after".to_vec()], 0));
}

#[test]
fn a_restarted_owner_survives_what_it_left_behind() {
    let region = SharedRegion::leaked(SMALLEST);
    let first = Producer::attach(region).unwrap();
    for index in 0..200 {
        first.push(line(index, b"some text that fills the ring"));
    }
    for offset in (DATA_OFFSET..SMALLEST).step_by(8) {
        region.store_u64_relaxed(offset, u64::MAX).unwrap();
    }
    let second = Producer::attach(region).unwrap();
    let mut reader = Reader::new(region).unwrap();
    reader.skip_all();
    second.push(line(0, b"new life"));
    assert_eq!(read_texts(&mut reader), (std::vec![b"new life".to_vec()], 0));
}

#[test]
fn positions_can_be_kept_and_resumed() {
    let region = SharedRegion::leaked(SMALLEST);
    let producer = Producer::attach(region).unwrap();
    producer.push(line(0, b"a"));
    let mut reader = Reader::new(region).unwrap();
    reader.skip_all();
    let kept = reader.position();
    producer.push(line(0, b"b"));
    assert_eq!(read_texts(&mut reader).0, [b"b"]);
    reader.resume_at(kept);
    assert_eq!(read_texts(&mut reader).0, [b"b"]);
}

#[test]
fn peeking_reads_nothing_away() {
    let region = SharedRegion::leaked(SMALLEST);
    let producer = Producer::attach(region).unwrap();
    let mut reader = Reader::new(region).unwrap();
    assert_eq!(reader.peek(), Ok(None));
    producer.push(line(7, b"a"));
    assert_eq!(reader.peek(), Ok(Some(Peek::Record { time_us: 7 })));
    assert_eq!(reader.peek(), Ok(Some(Peek::Record { time_us: 7 })));
    assert_eq!(read_texts(&mut reader).0, [b"a"]);
    for _ in 0..100 {
        producer.push(line(8, &[b'x'; 500]));
    }
    assert!(matches!(reader.peek(), Ok(Some(Peek::Lost { .. }))));
    assert_eq!(reader.peek(), Ok(Some(Peek::Record { time_us: 8 })));
}

#[test]
fn hostile_positions_are_errors_and_reading_goes_on() {
    let far = 1 << 40;
    for (oldest, written) in [(0, far), (0, 12), (far, 24), (u64::MAX, u64::MAX), (u64::MAX, 0), (4, 24)] {
        let region = SharedRegion::leaked(SMALLEST);
        let producer = Producer::attach(region).unwrap();
        producer.push(line(0, b"12345678"));
        let mut reader = Reader::new(region).unwrap();
        region.store_u64_relaxed(OLDEST_OFFSET, oldest).unwrap();
        region.store_u64_relaxed(WRITTEN_OFFSET, written).unwrap();
        let mut buffer = RecordBuffer::new();
        for _ in 0..4 {
            let _ = reader.read(&mut buffer);
        }
        // The owner comes to its senses (as by a restart).
        let producer = Producer::attach(region).unwrap();
        producer.push(line(0, b"sane"));
        let mut seen = false;
        for _ in 0..4 {
            seen |= matches!(reader.read(&mut buffer), Ok(Some(Entry::Record(r))) if r.text == b"sane");
        }
        if !seen {
            // The position went backwards: that line is given up, the next one is not.
            producer.push(line(0, b"sane again"));
            assert_eq!(read_texts(&mut reader).0.last().unwrap(), b"sane again", "{oldest} {written}");
        }
    }
}

#[test]
fn contradictory_positions_are_told_once_until_they_change() {
    let region = SharedRegion::leaked(SMALLEST);
    Producer::attach(region).unwrap();
    let mut reader = Reader::new(region).unwrap();
    for (oldest, written) in [(64, 32), (64, 24), (64, 12)] {
        region.store_u64_relaxed(OLDEST_OFFSET, oldest).unwrap();
        region.store_u64_relaxed(WRITTEN_OFFSET, written).unwrap();
        assert_eq!(reader.peek(), Err(RingError::Positions { oldest, written }));
        for _ in 0..3 {
            assert_eq!(reader.read(&mut RecordBuffer::new()), Ok(None));
            assert_eq!(reader.peek(), Ok(None));
        }
    }
}

#[test]
fn unknown_headers_are_refused() {
    let region = SharedRegion::leaked(SMALLEST);
    region.store_u64_relaxed(MAGIC_OFFSET, 77).unwrap();
    let mut reader = Reader::new(region).unwrap();
    assert_eq!(reader.read(&mut RecordBuffer::new()), Err(RingError::Header));
    assert!(Reader::new(SharedRegion::leaked(SMALLEST - 8)).is_err());
    assert!(Producer::attach(SharedRegion::leaked(SMALLEST - 8)).is_err());
}

#[test]
fn the_logger_writes_to_its_ring_and_wakes_the_reader() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static WOKEN: AtomicU32 = AtomicU32::new(0);
    let region = SharedRegion::leaked(SMALLEST);
    let logger = Logger::new();
    log::set_max_level(log::LevelFilter::Info);
    logger.log(&log::Record::builder().args(format_args!("dropped")).build());
    logger.install(Producer::attach(region).unwrap(), || 42, || _ = WOKEN.fetch_add(1, Ordering::Relaxed));
    logger.log(&log::Record::builder().args(format_args!("one {}", 1)).level(Level::Warn).build());
    logger.log(&log::Record::builder().args(format_args!("quiet")).level(Level::Debug).build());
    logger.app_line(Level::Info, "hello", b"two");
    logger.own_line(Level::Info, format_args!("{}", String::from_utf8(std::vec![b'x'; 2000]).unwrap()));
    let (texts, _) = read_texts(&mut Reader::new(region).unwrap());
    assert_eq!(texts[..2], [b"one 1".to_vec(), b"two".to_vec()]);
    assert_eq!((texts[2].len(), &texts[2][TEXT_MAX_BYTES - 4..]), (TEXT_MAX_BYTES, b"x...".as_slice()));
    assert_eq!((texts.len(), WOKEN.load(Ordering::Relaxed)), (3, 3));
}

#[test]
fn a_concurrent_reader_never_sees_a_torn_record() {
    let region = SharedRegion::leaked(SMALLEST);
    let producer = Producer::attach(region).unwrap();
    let mut reader = Reader::new(region).unwrap();
    let writer = std::thread::spawn(move || {
        for index in 0..200_000u64 {
            let text = [index as u8; 200];
            producer.push(line(index, &text[..(index % 200) as usize]));
        }
    });
    let mut buffer = RecordBuffer::new();
    let (mut last_us, mut records, mut lost) = (None, 0u64, 0u64);
    while last_us != Some(199_999) {
        match reader.read(&mut buffer).unwrap() {
            Some(Entry::Record(record)) => {
                assert_eq!(record.text.len() as u64, record.time_us % 200);
                assert!(record.text.iter().all(|byte| *byte == record.time_us as u8));
                assert!(last_us < Some(record.time_us));
                last_us = Some(record.time_us);
                records += 1;
            }
            Some(Entry::Lost { .. }) => lost += 1,
            None => std::thread::yield_now(),
        }
    }
    writer.join().unwrap();
    assert!(records > 0 && records + lost > 1);
}

proptest! {
    /// A ring against a plain list: what is read is what was written, without the lines that gave way.
    #[test]
    fn ring_against_model(steps in proptest::collection::vec((0usize..1001, any::<bool>()), 1..200)) {
        let region = SharedRegion::leaked(SMALLEST + 8 * 13);
        let producer = Producer::attach(region).unwrap();
        let mut reader = Reader::new(region).unwrap();
        let (mut written, mut seen) = (Vec::new(), 0);
        for (index, (length, read)) in steps.iter().enumerate() {
            let text = std::vec![index as u8; *length];
            producer.push(line(index as u64, &text));
            written.push(text);
            if *read {
                let (texts, lost_bytes) = read_texts(&mut reader);
                prop_assert!(texts.len() >= 4 || lost_bytes == 0);
                let size = |text: &Vec<u8>| 16 + text.len().next_multiple_of(8) as u64;
                let given_way = written.len() - seen - texts.len();
                prop_assert_eq!(written[seen..seen + given_way].iter().map(size).sum::<u64>(), lost_bytes);
                prop_assert_eq!(&written[seen + given_way..], texts.as_slice());
                seen = written.len();
            }
        }
    }

    /// Whatever lies in the region, reading gives records of bounded size or errors.
    #[test]
    fn any_memory_is_read_without_harm(
        words in proptest::collection::vec(prop_oneof![0u64..5000, any::<u64>()], 5..600),
        oldest in prop_oneof![0u64..5000, any::<u64>()],
        written in prop_oneof![0u64..5000, any::<u64>()],
    ) {
        let region = SharedRegion::leaked(SMALLEST);
        Producer::attach(region).unwrap();
        for (index, word) in words.iter().enumerate().take(DATA_MIN_BYTES / 8) {
            region.store_u64_relaxed(DATA_OFFSET + 8 * index, *word).unwrap();
        }
        let mut reader = Reader::new(region).unwrap();
        region.store_u64_relaxed(OLDEST_OFFSET, oldest).unwrap();
        region.store_u64_relaxed(WRITTEN_OFFSET, written).unwrap();
        let mut buffer = RecordBuffer::new();
        let mut looks = 0;
        loop {
            let _ = reader.peek();
            match reader.read(&mut buffer) {
                Ok(Some(Entry::Record(record))) => {
                    prop_assert!(record.name.len() <= NAME_MAX_BYTES && record.text.len() <= TEXT_MAX_BYTES);
                }
                Ok(None) => break,
                Ok(Some(Entry::Lost { .. })) | Err(_) => {}
            }
            looks += 1;
            prop_assert!(looks < DATA_MIN_BYTES / 16 + 8, "it comes to an end");
        }
        Producer::attach(region).unwrap().push(line(0, b"text"));
    }
}
