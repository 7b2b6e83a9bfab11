// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a message is to an encoder and a decoder.

use crate::VALUES_MAX;

/// Most words in a request or a reply: two and the values of a sensor.
pub const WORDS_MAX: usize = 2 + VALUES_MAX;

/// A label and its words, as they go into or come out of the message registers: at most `WORDS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<const WORDS: usize = WORDS_MAX> {
    /// The label of the message.
    pub label: u64,
    words: [u64; WORDS],
    count: usize,
}

impl<const WORDS: usize> Message<WORDS> {
    /// A message of this label with these words; words beyond `WORDS` are left out, and no encoder of this crate has
    /// any.
    pub(crate) fn new(label: u64, words: &[u64]) -> Self {
        let mut message = Self { label, words: [0; WORDS], count: words.len().min(WORDS) };
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
