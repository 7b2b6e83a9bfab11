// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract of entropy_driver: one protected procedure, [`Request::Fill`].
//!
//! Request: label [`FILL`], one word: how many bytes (1 to [`BYTES_MAX`]). Reply: the label is a [`Status`];
//! with [`Status::Ok`] the words hold exactly that many bytes, the first in the low byte of word 0, and
//! zeros behind them. Any other status comes without words. There is no fallback to a weaker source: who
//! gets another status has no entropy.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;

/// The label of [`Request::Fill`].
pub const FILL: u64 = 1;
/// The most bytes that one call gives.
pub const BYTES_MAX: usize = 64;
/// The most words of a reply.
pub const WORDS_MAX: usize = BYTES_MAX / 8;

/// How a call ended. Zero is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Status {
    /// The bytes are there.
    Ok = 1,
    /// The label is no request of this contract.
    UnknownLabel = 2,
    /// The request has the wrong number of words, or asks for no or too many bytes.
    BadLength = 3,
    /// This machine has no entropy source that the driver knows.
    NoDevice = 4,
    /// The source was there but did not give the bytes.
    DeviceFailed = 5,
}

impl Status {
    /// The status that `label` means.
    pub fn from_label(label: u64) -> Option<Self> {
        [Self::Ok, Self::UnknownLabel, Self::BadLength, Self::NoDevice, Self::DeviceFailed]
            .into_iter()
            .find(|status| *status as u64 == label)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::UnknownLabel => "unknown request",
            Self::BadLength => "bad length",
            Self::NoDevice => "no entropy device",
            Self::DeviceFailed => "the entropy device failed",
        })
    }
}

/// What a client can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Fresh random bytes.
    Fill {
        /// How many: 1 to [`BYTES_MAX`].
        count_bytes: usize,
    },
}

impl Request {
    /// The server's side: what a message asks for, or the status to refuse it with.
    pub fn parse(label: u64, words: &[u64]) -> Result<Self, Status> {
        match (label, words) {
            (FILL, &[count]) => match usize::try_from(count) {
                Ok(count_bytes @ 1..=BYTES_MAX) => Ok(Self::Fill { count_bytes }),
                _ => Err(Status::BadLength),
            },
            (FILL, _) => Err(Status::BadLength),
            _ => Err(Status::UnknownLabel),
        }
    }
}

/// The server's side: packs `bytes` (at most [`BYTES_MAX`]) into reply words and says how many words.
pub fn pack(bytes: &[u8]) -> ([u64; WORDS_MAX], usize) {
    let mut words = [0; WORDS_MAX];
    let mut count = 0;
    for (word, chunk) in words.iter_mut().zip(bytes.chunks(8)) {
        let mut padded = [0; 8];
        padded[..chunk.len()].copy_from_slice(chunk);
        *word = u64::from_le_bytes(padded);
        count += 1;
    }
    (words, count)
}

/// Why a client did not get its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillError {
    /// The driver refused.
    Refused(Status),
    /// The reply is none of this contract's.
    BadReply {
        /// Its label.
        label: u64,
        /// How many words it has.
        words: usize,
    },
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) => status.fmt(f),
            Self::BadReply { label, words } => {
                write!(f, "entropy_driver replied with label {label} and {words} words")
            }
        }
    }
}

impl core::error::Error for FillError {}

/// The client's side: copies the bytes of a reply to a request for `bytes.len()` bytes.
pub fn unpack(label: u64, words: &[u64], bytes: &mut [u8]) -> Result<(), FillError> {
    let bad = FillError::BadReply { label, words: words.len() };
    match Status::from_label(label) {
        Some(Status::Ok) if words.len() == bytes.len().div_ceil(8) => {
            for (chunk, word) in bytes.chunks_mut(8).zip(words) {
                chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
            }
            Ok(())
        }
        Some(Status::Ok) | None => Err(bad),
        Some(status) => Err(FillError::Refused(status)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_values() {
        assert_eq!(Request::parse(1, &[16]), Ok(Request::Fill { count_bytes: 16 }));
        let (words, count) = pack(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!((words[0], words[1], count), (0x0807_0605_0403_0201, 9, 2));
        assert_eq!(Status::from_label(4), Some(Status::NoDevice));
        assert_eq!(Status::from_label(0), None);
    }

    #[test]
    fn refusals_say_why() {
        assert_eq!(Request::parse(0, &[16]), Err(Status::UnknownLabel));
        for words in [&[][..], &[0], &[65], &[u64::MAX], &[1, 2]] {
            assert_eq!(Request::parse(FILL, words), Err(Status::BadLength));
        }
        let mut bytes = [0; 16];
        assert_eq!(unpack(4, &[], &mut bytes), Err(FillError::Refused(Status::NoDevice)));
        assert_eq!(unpack(1, &[1], &mut bytes), Err(FillError::BadReply { label: 1, words: 1 }));
        assert_eq!(unpack(0, &[], &mut bytes), Err(FillError::BadReply { label: 0, words: 0 }));
    }

    proptest! {
        #[test]
        fn bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 1..=BYTES_MAX)) {
            let (words, count) = pack(&bytes);
            let mut back = [0; BYTES_MAX];
            prop_assert_eq!(unpack(Status::Ok as u64, &words[..count], &mut back[..bytes.len()]), Ok(()));
            prop_assert_eq!(&back[..bytes.len()], &bytes[..]);
        }
    }
}
