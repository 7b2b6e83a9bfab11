// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The word that describes a message.

/// Label, capabilities and length of a message, as the kernel encodes them:
/// `label << 12 | capabilities unwrapped << 9 | extra capabilities << 7 | length`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MessageInfo(u64);

impl MessageInfo {
    /// A description; `length` words, at most 120, `extra_caps` at most 3. The kernel keeps the low 20 bits
    /// of `label` (52 on later releases). Fields that are too large are cut.
    pub const fn new(label: u64, caps_unwrapped: u64, extra_caps: u64, length: usize) -> Self {
        Self(label << 12 | (caps_unwrapped & 7) << 9 | (extra_caps & 3) << 7 | (length as u64 & 0x7f))
    }

    /// From the kernel's word.
    pub const fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// The kernel's word.
    pub const fn word(self) -> u64 {
        self.0
    }

    /// The label: what is asked for, or how it went.
    pub const fn label(self) -> u64 {
        self.0 >> 12
    }

    /// Number of message words, never more than the buffer holds.
    pub const fn length(self) -> usize {
        let length = (self.0 & 0x7f) as usize;
        if length > crate::MESSAGE_WORDS_MAX { crate::MESSAGE_WORDS_MAX } else { length }
    }
}

impl core::fmt::Debug for MessageInfo {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "MessageInfo {{ label: {}, length: {} }}", self.label(), self.length())
    }
}
