// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a message is to an encoder and a decoder.

use crate::VALUES_MAX;

/// Most words in a request or a reply: two and the values of a sensor.
pub const WORDS_MAX: usize = 2 + VALUES_MAX;

/// A label and its words, as they go into or come out of the message registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The label of the message.
    pub label: u64,
    words: [u64; WORDS_MAX],
    count: usize,
}

impl Message {
    /// A message of this label with these words; words beyond [`WORDS_MAX`] are left out, and no encoder of
    /// this crate has any.
    pub(crate) fn new(label: u64, words: &[u64]) -> Self {
        let mut message = Self { label, words: [0; WORDS_MAX], count: words.len().min(WORDS_MAX) };
        for (to, from) in message.words.iter_mut().zip(words) {
            *to = *from;
        }
        message
    }

    /// The words that go with the label.
    pub fn words(&self) -> &[u64] {
        self.words.get(..self.count).unwrap_or(&self.words)
    }
}
