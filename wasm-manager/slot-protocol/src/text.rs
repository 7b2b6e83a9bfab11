// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Short texts of fixed size: an app's name, the detail of a stop reason.

use core::fmt;

use cofferdam_host_abi::Limits;

/// Bytes of a [`Detail`]. With its length and a reason it stays below what one passes around as a value.
pub const DETAIL_BYTES: usize = 112;

/// An app's name.
pub type AppName = ShortText<{ Limits::NAME_BYTES }>;

/// What a person wants to know beside a stop reason.
pub type Detail = ShortText<DETAIL_BYTES>;

/// UTF-8 text of at most `N` bytes. What does not fit is cut at a character's end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ShortText<const N: usize> {
    bytes: [u8; N],
    length: u8,
}

impl<const N: usize> ShortText<N> {
    const FITS: () = assert!(N <= u8::MAX as usize, "the length is one byte");

    /// No text.
    pub const EMPTY: Self = {
        let () = Self::FITS;
        Self { bytes: [0; N], length: 0 }
    };

    /// As much of `text` as fits.
    pub fn new(text: &str) -> Self {
        let mut short = Self::EMPTY;
        short.append(text);
        short
    }

    /// What the arguments of `format_args!` say, as much as fits.
    pub fn format(arguments: fmt::Arguments<'_>) -> Self {
        let mut short = Self::EMPTY;
        // Writing into a ShortText cuts and never fails; a failing Display leaves what it wrote.
        let _ = fmt::Write::write_fmt(&mut short, arguments);
        short
    }

    /// From bytes padded with zeroes. Bytes that are no UTF-8 end the text, so that a hostile writer
    /// gets a shorter text and the reader no error to handle.
    pub fn from_padded(bytes: &[u8; N]) -> Self {
        let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(N);
        let text = bytes.get(..length).unwrap_or(&[]);
        match core::str::from_utf8(text) {
            Ok(text) => Self::new(text),
            Err(error) => {
                let valid = text.get(..error.valid_up_to()).unwrap_or(&[]);
                Self::new(core::str::from_utf8(valid).unwrap_or(""))
            }
        }
    }

    /// The bytes, padded with zeroes.
    pub const fn padded(&self) -> &[u8; N] {
        &self.bytes
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.length.into()).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or("")
    }

    /// Is there no text?
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn append(&mut self, text: &str) {
        let length = usize::from(self.length);
        let mut room = text.len().min(N - length);
        while !text.is_char_boundary(room) {
            room -= 1;
        }
        for (to, from) in self.bytes.iter_mut().skip(length).zip(text.bytes().take(room)) {
            *to = from;
        }
        // At most N, which fits.
        self.length = (length + room) as u8;
    }
}

impl<const N: usize> fmt::Write for ShortText<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.append(text);
        Ok(())
    }
}

impl<const N: usize> fmt::Display for ShortText<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for ShortText<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(ShortText::<4>::new("aäöü").as_str(), "aä");
        assert_eq!(ShortText::<5>::new("aäöü").as_str(), "aäö");
        assert_eq!(ShortText::<8>::format(format_args!("{}-{}", 12, 345)).as_str(), "12-345");
    }

    proptest! {
        #[test]
        fn any_bytes_make_a_text(bytes in any::<[u8; 16]>()) {
            let text = ShortText::<16>::from_padded(&bytes);
            prop_assert!(bytes.starts_with(text.as_str().as_bytes()));
        }

        #[test]
        fn padded_comes_back(text in "[a-zä-ü]{0,40}") {
            let short = ShortText::<32>::new(&text);
            prop_assert_eq!(ShortText::<32>::from_padded(short.padded()), short);
            prop_assert!(text.starts_with(short.as_str()));
        }
    }
}
