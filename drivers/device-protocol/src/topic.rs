// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract of `topic_hub`, which carries topics between slots: the latest message of each, no queue.
//!
//! A slot calls a topic by its place among the topics that its app may publish or receive. `wasm_manager` says which topic
//! that is, by name, and how often a second the slot may do which ([`Order`], on its own channel alone). Slots whose places
//! have the same name share the topic. It is there while one of them has it; then it is forgotten with its message.

use crate::permission::{CLIENTS, number};
use crate::sensor::success;
use crate::{BadReply, CallError, Message, Status};

/// Topics that one slot may have to do with: places are `0..TOPICS_MAX`.
pub const TOPICS_MAX: usize = 8;
/// Longest message in bytes.
pub const MESSAGE_BYTES_MAX: usize = 128;
/// Longest name in bytes.
pub const NAME_BYTES: usize = 32;
/// Most words in a request or a reply.
pub const WORDS_MAX: usize = 3 + MESSAGE_BYTES_MAX / WORD_BYTES;

const WORD_BYTES: usize = size_of::<u64>();
const NAME_WORDS: usize = NAME_BYTES / WORD_BYTES;

const LABEL_PUBLISH: u64 = 1;
const LABEL_RECEIVE: u64 = 2;
const LABEL_REVOKE: u64 = 32;
const LABEL_PERMIT: u64 = 33;
const LABEL_VOICE: u64 = 34;

type TopicMessage = Message<WORDS_MAX>;

/// The name of a topic: 1 to [`NAME_BYTES`] bytes, none of them zero; padded with zeroes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicName([u8; NAME_BYTES]);

impl TopicName {
    /// This name; nothing if it is empty, too long, or has a zero byte.
    pub fn new(name: &[u8]) -> Option<Self> {
        let mut padded = [0; NAME_BYTES];
        padded.get_mut(..name.len())?.copy_from_slice(name);
        Self::from_padded(padded)
    }

    /// The name in these bytes; nothing if they are not one, padded with zeroes.
    pub fn from_padded(padded: [u8; NAME_BYTES]) -> Option<Self> {
        let length = padded.iter().position(|byte| *byte == 0).unwrap_or(NAME_BYTES);
        let (name, rest) = padded.split_at_checked(length)?;
        (!name.is_empty() && rest.iter().all(|byte| *byte == 0)).then_some(Self(padded))
    }

    /// Its bytes, padded with zeroes.
    pub const fn padded(&self) -> &[u8; NAME_BYTES] {
        &self.0
    }
}

/// The bytes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Zero behind `length`.
    bytes: [u8; MESSAGE_BYTES_MAX],
    length: usize,
}

impl Payload {
    /// No bytes.
    pub const EMPTY: Self = Self { bytes: [0; MESSAGE_BYTES_MAX], length: 0 };

    /// These bytes.
    ///
    /// # Errors
    /// [`Status::BadLength`] above [`MESSAGE_BYTES_MAX`].
    pub fn new(bytes: &[u8]) -> Result<Self, Status> {
        let mut payload = Self { length: bytes.len(), ..Self::EMPTY };
        payload.bytes.get_mut(..bytes.len()).ok_or(Status::BadLength)?.copy_from_slice(bytes);
        Ok(payload)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }

    /// Its words behind `words`: the length, then the bytes. Gives how many words there are then.
    fn put(&self, words: &mut [u64; WORDS_MAX], at: usize) -> usize {
        let count = self.length.div_ceil(WORD_BYTES);
        let all = core::iter::once(self.length as u64)
            .chain(self.bytes.chunks_exact(WORD_BYTES).take(count).map(word));
        for (to, from) in words.iter_mut().skip(at).zip(all) {
            *to = from;
        }
        at + 1 + count
    }

