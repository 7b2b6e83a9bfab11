// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Management frames of both directions, and the commands in them. The first byte says in which pieces the stream
//! arrives.

use cofferdam_management_protocol::*;

/// Frames do not depend on the pieces in which they arrive, and what decodes survives being encoded again.
pub fn run(input: &[u8]) -> bool {
    let Some((&piece, stream)) = input.split_first() else { return false };
    let whole = split(stream, stream.len().max(1));
    assert_eq!(whole, split(stream, usize::from(piece).max(1)), "the same frames in other pieces");
    let mut accepted = false;
    for frame in whole.0 {
        assert!(!frame.is_empty() && frame.len() <= FRAME_BYTES_MAX);
        accepted |= message(&frame);
    }
    message(stream) | accepted
}

/// All frames of a stream that arrives in pieces, and whether it broke.
fn split(stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, Option<FrameError>) {
    let (mut decoder, mut frames) = (FrameDecoder::new(), vec![]);
    for mut input in stream.chunks(piece) {
        loop {
            match decoder.next(&mut input) {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next(&mut input), Err(error), "an error stays");
                    return (frames, Some(error));
                }
            }
        }
        assert!(input.is_empty());
    }
    (frames, None)
}

fn message(bytes: &[u8]) -> bool {
    let mut accepted = false;
    if let Ok(message) = HostMessage::decode(bytes) {
        accepted = true;
        if let Ok(frame) = encode_host(&message) {
            assert_eq!(HostMessage::decode(&frame[HEADER_BYTES..]), Ok(message));
        }
    }
    if let Ok(message) = DeviceMessage::decode(bytes) {
        accepted = true;
        if let Ok(frame) = encode_device(&message) {
            assert_eq!(DeviceMessage::decode(&frame[HEADER_BYTES..]), Ok(message));
        }
    }
    if let Ok(command) = Command::decode(bytes) {
        accepted = true;
        assert_eq!(Command::decode(&command.encode().unwrap()), Ok(command));
    }
    accepted
}

const HEADER_BYTES: usize = 4;

/// A stream for each direction.
pub fn seeds() -> Vec<Vec<u8>> {
    let host = [
        encode_host(&HostMessage::Chunk { offset: 7, bytes: b"chunk" }),
        encode_host(&HostMessage::Command(&Command::Status.encode().unwrap())),
    ];
    let refused = DeviceMessage::Refused { code: 1, text: "no".into() };
    let logs = Logs {
        lines: vec![LogLine { time_us: 1, level: 3, text: "line".into() }],
        next: 9,
        ..Logs::default()
    };
    let device = [
        encode_device(&DeviceMessage::Ready { chunk_bytes_max: 1024 }),
        encode_device(&DeviceMessage::Progress { received_bytes: 3 }),
        encode_device(&DeviceMessage::Logs(logs)),
        encode_device(&DeviceMessage::Busy),
        encode_device(&DeviceMessage::Done),
        encode_device(&refused),
    ];
    let stream = |frames: &[Result<Vec<u8>, FrameError>]| {
        let frames = frames.iter().flat_map(|frame| frame.clone().unwrap());
        std::iter::once(3).chain(frames).collect::<Vec<u8>>()
    };
    let commands = [
        Command::Install { package_bytes: 9, package_sha256: [7; 32], start: true },
        Command::Logs { name: "app", since: 1 },
        Command::Start { name: "app" },
    ];
    let commands = commands.iter().map(|command| [&[1], command.encode().unwrap().as_slice()].concat());
    [stream(&host), stream(&device)].into_iter().chain(commands).collect()
}
