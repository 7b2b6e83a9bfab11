// SPDX-License-Identifier: Apache-2.0 OR MIT
use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::{Level, NoRoom, Structures};

proptest! {
    /// Each structure is made once, before the first page that needs it, and none for nothing.
    #[test]
    fn structures_are_made_once_and_in_time(
        pages in prop::collection::vec((0..1u64 << 36, any::<bool>()), 1..100),
    ) {
        let mut structures = Structures::new();
        let mut made = BTreeSet::new();
        for (page, large) in pages {
            // Half of them close together.
            let vaddr = if page & 1 == 0 { page << 12 & 0xfff_ffff } else { page << 12 };
            for level in Level::ALL {
                if large && level == Level::Table {
                    continue;
                }
                let lacked = structures.lacks(level, vaddr).expect("room for a hundred");
                prop_assert_eq!(lacked, made.insert((level, vaddr >> level.covered_bits())));
            }
        }
    }
}

#[test]
fn what_cannot_be_remembered_is_not_made_twice_but_refused() {
    let mut structures = Structures::new();
    for index in 0..128_u64 {
        assert_eq!(structures.lacks(Level::Table, index << 21), Ok(true));
    }
    assert_eq!(structures.lacks(Level::Table, 128 << 21), Err(NoRoom));
    assert_eq!(structures.lacks(Level::Table, 5 << 21), Ok(false));
}
