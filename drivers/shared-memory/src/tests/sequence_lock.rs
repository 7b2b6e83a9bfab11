// SPDX-License-Identifier: Apache-2.0 OR MIT
use super::*;
use crate::sequence_lock::{SequenceWriter, read};

const AT: usize = 8;
const VALUE_AT: usize = 16;
const TRIES: usize = 3;

fn value(region: &SharedRegion) -> Result<Option<u64>, OutOfBounds> {
    read(region, AT, TRIES, |region| region.load_u64_relaxed(VALUE_AT))
}

#[test]
fn what_was_written_is_read() {
    let region = SharedRegion::leaked(24);
    for begin in [0, 1, u64::MAX] {
        let mut writer = SequenceWriter::new(region, AT, begin);
        for number in 0..3 {
            writer.write(|region| region.store_u64_relaxed(VALUE_AT, number)).unwrap();
            assert_eq!(value(&region), Ok(Some(number)));
        }
    }
}

#[test]
fn nothing_is_read_while_somebody_writes_or_after_an_error() {
    let region = SharedRegion::leaked(24);
    let mut writer = SequenceWriter::new(region, AT, 0);
    writer
        .write(|region| {
            assert_eq!(value(region), Ok(None));
            region.store_u64_relaxed(VALUE_AT, 1)
        })
        .unwrap();
    assert!(writer.write(|region| region.store_u64_relaxed(99, 1)).is_err());
    assert_eq!(value(&region), Ok(None));
    writer.write(|region| region.store_u64_relaxed(VALUE_AT, 2)).unwrap();
    assert_eq!(value(&region), Ok(Some(2)));
}

#[test]
fn a_torn_copy_is_dropped_and_the_tries_are_bounded() {
    let region = SharedRegion::leaked(24);
    let mut writer = SequenceWriter::new(region, AT, 0);
    let mut seen = 0;
    let mut torn = |times: u32| {
        seen = 0;
        read(&region, AT, TRIES, |region| {
            seen += 1;
            if seen <= times {
                writer.write(|region| region.store_u64_relaxed(VALUE_AT, seen.into()))?;
            }
            region.load_u64_relaxed(VALUE_AT)
        })
    };
    assert_eq!(torn(2), Ok(Some(2)));
    assert_eq!(torn(100), Ok(None));
    assert_eq!(seen, TRIES as u32);
    assert!(read(&region, 20, TRIES, |_| Ok(())).is_err(), "the number is misaligned");
}
