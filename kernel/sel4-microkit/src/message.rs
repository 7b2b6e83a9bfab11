// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Messages of protected procedure calls.

pub use sel4::{MESSAGE_WORDS_MAX, get_mr, set_mr, with_message};

/// The label and the number of words of a message; the words are read with [`get_mr`] and set with [`set_mr`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MessageInfo(sel4::MessageInfo);

impl MessageInfo {
    /// A description of `words` message words (at most 120) under `label` (20 bits).
    pub const fn new(label: u64, words: usize) -> Self {
        let words = if words > MESSAGE_WORDS_MAX { MESSAGE_WORDS_MAX } else { words };
        Self(sel4::MessageInfo::new(label, 0, 0, words))
    }

    /// Puts `words` into the message and describes it; what the buffer does not hold is cut.
    pub fn with_words(label: u64, words: &[u64]) -> Self {
        for (index, word) in words.iter().enumerate() {
            set_mr(index, *word);
        }
        Self::new(label, words.len())
    }

    /// Copies the message's words: once, so that what is checked is what is used. As many as `buffer` holds; one place
    /// more than a message may have shows what is too long.
    pub fn words(self, buffer: &mut [u64]) -> &[u64] {
        let count = self.count().min(buffer.len());
        for (index, word) in buffer.iter_mut().enumerate().take(count) {
            *word = get_mr(index);
        }
        buffer.get(..count).unwrap_or(&[])
    }

    /// The label.
    pub const fn label(self) -> u64 {
        self.0.label()
    }

    /// The number of words.
    pub const fn count(self) -> usize {
        self.0.length()
    }

    pub(crate) const fn from_kernel(info: sel4::MessageInfo) -> Self {
        Self(info)
    }

    pub(crate) const fn to_kernel(self) -> sel4::MessageInfo {
        self.0
    }
}

impl core::fmt::Debug for MessageInfo {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "MessageInfo {{ label: {}, count: {} }}", self.label(), self.count())
    }
}
