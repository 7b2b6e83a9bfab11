// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Topics: the latest message that another app has published, and publishing one.
//!
//! A topic has no queue: who receives gets the latest message, again and again until there is a newer one, and sees by its
//! time how old it is. The manifest must permit each topic by name. What the bytes mean is up to the apps; a few numbers
//! ([`publish_values`], [`Message::value`]) are little-endian [`f64`].

use cofferdam_host_abi::{MESSAGE_BYTES_MAX, MESSAGE_HEADER_BYTES};

use crate::ErrorCode;
use crate::host::{self, MESSAGE_BYTES};

/// The longest message.
pub const BYTES_MAX: usize = MESSAGE_BYTES_MAX;

const VALUE_BYTES: usize = size_of::<f64>();

/// A message of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// When it was published, on the clock of [`crate::time::now_us`].
    pub time_us: u64,
    /// Which message of its topic it is, from 1: a gap tells how many were missed.
    pub sequence: u64,
    buffer: [u8; MESSAGE_BYTES],
    length: usize,
}

impl Message {
    fn new(buffer: [u8; MESSAGE_BYTES], length: usize) -> Self {
        let word = |at: usize| {
            let bytes = buffer.get(at..).and_then(|bytes| bytes.first_chunk());
            bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
        };
        Self { time_us: word(0), sequence: word(VALUE_BYTES), buffer, length: length.min(BYTES_MAX) }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        let bytes = self.buffer.get(MESSAGE_HEADER_BYTES..).unwrap_or(&[]);
        bytes.get(..self.length).unwrap_or(bytes)
    }

    /// One of its numbers; NaN if it has not so many.
    pub fn value(&self, index: usize) -> f64 {
        let bytes = self.bytes().chunks_exact(VALUE_BYTES).nth(index).and_then(|bytes| bytes.first_chunk());
        bytes.map_or(f64::NAN, |bytes| f64::from_le_bytes(*bytes))
    }

    /// How old it is.
    pub const fn age_us(&self, now_us: u64) -> u64 {
        now_us.saturating_sub(self.time_us)
    }
}

/// Makes `message` the latest of `topic`. Above [`BYTES_MAX`] it is refused.
pub fn publish(topic: &str, message: &[u8]) -> Result<(), ErrorCode> {
    host::publish(topic.as_bytes(), message)
}

/// Makes these numbers the latest message of `topic`; sixteen fit.
pub fn publish_values(topic: &str, values: &[f64]) -> Result<(), ErrorCode> {
    let mut message = [0; BYTES_MAX];
    let length = size_of_val(values);
    for (to, from) in message.chunks_exact_mut(VALUE_BYTES).zip(values) {
        to.copy_from_slice(&from.to_le_bytes());
    }
    publish(topic, message.get(..length).ok_or(ErrorCode::BadLength)?)
}

/// The latest message of `topic`; [`ErrorCode::NotReady`] if there is none yet.
pub fn receive(topic: &str) -> Result<Message, ErrorCode> {
    let mut buffer = [0; MESSAGE_BYTES];
    let length = host::receive(topic.as_bytes(), &mut buffer)?;
    Ok(Message::new(buffer, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_the_host_writes_it() {
        let mut buffer = [0; MESSAGE_BYTES];
        buffer[0] = 9;
        buffer[8] = 3;
        buffer[16..24].copy_from_slice(&1.5f64.to_le_bytes());
        buffer[24..32].copy_from_slice(&(-2.0f64).to_le_bytes());
        let message = Message::new(buffer, 15);
        assert_eq!((message.time_us, message.sequence, message.bytes().len()), (9, 3, 15));
        assert_eq!((message.value(0), message.value(1).is_nan()), (1.5, true), "the second is not whole");
        assert_eq!((message.age_us(12), message.age_us(5)), (3, 0));
        assert_eq!(Message::new(buffer, 16).value(1), -2.0);
        assert_eq!(Message::new(buffer, usize::MAX).bytes().len(), BYTES_MAX);
    }

    #[test]
    fn on_a_desk_there_are_no_topics() {
        assert_eq!(publish_values("pose", &[1.0]), Err(ErrorCode::NotSupported));
        assert_eq!(publish_values("pose", &[0.0; 17]), Err(ErrorCode::BadLength));
        assert_eq!(receive("pose"), Err(ErrorCode::NotSupported));
    }
}
