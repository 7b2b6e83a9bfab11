// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn all(region: SharedRegion) -> Vec<(String, Kind, u64)> {
    let mut all = Vec::new();
    read(region, |name, kind, value| all.push((name.to_string(), kind, value)));
    all
}

#[test]
fn figures_arrive_and_go_on_over_a_restart() {
    let region = SharedRegion::leaked(0x1000);
    assert_eq!(all(region), [], "a blank page");
    let mut writer = Writer::new(region).unwrap();
    let dropped = writer.add("gateway", Kind::Dropped).unwrap();
    let held_up = writer.add("gateway", Kind::HeldUp).unwrap();
    writer.set(dropped, 3);
    writer.set(held_up, u64::MAX);
    let expected = [("gateway".into(), Kind::Dropped, 3), ("gateway".into(), Kind::HeldUp, u64::MAX)];
    assert_eq!(all(region), expected);
    // The next life counts from zero; the page does not. Another figure at that place does not inherit.
    let mut writer = Writer::new(region).unwrap();
    assert_eq!(all(region), []);
    let dropped = writer.add("gateway", Kind::Dropped).unwrap();
    let other = writer.add("gateway", Kind::Misbehaviour).unwrap();
    writer.set(dropped, 2);
    writer.set(other, 1);
    assert_eq!(
        all(region),
        [("gateway".into(), Kind::Dropped, 5), ("gateway".into(), Kind::Misbehaviour, 1)]
    );
}

#[test]
fn the_layout_is_pinned() {
    let region = SharedRegion::leaked(0x1000);
    let mut writer = Writer::new(region).unwrap();
    let figure = writer.add("console", Kind::LogLostBytes).unwrap();
    writer.set(figure, 0x0102);
    let mut bytes = [0; 56];
    region.copy_out(0, &mut bytes).unwrap();
    let mut golden = [0; 56];
    golden[..8].copy_from_slice(b"Coffigs\x01");
    golden[8] = 1;
    golden[16..23].copy_from_slice(b"console");
    golden[40] = 4;
    golden[48..50].copy_from_slice(&[2, 1]);
    assert_eq!(bytes, golden);
}

#[test]
fn a_page_is_bounded() {
    let region = SharedRegion::leaked(0x1000);
    let mut writer = Writer::new(region).unwrap();
    assert!(
        ["", "Gateway", "a b", "a/b", &"x".repeat(25)]
            .iter()
            .all(|name| writer.add(name, Kind::Faults).is_none())
    );
    for _ in 0..FIGURES_MAX {
        assert!(writer.add(&"x".repeat(24), Kind::Faults).is_some());
    }
    assert!(writer.add("one_more", Kind::Faults).is_none());
    assert_eq!(all(region).len(), FIGURES_MAX);
    assert!(Writer::new(SharedRegion::leaked(0x800)).is_err());
    assert_eq!(all(SharedRegion::leaked(0x800)), []);
}

proptest! {
    /// Whatever is in a page: few figures with names that are harmless to print.
    #[test]
    fn a_hostile_page_does_no_harm(bytes in proptest::collection::vec(any::<u8>(), 512), count in any::<u64>(), kinds in any::<bool>()) {
        let region = SharedRegion::leaked(0x1000);
        for at in (0..0x1000).step_by(512) {
            region.copy_in(at, &bytes).unwrap();
        }
        if kinds {
            for number in 0..FIGURES_MAX {
                region.copy_in(record_at(number), b"name\0").unwrap();
                region.store_u64_relaxed(record_at(number) + 24, count % 9).unwrap();
            }
        }
        region.store_u64_relaxed(0, MAGIC).unwrap();
        region.store_u64_relaxed(8, count).unwrap();
        let all = all(region);
        prop_assert!(all.len() as u64 <= count.min(FIGURES_MAX as u64));
        prop_assert!(all.iter().all(|(name, _, _)| is_name(name.as_bytes())));
    }
}
