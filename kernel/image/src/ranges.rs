// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Half-open address ranges.

use std::ops::Range;

/// Whether two ranges share an address.
pub fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end && !a.is_empty() && !b.is_empty()
}

/// As it is written in messages.
pub fn hex(range: &Range<u64>) -> String {
    format!("{:#x}-{:#x}", range.start, range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_do_not_overlap() {
        assert!(overlap(&(0..2), &(1..3)));
        assert!(overlap(&(0..9), &(3..4)));
        assert!(!overlap(&(0..2), &(2..3)));
        assert!(!overlap(&(2..2), &(0..9)));
        assert_eq!(hex(&(16..32)), "0x10-0x20");
    }
}
