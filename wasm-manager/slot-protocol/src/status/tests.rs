// SPDX-License-Identifier: Apache-2.0 OR MIT
use super::*;
use proptest::prelude::*;

fn stopped() -> Status {
    let mut status = Status {
        state: AppState::Stopped,
        reason: Some(StopReason::FuelExhausted),
        detail: Detail::new("in cofferdam_tick"),
        ..Status::idle(7)
    };
    status.counters.activations = 0x1122;
    status
}

#[test]
fn layout_is_pinned() {
    let layout = stopped().layout();
    let bytes = layout.as_bytes();
    assert_eq!(&bytes[..16], b"CFST\x04\0\0\0\x07\0\0\0\0\0\0\0");
    assert_eq!(&bytes[16..32], &[5, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(&bytes[32..40], &[0x22, 0x11, 0, 0, 0, 0, 0, 0]);
    assert_eq!(&bytes[bytes.len() - DETAIL_BYTES..][..18], b"in cofferdam_tick\0");
}

#[test]
fn status_comes_back_as_written() {
    let region = SharedRegion::leaked(4096);
    assert_eq!(read_status(region), Err(StatusError::Unwritten));
    let mut writer = StatusWriter::new(region).unwrap();
    writer.publish(&Status::idle(1)).unwrap();
    assert_eq!(read_status(region), Ok(Status::idle(1)));
    writer.publish(&stopped()).unwrap();
    assert_eq!(read_status(region), Ok(stopped()));
}

#[test]
fn a_write_cut_off_by_a_stop_is_no_status_until_the_slot_is_back() {
    let region = SharedRegion::leaked(4096);
    let mut writer = StatusWriter::new(region).unwrap();
    writer.publish(&stopped()).unwrap();
    region.store_u64_relaxed(SEQUENCE_AT, 3).unwrap();
    assert_eq!(read_status(region), Err(StatusError::Unstable));
    StatusWriter::new(region).unwrap().publish(&Status::idle(8)).unwrap();
    assert_eq!(read_status(region), Ok(Status::idle(8)));
}

#[test]
fn a_reason_goes_with_stopped_only() {
    let mut layout = stopped().layout();
    layout.reason = 0;
    assert_eq!(Status::from_layout(&layout), Err(StatusError::Reason(0)));
    layout.reason = 7;
    layout.state = AppState::Running.code();
    assert_eq!(Status::from_layout(&layout), Err(StatusError::Reason(7)));
    layout.state = 99;
    assert_eq!(Status::from_layout(&layout), Err(StatusError::State(99)));
}

#[test]
fn a_small_region_is_an_error() {
    let region = SharedRegion::leaked(64);
    assert!(StatusWriter::new(region).is_err());
    assert!(matches!(read_status(region), Err(StatusError::Region(_))));
}

proptest! {
    #[test]
    fn any_bytes_are_a_status_or_an_error(bytes in proptest::collection::vec(any::<u8>(), STATUS_BYTES)) {
        let region = SharedRegion::leaked(STATUS_BYTES);
        region.copy_in(0, &bytes).unwrap();
        region.store_u64_relaxed(SEQUENCE_AT, 2).unwrap();
        region.copy_in(FIELDS_AT, b"CFST\x04\0\0\0").unwrap();
        if let Ok(status) = read_status(region) {
            prop_assert!(status.detail.as_str().len() <= DETAIL_BYTES);
        }
    }
}