    /// From the same words: exactly as many as it takes, and nothing behind the last byte.
    fn take(words: &[u64]) -> Option<Self> {
        let (length, words) = words.split_first()?;
        let length = usize::try_from(*length).ok().filter(|length| *length <= MESSAGE_BYTES_MAX)?;
        if words.len() != length.div_ceil(WORD_BYTES) {
            return None;
        }
        let mut payload = Self { length, ..Self::EMPTY };
        for (to, from) in payload.bytes.chunks_exact_mut(WORD_BYTES).zip(words) {
            to.copy_from_slice(&from.to_le_bytes());
        }
        payload.bytes.iter().skip(length).all(|byte| *byte == 0).then_some(payload)
    }
}

fn word(chunk: &[u8]) -> u64 {
    chunk.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// What a slot asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// This message is the topic's latest from now on: answered by [`Published`].
    Publish {
        /// Which of the slot's topics.
        place: usize,
        /// The message.
        payload: Payload,
    },
    /// The latest message: answered by [`Received`].
    Receive {
        /// Which of the slot's topics.
        place: usize,
    },
}

impl Request {
    /// The message that carries this request.
    pub fn encode(&self) -> TopicMessage {
        match self {
            Self::Publish { place, payload } => {
                let mut words = [0; WORDS_MAX];
                words[0] = *place as u64;
                let count = payload.put(&mut words, 1);
                Message::new(LABEL_PUBLISH, words.get(..count).unwrap_or(&words))
            }
            Self::Receive { place } => Message::new(LABEL_RECEIVE, &[*place as u64]),
        }
    }

    /// The request in a message, or the status to refuse it with. Its place is below [`TOPICS_MAX`].
    ///
    /// # Errors
    /// [`Status::UnknownRequest`], [`Status::BadLength`], [`Status::UnknownDevice`].
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, Status> {
        match (label, words) {
            (LABEL_PUBLISH, [at, rest @ ..]) => Ok(Self::Publish {
                place: place(*at)?,
                payload: Payload::take(rest).ok_or(Status::BadLength)?,
            }),
            (LABEL_RECEIVE, &[at]) => Ok(Self::Receive { place: place(at)? }),
            (LABEL_PUBLISH | LABEL_RECEIVE, _) => Err(Status::BadLength),
            _ => Err(Status::UnknownRequest),
        }
    }
}

fn place(word: u64) -> Result<usize, Status> {
    number(word, TOPICS_MAX, Status::UnknownDevice)
}

/// A message was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Which message of its topic it is, from 1.
    pub sequence: u64,
}

impl Published {
    /// The message that carries this answer.
    pub fn encode(&self) -> TopicMessage {
        Message::new(Status::Ok as u64, &[self.sequence])
    }

    /// The answer in a reply.
    ///
    /// # Errors
    /// [`CallError::Refused`] with the hub's reason, [`CallError::BadReply`] if it is not to be understood.
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, CallError> {
        match (success(label, words)?, words) {
            ((), &[sequence]) => Ok(Self { sequence }),
            _ => Err(CallError::BadReply(BadReply { label, words: words.len() })),
        }
    }
}

/// The latest message of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// When it was published.
    pub time_us: u64,
    /// Which message of its topic it is, from 1: a gap tells what was missed.
    pub sequence: u64,
    /// The message.
    pub payload: Payload,
}

impl Received {
    /// The message that carries this answer.
    pub fn encode(&self) -> TopicMessage {
        let mut words = [0; WORDS_MAX];
        (words[0], words[1]) = (self.time_us, self.sequence);
        let count = self.payload.put(&mut words, 2);
        Message::new(Status::Ok as u64, words.get(..count).unwrap_or(&words))
    }

    /// The answer in a reply.
    ///
    /// # Errors
    /// As [`Published::decode`].
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, CallError> {
        let bad = CallError::BadReply(BadReply { label, words: words.len() });
        match (success(label, words)?, words) {
            ((), [time_us, sequence, rest @ ..]) => {
                let payload = Payload::take(rest).ok_or(bad)?;
                Ok(Self { time_us: *time_us, sequence: *sequence, payload })
            }
            _ => Err(bad),
        }
    }
}

