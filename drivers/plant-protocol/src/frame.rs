// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How a message lies among bytes: magic, version, kind, length, checksum, payload.

use core::fmt;

use crc::{CRC_32_ISO_HDLC, Crc, Table};

use crate::Message;
use crate::message::PAYLOAD_BYTES_MAX;

/// What each frame begins with.
pub const MAGIC: [u8; 4] = *b"CfPl";
/// Of frames and of everything in them.
pub const VERSION: u16 = 1;
/// Magic, version, kind, length (32 bits), checksum.
pub const HEADER_BYTES: usize = 16;
/// The longest frame.
pub const FRAME_BYTES_MAX: usize = HEADER_BYTES + PAYLOAD_BYTES_MAX;

const VERSION_AT: usize = 4;
const KIND_AT: usize = 6;
const LENGTH_AT: usize = 8;
const CHECKSUM_AT: usize = 12;

/// The CRC of Ethernet and zip, over everything before it and behind it.
const CHECKSUM: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

/// A message as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    bytes: [u8; FRAME_BYTES_MAX],
    length: usize,
}

impl Frame {
    /// The frame of `message`.
    pub fn new(message: &Message) -> Self {
        let mut payload = [0; PAYLOAD_BYTES_MAX];
        let (kind, length) = message.write(&mut payload);
        let mut bytes = [0; FRAME_BYTES_MAX];
        let mut put = |at: usize, part: &[u8]| {
            if let Some(to) = bytes.get_mut(at..at + part.len()) {
                to.copy_from_slice(part);
            }
        };
        put(0, &MAGIC);
        put(VERSION_AT, &VERSION.to_le_bytes());
        put(KIND_AT, &kind.to_le_bytes());
        put(LENGTH_AT, &(length as u32).to_le_bytes());
        put(HEADER_BYTES, payload.get(..length).unwrap_or(&[]));
        let mut frame = Self { bytes, length: HEADER_BYTES + length };
        let checksum = checksum(frame.bytes());
        if let Some(to) = frame.bytes.get_mut(CHECKSUM_AT..HEADER_BYTES) {
            to.copy_from_slice(&checksum.to_le_bytes());
        }
        frame
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

/// Of a whole frame, its own place left out.
fn checksum(frame: &[u8]) -> u32 {
    let mut digest = CHECKSUM.digest();
    digest.update(frame.get(..CHECKSUM_AT).unwrap_or(&[]));
    digest.update(frame.get(HEADER_BYTES..).unwrap_or(&[]));
    digest.finalize()
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Bytes that no frame begins with; so many were passed over.
    NoFrame {
        /// How many.
        bytes: usize,
    },
    /// A version that this program does not speak.
    UnknownVersion {
        /// Which.
        version: u16,
    },
    /// Longer than any message, or not as long as one of its kind.
    BadLength,
    /// Bytes were changed on the way.
    BadChecksum,
    /// A kind that no message has.
    UnknownKind,
    /// The simulator means other sensors, outputs or ticks.
    OtherVehicle,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFrame { bytes } => write!(f, "{bytes} bytes that are no frame"),
            Self::UnknownVersion { version } => write!(f, "a frame of version {version}, not {VERSION}"),
            Self::BadLength => f.write_str("a frame of a wrong length"),
            Self::BadChecksum => f.write_str("a frame with a wrong checksum"),
            Self::UnknownKind => f.write_str("a frame of an unknown kind"),
            Self::OtherVehicle => f.write_str("a simulator of another vehicle"),
        }
    }
}

impl core::error::Error for FrameError {}

/// Finds frames among bytes. It keeps less than one frame, whatever comes.
#[derive(Clone, Debug)]
pub struct Deframer {
    bytes: [u8; FRAME_BYTES_MAX],
    length: usize,
}

impl Deframer {
    /// Nothing came yet.
    pub const fn new() -> Self {
        Self { bytes: [0; FRAME_BYTES_MAX], length: 0 }
    }

    /// Forgets what came.
    pub const fn clear(&mut self) {
        self.length = 0;
    }

    /// Takes from the front of `bytes` until there is a message or an error; nothing if all were taken before. After an error
    /// it goes on at the next byte that could begin a frame.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Option<Result<Message, FrameError>> {
        loop {
            if let Some(outcome) = self.look() {
                return Some(outcome);
            }
            let (first, rest) = bytes.split_first()?;
            // `look` leaves room: a whole frame of the longest kind is taken out.
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = *first;
                self.length += 1;
            }
            *bytes = rest;
        }
    }

    fn look(&mut self) -> Option<Result<Message, FrameError>> {
        let have = self.bytes.get(..self.length)?;
        let begins = have.iter().zip(MAGIC).all(|(byte, magic)| *byte == magic);
        if !begins {
            let bytes = self.next_beginning();
            self.drop_front(bytes);
            return Some(Err(FrameError::NoFrame { bytes }));
        }
        let header = have.first_chunk::<HEADER_BYTES>()?;
        let version = u16::from_le_bytes([header[VERSION_AT], header[VERSION_AT + 1]]);
        let kind = u16::from_le_bytes([header[KIND_AT], header[KIND_AT + 1]]);
        let [a, b, c, d] = [0, 1, 2, 3].map(|byte| header[LENGTH_AT + byte]);
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let error = if version != VERSION {
            FrameError::UnknownVersion { version }
        } else if length > PAYLOAD_BYTES_MAX {
            FrameError::BadLength
        } else {
            let frame = have.get(..HEADER_BYTES + length)?;
            let [a, b, c, d] = [0, 1, 2, 3].map(|byte| header[CHECKSUM_AT + byte]);
            if checksum(frame) == u32::from_le_bytes([a, b, c, d]) {
                let message = Message::read(kind, frame.get(HEADER_BYTES..).unwrap_or(&[]));
                self.drop_front(HEADER_BYTES + length);
                return Some(message);
            }
            FrameError::BadChecksum
        };
        // Its length is not to be believed either: the next frame may begin anywhere behind.
        let bytes = self.next_beginning();
        self.drop_front(bytes);
        Some(Err(error))
    }

    /// How many bytes to pass over, at least one, until those left could begin a frame.
    fn next_beginning(&self) -> usize {
        let have = self.bytes.get(..self.length).unwrap_or(&[]);
        let begins = |at: &usize| have.iter().skip(*at).zip(MAGIC).all(|(byte, magic)| *byte == magic);
        (1..have.len()).find(begins).unwrap_or(have.len())
    }

    fn drop_front(&mut self, bytes: usize) {
        self.bytes.copy_within(bytes.min(self.length)..self.length, 0);
        self.length = self.length.saturating_sub(bytes);
    }
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new()
    }
}
