// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a car's sensors and brake say on a CAN bus: frames of eight bytes with a counter and a checksum, as control
//! units exchange them. The identifiers and scalings are our own.

use embedded_can::{Frame as _, Id, StandardId};

const BYTES_MAX: usize = 8;

/// A classic CAN frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    id: Id,
    bytes: [u8; BYTES_MAX],
    length: usize,
    remote: bool,
}

impl embedded_can::Frame for Frame {
    fn new(id: impl Into<Id>, data: &[u8]) -> Option<Self> {
        let mut bytes = [0; BYTES_MAX];
        bytes.get_mut(..data.len())?.copy_from_slice(data);
        Some(Self { id: id.into(), bytes, length: data.len(), remote: false })
    }

    fn new_remote(id: impl Into<Id>, dlc: usize) -> Option<Self> {
        (dlc <= BYTES_MAX).then(|| Self { id: id.into(), bytes: [0; BYTES_MAX], length: dlc, remote: true })
    }

    fn is_extended(&self) -> bool {
        matches!(self.id, Id::Extended(_))
    }

    fn is_remote_frame(&self) -> bool {
        self.remote
    }

    fn id(&self) -> Id {
        self.id
    }

    fn dlc(&self) -> usize {
        self.length
    }

    fn data(&self) -> &[u8] {
        if self.remote { &[] } else { self.bytes.get(..self.length).unwrap_or(&self.bytes) }
    }
}

/// A message of this bus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Message {
    /// Front left, front right; counted.
    FrontWheels([f64; 2], u8),
    /// Rear left, rear right; counted.
    RearWheels([f64; 2], u8),
    /// Brake pedal and brake pressure, 0 to 1; counted.
    Brake([f64; 2], u8),
}

/// Why a frame is none of this bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// An identifier that no message has.
    UnknownId,
    /// A remote frame, or not eight bytes.
    BadLength,
    /// Bytes were changed on the way.
    BadChecksum,
    /// A value that its sensor marks as invalid.
    Invalid,
}

const FRONT: u16 = 0x0b0;
const REAR: u16 = 0x0b2;
const BRAKE: u16 = 0x0c4;
/// One step of a wheel speed, m/s, and of a ratio.
const SPEED_STEP: f64 = 0.01;
const RATIO_STEP: f64 = 0.000_1;
/// What stands for a value that is not known.
const UNKNOWN: u16 = 0xffff;

impl Message {
    /// The frame that carries it. What is negative is zero; what is too large or no number is marked as unknown.
    pub fn encode(&self) -> Option<Frame> {
        let (id, values, step, counter) = match *self {
            Self::FrontWheels(values, counter) => (FRONT, values, SPEED_STEP, counter),
            Self::RearWheels(values, counter) => (REAR, values, SPEED_STEP, counter),
            Self::Brake(values, counter) => (BRAKE, values, RATIO_STEP, counter),
        };
        let mut bytes = [0; BYTES_MAX];
        for (pair, value) in bytes.chunks_exact_mut(2).zip(values) {
            let steps = libm::round(value / step);
            let raw = if steps < f64::from(UNKNOWN) { steps.max(0.0) as u16 } else { UNKNOWN };
            pair.copy_from_slice(&raw.to_be_bytes());
        }
        bytes[6] = counter & 0xf;
        bytes[7] = checksum(id, &bytes);
        Frame::new(StandardId::new(id)?, &bytes)
    }

    /// The message in a frame.
    pub fn decode(frame: &Frame) -> Result<Self, FrameError> {
        let Id::Standard(id) = frame.id() else { return Err(FrameError::UnknownId) };
        let id = id.as_raw();
        if ![FRONT, REAR, BRAKE].contains(&id) {
            return Err(FrameError::UnknownId);
        }
        let bytes = <[u8; BYTES_MAX]>::try_from(frame.data()).map_err(|_| FrameError::BadLength)?;
        if bytes[7] != checksum(id, &bytes) {
            return Err(FrameError::BadChecksum);
        }
        let raw = [u16::from_be_bytes([bytes[0], bytes[1]]), u16::from_be_bytes([bytes[2], bytes[3]])];
        if raw.contains(&UNKNOWN) {
            return Err(FrameError::Invalid);
        }
        let (counter, [a, b]) = (bytes[6] & 0xf, raw.map(f64::from));
        Ok(match id {
            FRONT => Self::FrontWheels([a * SPEED_STEP, b * SPEED_STEP], counter),
            REAR => Self::RearWheels([a * SPEED_STEP, b * SPEED_STEP], counter),
            _ => Self::Brake([a * RATIO_STEP, b * RATIO_STEP], counter),
        })
    }
}

/// CRC-8 of SAE J1850 over identifier and the first seven bytes.
fn checksum(id: u16, bytes: &[u8; BYTES_MAX]) -> u8 {
    let covered = id.to_be_bytes().into_iter().chain(bytes.iter().copied().take(BYTES_MAX - 1));
    !covered.fold(0xffu8, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 != 0 { (crc << 1) ^ 0x1d } else { crc << 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden_frame() {
        let frame = Message::FrontWheels([12.34, 0.0], 5).encode().unwrap();
        assert_eq!(frame.id(), Id::Standard(StandardId::new(0x0b0).unwrap()));
        assert_eq!(frame.data()[..7], [0x04, 0xd2, 0, 0, 0, 0, 5]);
        assert_eq!(Message::decode(&frame), Ok(Message::FrontWheels([12.34, 0.0], 5)));
    }

    /// The check value of the catalogue: CRC-8/SAE-J1850 of "123456789" is 0x4b.
    #[test]
    fn the_checksum_is_the_standard_one() {
        assert_eq!(checksum(u16::from_be_bytes(*b"12"), b"3456789\0"), 0x4b);
    }

    #[test]
    fn what_is_not_known_is_marked() {
        for value in [f64::NAN, 1e9, f64::INFINITY] {
            let frame = Message::Brake([0.5, value], 0).encode().unwrap();
            assert_eq!(Message::decode(&frame), Err(FrameError::Invalid), "{value}");
        }
        let other = Frame::new(StandardId::new(0x123).unwrap(), &[0; 8]).unwrap();
        assert_eq!(Message::decode(&other), Err(FrameError::UnknownId));
        let remote = Frame::new_remote(StandardId::new(0x0b0).unwrap(), 8).unwrap();
        assert_eq!(Message::decode(&remote), Err(FrameError::BadLength));
        assert!(Frame::new(StandardId::new(1).unwrap(), &[0; 9]).is_none());
    }

    proptest! {
        #[test]
        fn messages_come_back_within_a_step(a in 0.0f64..600.0, b in 0.0f64..600.0, counter in 0u8..16) {
            let frame = Message::RearWheels([a, b], counter).encode().unwrap();
            match Message::decode(&frame) {
                Ok(Message::RearWheels(back, count)) => {
                    prop_assert!((back[0] - a).abs() <= SPEED_STEP / 2.0 + 1e-9 && (back[1] - b).abs() <= SPEED_STEP / 2.0 + 1e-9);
                    prop_assert_eq!(count, counter);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }

        /// One flipped bit is always noticed.
        #[test]
        fn a_flipped_bit_is_noticed(a in 0.0f64..600.0, counter in 0u8..16, bit in 0usize..64) {
            let frame = Message::FrontWheels([a, a], counter).encode().unwrap();
            let mut bytes = <[u8; 8]>::try_from(frame.data()).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let changed = Frame::new(frame.id(), &bytes).unwrap();
            prop_assert_eq!(Message::decode(&changed), Err(FrameError::BadChecksum));
        }
    }
}