/// The message that refuses a request. `Ok` is no refusal and must not be given.
pub fn refusal(status: Status) -> TopicMessage {
    Message::new(status as u64, &[])
}

/// The answer to an order that was obeyed.
pub fn done() -> TopicMessage {
    Message::new(Status::Ok as u64, &[])
}

/// What a slot may do with one topic; at least one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicPermission {
    /// Its name.
    pub name: TopicName,
    /// Most messages that it publishes in one second of the device's clock; 0: none.
    pub publishes_per_second: u32,
    /// How often it receives in one second of the device's clock at most; 0: never.
    pub receives_per_second: u32,
}

/// An order of `wasm_manager`; the answer is [`done`] or a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Slot `client` has no topics any more.
    Revoke {
        /// Which slot.
        client: usize,
    },
    /// Slot `client` has this topic at `place`, instead of what it had there.
    Permit {
        /// Which slot.
        client: usize,
        /// Which of its places.
        place: usize,
        /// Which topic, and how often.
        permission: TopicPermission,
    },
    /// What slot `client` publishes counts from `from_us` on and before `until_us`; else it is answered and dropped. Until the
    /// slot is revoked, when all counts again.
    Voice {
        /// Which slot.
        client: usize,
        /// From when, on the device's clock.
        from_us: u64,
        /// Until when.
        until_us: u64,
    },
}

impl Order {
    /// The message that carries this order.
    pub fn encode(&self) -> TopicMessage {
        match self {
            Self::Revoke { client } => Message::new(LABEL_REVOKE, &[*client as u64]),
            Self::Permit { client, place, permission } => {
                let mut words = [0; 2 + NAME_WORDS + 2];
                (words[0], words[1]) = (*client as u64, *place as u64);
                let name = permission.name.padded().chunks_exact(WORD_BYTES).map(word);
                let rates = [permission.publishes_per_second, permission.receives_per_second];
                for (to, from) in words.iter_mut().skip(2).zip(name.chain(rates.map(u64::from))) {
                    *to = from;
                }
                Message::new(LABEL_PERMIT, &words)
            }
            Self::Voice { client, from_us, until_us } => {
                Message::new(LABEL_VOICE, &[*client as u64, *from_us, *until_us])
            }
        }
    }

    /// The order in a message; client and place of a decoded order are within their ranges.
    ///
    /// # Errors
    /// [`Status::UnknownRequest`], [`Status::BadLength`], [`Status::NotAClient`], [`Status::UnknownDevice`],
    /// [`Status::BadPermission`].
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, Status> {
        match (label, words) {
            (LABEL_REVOKE, &[client]) => {
                Ok(Self::Revoke { client: number(client, CLIENTS, Status::NotAClient)? })
            }
            (LABEL_PERMIT, &[client, at, ref name @ .., publishes, receives]) if name.len() == NAME_WORDS => {
                let client = number(client, CLIENTS, Status::NotAClient)?;
                let place = place(at)?;
                let mut padded = [0; NAME_BYTES];
                for (to, from) in padded.chunks_exact_mut(WORD_BYTES).zip(name) {
                    to.copy_from_slice(&from.to_le_bytes());
                }
                let rate = |word| u32::try_from(word).map_err(|_| Status::BadPermission);
                let permission = TopicPermission {
                    name: TopicName::from_padded(padded).ok_or(Status::BadPermission)?,
                    publishes_per_second: rate(publishes)?,
                    receives_per_second: rate(receives)?,
                };
                if (permission.publishes_per_second, permission.receives_per_second) == (0, 0) {
                    return Err(Status::BadPermission);
                }
                Ok(Self::Permit { client, place, permission })
            }
            (LABEL_VOICE, &[client, from_us, until_us]) => {
                Ok(Self::Voice { client: number(client, CLIENTS, Status::NotAClient)?, from_us, until_us })
            }
            (LABEL_REVOKE | LABEL_PERMIT | LABEL_VOICE, _) => Err(Status::BadLength),
            _ => Err(Status::UnknownRequest),
        }
    }
}

#[cfg(test)]
mod tests;
