// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use proptest::prelude::*;

use super::*;

const LINK_HERE: Link = Link { hardware_address: [0x52, 0x54, 0, 0x12, 0x34, 0x56], payload_bytes_max: 1500 };

#[test]
fn golden_bytes() {
    assert_eq!(frame_head(), [1, 1, 0, 0, 0, 0, 0, 0]);
    let record = link_record(&LINK_HERE);
    assert_eq!(record, [2, 1, 0, 0, 0, 0, 0, 0, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 0xdc, 0x05]);
    assert_eq!(parse(&record), Ok(Record::Link(LINK_HERE)));
    assert_eq!(ask_record(), [3, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(parse(&ask_record()), Ok(Record::Ask));
    assert_eq!(parse(&[3, 1, 0, 0, 0, 0, 0, 0, 9]), Err(Malformed::Length { kind: 3, length_bytes: 1 }));
    let frame = [7; FRAME_BYTES_MAX];
    let record = [frame_head().as_slice(), &frame].concat();
    assert_eq!(parse(&record), Ok(Record::Frame(&frame)));
}

#[test]
fn refusals_say_why() {
    assert_eq!(parse(&[1; 7]), Err(Malformed::TooShort { length_bytes: 7 }));
    assert_eq!(parse(&[1, 2, 0, 0, 0, 0, 0, 0]), Err(Malformed::Version(2)));
    assert_eq!(parse(&[0, 1, 0, 0, 0, 0, 0, 0]), Err(Malformed::Kind(0)));
    let short = [frame_head().as_slice(), &[0; FRAME_BYTES_MIN - 1]].concat();
    assert_eq!(parse(&short), Err(Malformed::Length { kind: 1, length_bytes: FRAME_BYTES_MIN - 1 }));
    let long = [frame_head().as_slice(), &[0; FRAME_BYTES_MAX + 1]].concat();
    assert_eq!(parse(&long), Err(Malformed::Length { kind: 1, length_bytes: FRAME_BYTES_MAX + 1 }));
    for link in [
        Link { hardware_address: [0; 6], ..LINK_HERE },
        Link { hardware_address: [0xff; 6], ..LINK_HERE },
        Link { payload_bytes_max: 0, ..LINK_HERE },
        Link { payload_bytes_max: 1501, ..LINK_HERE },
    ] {
        assert_eq!(parse(&link_record(&link)), Err(Malformed::Link(link)));
    }
}

proptest! {
    #[test]
    fn any_bytes_parse_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40), head: bool) {
        let record = if head { [frame_head().as_slice(), &bytes].concat() } else { bytes };
        if let Ok(Record::Frame(frame)) = parse(&record) {
            prop_assert!((FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&frame.len()));
        }
    }
}
