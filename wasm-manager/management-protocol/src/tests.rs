// SPDX-License-Identifier: Apache-2.0 OR MIT
use alloc::string::ToString;
use alloc::vec::Vec;
use alloc::{format, vec};

use proptest::prelude::*;

use crate::frame::HEADER_BYTES;
use crate::*;

fn greeting() -> DeviceMessage {
    DeviceMessage::Greeting(Greeting {
        protocol_version: PROTOCOL_VERSION,
        device_id: "qemu-virt".into(),
        boot_nonce: [7; 16],
        next_sequence: 300,
    })
}

#[test]
fn golden_bytes_of_the_host() {
    let chunk = HostMessage::Chunk { offset: 300, bytes: b"ab" };
    assert_eq!(encode_host(&chunk).unwrap(), [6, 0, 0, 0, 1, 0xac, 2, 2, b'a', b'b']);
    assert_eq!(encode_host(&HostMessage::Command(b"x")).unwrap(), [3, 0, 0, 0, 0, 1, b'x']);
    let commands: [(Command<'_>, &[u8]); 15] = [
        (Command::Status, &[0]),
        (Command::List, &[1]),
        (Command::Start { name: "a" }, &[3, 1, b'a']),
        (Command::Stop { name: "a" }, &[4, 1, b'a']),
        (Command::Remove { name: "a" }, &[5, 1, b'a']),
        (Command::Logs { name: "a", since: 5 }, &[6, 1, b'a', 5]),
        (Command::Stats { name: "a" }, &[7, 1, b'a']),
        (Command::RollBack { name: "a" }, &[8, 1, b'a']),
        (Command::Manifest { name: "a" }, &[9, 1, b'a']),
        (Command::Keys { offset: 300 }, &[10, 0xac, 2]),
        (Command::Audit { after: 300 }, &[12, 0xac, 2]),
        (Command::Domains, &[13]),
        (Command::Record { name: "a" }, &[14, 1, b'a']),
        (Command::Recording { name: "a", offset: 300 }, &[15, 1, b'a', 0xac, 2]),
        (Command::SwapStatus { name: "a" }, &[17, 1, b'a']),
    ];
    for (command, bytes) in commands {
        assert_eq!(command.encode().unwrap(), bytes);
        assert_eq!(Command::decode(bytes), Ok(command));
    }
    let install = Command::Install { package_bytes: 1, package_sha256: [9; 32], start: true };
    let bytes = [&[2, 1][..], &[9; 32], &[1]].concat();
    assert_eq!(install.encode().unwrap(), bytes);
    assert_eq!(Command::decode(&bytes), Ok(install));
    let swap = Command::Swap { package_bytes: 1, package_sha256: [9; 32] };
    let bytes = [&[16, 1][..], &[9; 32]].concat();
    assert_eq!(swap.encode().unwrap(), bytes);
    assert_eq!(Command::decode(&bytes), Ok(swap));
    let update = Command::UpdateKeys { list_bytes: 1, list_sha256: [9; 32] };
    let bytes = [&[11, 1][..], &[9; 32]].concat();
    assert_eq!(update.encode().unwrap(), bytes);
    assert_eq!(Command::decode(&bytes), Ok(update));
}

#[test]
fn golden_bytes_of_the_device() {
    let expected = [&[0, 8, 9][..], b"qemu-virt", &[7; 16], &[0xac, 2]].concat();
    assert_eq!(encode_device(&greeting()).unwrap()[HEADER_BYTES..], expected);
    assert_eq!(encode_device(&DeviceMessage::Busy).unwrap(), BUSY_FRAME);
    let numbers: Vec<(DeviceMessage, u8)> = vec![
        (DeviceMessage::Ready { chunk_bytes_max: 1 }, 2),
        (DeviceMessage::Progress { received_bytes: 1 }, 3),
        (
            DeviceMessage::Installed(Installed {
                name: "".into(),
                version: "".into(),
                sequence: 0,
                slot: 0,
                replaced: None,
            }),
            4,
        ),
        (DeviceMessage::Done, 5),
        (DeviceMessage::Apps(vec![]), 7),
        (DeviceMessage::Logs(Logs::default()), 8),
        (DeviceMessage::Stats(AppStats::default()), 9),
        (DeviceMessage::Refused { code: 11, text: "unknown key".into() }, 10),
        (DeviceMessage::Manifest { manifest: vec![1], signer: [2; 8] }, 11),
        (DeviceMessage::Keys(KeysPart::default()), 12),
        (DeviceMessage::Audit(AuditPage::default()), 13),
        (DeviceMessage::Domains(vec![DomainFigures::default()]), 14),
        (DeviceMessage::Recording(RecordingPart::default()), 15),
        (DeviceMessage::Swap(SwapStatus::default()), 16),
    ];
    for (message, number) in numbers {
        let frame = encode_device(&message).unwrap();
        assert_eq!(frame[HEADER_BYTES], number, "{message:?}");
        assert_eq!(DeviceMessage::decode(&frame[HEADER_BYTES..]), Ok(message));
    }
}

#[test]
fn refusals_are_numbered_once_and_never_zero() {
    for (i, refusal) in Refusal::ALL.iter().enumerate() {
        assert_ne!(refusal.code(), 0);
        assert_eq!(Refusal::from_code(refusal.code()), Some(*refusal));
        assert!(Refusal::ALL[i + 1..].iter().all(|other| other.text() != refusal.text()));
    }
    assert_eq!(Refusal::from_code(0), None);
    assert_eq!(Refusal::Ratchet.code(), 33);
    assert_eq!(Refusal::NoFreeSlot.to_string(), "no free slot");
}

#[test]
fn the_longest_chunk_fits_in_a_frame_and_a_longer_one_not() {
    let bytes = vec![1; FRAME_BYTES_MAX];
    let chunk = HostMessage::Chunk { offset: u32::MAX, bytes: &bytes[..CHUNK_BYTES_MAX] };
    assert!(encode_host(&chunk).is_ok());
    let chunk = HostMessage::Chunk { offset: u32::MAX, bytes: &bytes };
    assert!(matches!(encode_host(&chunk), Err(FrameError::TooLong(_))));
}

#[test]
fn a_bad_length_ends_the_stream() {
    for (header, error) in [
        (0u32, FrameError::Empty),
        (FRAME_BYTES_MAX as u32 + 1, FrameError::TooLong(FRAME_BYTES_MAX as u32 + 1)),
        (u32::MAX, FrameError::TooLong(u32::MAX)),
    ] {
        let mut decoder = FrameDecoder::new();
        let mut input = &header.to_le_bytes()[..];
        assert_eq!(decoder.next(&mut input), Err(error));
        let mut good = &BUSY_FRAME[..];
        assert_eq!(decoder.next(&mut good), Err(error));
        decoder.reset();
        assert_eq!(decoder.next(&mut good), Ok(Some(&BUSY_FRAME[HEADER_BYTES..])));
    }
}

#[test]
fn nothing_may_follow_a_message() {
    assert_eq!(Command::decode(&[0, 0]), Err(FrameError::Malformed));
    assert_eq!(HostMessage::decode(&[2]), Err(FrameError::Malformed));
    assert!(format!("{}", FrameError::Malformed).contains("malformed"));
}

proptest! {
    #[test]
    fn frames_are_found_however_the_stream_is_cut(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..6),
        cuts in prop::collection::vec(1usize..700, 1..40),
    ) {
        let stream: Vec<u8> = messages
            .iter()
            .flat_map(|bytes| encode_host(&HostMessage::Chunk { offset: 1, bytes }).unwrap())
            .collect();
        let mut decoder = FrameDecoder::new();
        let mut found = Vec::new();
        let (mut rest, mut cuts) = (stream.as_slice(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (mut piece, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            rest = after;
            while let Some(frame) = decoder.next(&mut piece).unwrap() {
                match HostMessage::decode(frame).unwrap() {
                    HostMessage::Chunk { offset: 1, bytes } => found.push(bytes.to_vec()),
                    other => prop_assert!(false, "{other:?}"),
                }
            }
            prop_assert!(piece.is_empty());
        }
        prop_assert_eq!(found, messages);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut decoder = FrameDecoder::new();
        let mut input = bytes.as_slice();
        while let Ok(Some(frame)) = decoder.next(&mut input) {
            let _ = HostMessage::decode(frame);
        }
        let _ = (HostMessage::decode(&bytes), Command::decode(&bytes), DeviceMessage::decode(&bytes));
    }
}
