// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A list of texts of bounded size: a program's arguments, its environment.

use core::fmt;

use cofferdam_host_abi::Limits;

/// Up to [`Limits::TEXTS`] texts, each followed by a zero byte as WASI hands them out, in
/// [`Limits::TEXTS_BYTES`] together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TextList {
    bytes: [u8; Limits::TEXTS_BYTES],
    length: u16,
    count: u16,
}

/// A text does not fit, or has a zero byte within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextRefused;

impl TextList {
    // There are no more texts than bytes: each has its zero byte.
    const FITS: () = assert!(Limits::TEXTS_BYTES <= u16::MAX as usize);

    /// No texts.
    pub const EMPTY: Self = {
        let () = Self::FITS;
        Self { bytes: [0; Limits::TEXTS_BYTES], length: 0, count: 0 }
    };

    /// Adds one text, made of `parts`. A list that refuses stays as it was.
    pub fn push(&mut self, parts: &[&str]) -> Result<(), TextRefused> {
        if usize::from(self.count) >= Limits::TEXTS || parts.iter().any(|part| part.contains('\0')) {
            return Err(TextRefused);
        }
        let mut list = *self;
        for part in parts {
            list.append(part.as_bytes())?;
        }
        list.append(&[0])?;
        list.count = list.count.checked_add(1).ok_or(TextRefused)?;
        *self = list;
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), TextRefused> {
        let start = usize::from(self.length);
        let end = start.checked_add(bytes.len()).ok_or(TextRefused)?;
        self.bytes.get_mut(start..end).ok_or(TextRefused)?.copy_from_slice(bytes);
        self.length = u16::try_from(end).map_err(|_| TextRefused)?;
        Ok(())
    }

    /// How many texts.
    pub const fn count(&self) -> u32 {
        self.count as u32
    }

    /// All texts, each with its zero byte.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or(&[])
    }

    /// The texts in order, each with its zero byte.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.bytes().split_inclusive(|byte| *byte == 0)
    }

    pub(crate) fn layout(&self) -> ([u8; Limits::TEXTS_BYTES], u32, u32) {
        (self.bytes, self.length.into(), self.count.into())
    }

    /// From what a shared region holds; nothing if the numbers do not fit the bytes.
    pub(crate) fn from_layout(bytes: &[u8; Limits::TEXTS_BYTES], length: u32, count: u32) -> Option<Self> {
        let used = bytes.get(..usize::try_from(length).ok()?)?;
        let ends = used.iter().filter(|byte| **byte == 0).count();
        let whole = used.last().is_none_or(|last| *last == 0);
        if !whole || ends > Limits::TEXTS || u32::try_from(ends) != Ok(count) {
            return None;
        }
        let mut list = Self::EMPTY;
        list.append(used).ok()?;
        list.count = u16::try_from(count).ok()?;
        Some(list)
    }
}

impl fmt::Debug for TextList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.iter().map(|text| text.strip_suffix(&[0]).unwrap_or(text).escape_ascii());
        f.debug_list().entries(texts).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(texts: &[&str]) -> TextList {
        let mut list = TextList::EMPTY;
        for text in texts {
            list.push(&[text]).unwrap();
        }
        list
    }

    #[test]
    fn texts_follow_each_other_with_a_zero_byte_each() {
        let mut list = list(&["one", "", "two words"]);
        list.push(&["NAME", "=", "value"]).unwrap();
        assert_eq!(list.bytes(), b"one\0\0two words\0NAME=value\0");
        assert_eq!(list.count(), 4);
        assert!(list.iter().eq([&b"one\0"[..], b"\0", b"two words\0", b"NAME=value\0"]));
        assert_eq!(TextList::EMPTY.iter().count(), 0);
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let mut full = list(&["a"; Limits::TEXTS]);
        assert_eq!(full.push(&["b"]), Err(TextRefused));
        assert_eq!(full, list(&["a"; Limits::TEXTS]));
        let long = [b'x'; Limits::TEXTS_BYTES];
        let long = core::str::from_utf8(&long).unwrap();
        let mut one = list(&["a"]);
        assert_eq!(one.push(&["NAME=", long]), Err(TextRefused));
        assert_eq!(one.push(&["with\0zero"]), Err(TextRefused));
        assert_eq!(one, list(&["a"]));
        // All bytes but the last, which is its zero.
        let mut whole = TextList::EMPTY;
        assert_eq!(whole.push(&[&long[1..]]), Ok(()));
    }

    #[test]
    fn numbers_that_do_not_fit_the_bytes_are_refused() {
        let (bytes, length, count) = list(&["one", "two"]).layout();
        assert_eq!(TextList::from_layout(&bytes, length, count), Some(list(&["one", "two"])));
        for (length, count) in [
            (length - 1, count),
            (length, count + 1),
            (length, count - 1),
            (u32::MAX, count),
            (0, count),
            (7, 1),
        ] {
            assert_eq!(TextList::from_layout(&bytes, length, count), None, "{length} {count}");
        }
        assert_eq!(TextList::from_layout(&[0; Limits::TEXTS_BYTES], 100, 100), None, "more than may be");
    }

    proptest! {
        #[test]
        fn what_is_taken_from_a_region_is_whole(
            seed in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], Limits::TEXTS_BYTES),
            length in 0u32..1200,
            count in 0u32..40,
        ) {
            let bytes: &[u8; Limits::TEXTS_BYTES] = seed.first_chunk().unwrap();
            if let Some(list) = TextList::from_layout(bytes, length, count) {
                prop_assert_eq!(list.iter().count() as u32, list.count());
                prop_assert!(list.iter().all(|text| text.last() == Some(&0)));
                prop_assert!(list.count() as usize <= Limits::TEXTS);
            }
        }
    }
}
