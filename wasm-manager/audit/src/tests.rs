// SPDX-License-Identifier: Apache-2.0 OR MIT
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn event(number: u64) -> Event {
    Event::new(What::Install).by([1; 8]).about("downhill").signed_by([2; 8]).digest([3; 32]).number(number)
}

fn log(entries: u64) -> Log {
    let mut log = Log::default();
    log.begin_boot();
    (0..entries).for_each(|number| log.append(number * 10, event(number)));
    log
}

fn export(log: &Log, after: u64) -> Export {
    let (mut place, entries) = log.since(after);
    let mut export = Export::new("bench", place);
    for entry in entries {
        place = place.after(entry);
        export.push(entry, place.hash);
    }
    export
}

#[test]
fn an_entry_has_one_form() {
    let mut log = Log::default();
    log.begin_boot();
    log.append(7, Event::new(What::Boot).text("ab"));
    let (_, mut entries) = log.since(0);
    let golden = [0x84, 0x01, 0x01, 0x07, 0xa2, 0x04, 0x01, 0x0b, 0x62, 0x61, 0x62];
    assert_eq!(entries.next().unwrap(), golden);
    // The hash is what anybody can compute: SHA-256 over the label, 32 zeros and these bytes.
    let mut hash = Sha256::new();
    hash.update([b"cofferdam audit 1".as_slice(), &[0; 32], &golden].concat());
    assert_eq!(log.head().hash, <Hash>::from(hash.finalize()));
}

#[test]
fn texts_from_outside_are_bounded() {
    let event = Event::new(What::Fail).about(&"x".repeat(99)).text(&format!("\x1b[2J{}", "ä".repeat(99)));
    assert_eq!(event.component.unwrap().len(), 32);
    let text = event.text.unwrap();
    assert!(text.len() <= 96 && text.starts_with("[2Jä"));
}

#[test]
fn the_oldest_go_and_the_rest_stays_a_chain() {
    let log = log(1000);
    let kept = log.encode();
    assert!(kept.len() <= LOG_BYTES_MAX && kept.len() > LOG_BYTES_MAX - 400, "{}", kept.len());
    let again = Log::decode(&kept).unwrap();
    assert_eq!(again, log);
    let proven = export(&log, 0).verify().unwrap();
    assert!(proven.first.sequence > 0 && proven.entries.len() > 100, "{}", proven.entries.len());
    assert_eq!(proven.head, log.head());
    assert_eq!(proven.head.sequence, 1000);
    // From the middle, too.
    let part = export(&log, 990).verify().unwrap();
    assert_eq!((part.first.sequence, part.entries.len(), part.head), (990, 10, log.head()));
}

#[test]
fn a_later_export_continues_an_earlier_one() {
    let mut log = log(20);
    let earlier = log.head();
    (0..30).for_each(|number| log.append(1000 + number, event(number)));
    let later = export(&log, 0);
    assert_eq!(later.continues(earlier), Ok(()));
    assert_eq!(export(&log, 20).continues(earlier), Ok(()));
    assert_eq!(export(&log, 21).continues(earlier), Err(Broken::Apart { sequence: 20 }));
    // A chain that is whole, and another.
    let mut other = self::log(19);
    other.append(190, event(99));
    assert_eq!(export(&other, 0).verify().unwrap().head.sequence, earlier.sequence);
    assert_eq!(export(&other, 0).continues(earlier), Err(Broken::Apart { sequence: 20 }));
}

#[test]
fn the_first_broken_entry_is_named() {
    let log = log(5);
    let (first, entries) = log.since(0);
    let entries: Vec<Vec<u8>> = entries.map(<[u8]>::to_vec).collect();
    let build = |entries: &[Vec<u8>], rehash: bool| {
        let (mut place, mut right) = (first, log.since(0).0);
        let mut export = Export::new("bench", first);
        for (at, entry) in entries.iter().enumerate() {
            place = place.after(entry);
            right = right.after(log.since(0).1.nth(at).unwrap_or(entry));
            export.push(entry, if rehash { place.hash } else { right.hash });
        }
        export.verify()
    };
    assert!(build(&entries, false).is_ok());
    let mut changed = entries.clone();
    changed[2][3] ^= 1;
    assert!(matches!(build(&changed, false), Err(Broken::Entry { sequence: 3, .. })));
    // Left out or put in another order, with all hashes made anew: the numbers tell.
    let mut without = entries.clone();
    without.remove(1);
    assert!(matches!(build(&without, true), Err(Broken::Entry { sequence: 2, .. })));
    let mut swapped = entries;
    swapped.swap(3, 4);
    assert!(matches!(build(&swapped, true), Err(Broken::Entry { sequence: 4, .. })));
}

#[test]
fn a_flood_gets_few_entries() {
    let mut limiter = Limiter::default();
    let mut log = log(3);
    let mut written = 0;
    for number in 0..1_000_000u64 {
        let refused = Event::new(What::Refuse).number(number % 20).text("unknown key");
        if let Some(event) = limiter.note(refused) {
            log.append(number, event);
            written += 1;
        }
    }
    assert!(written < 25, "{written}");
    assert_eq!(log.since(0).0, Place::BEGINNING, "nothing was pushed out");
    // Others are told apart; however many there are, the memory is bounded.
    assert_eq!(limiter.note(Event::new(What::Refuse).by([1; 8])).unwrap().count, Some(1));
    let kinds =
        (0..10_000u32).filter_map(|kind| limiter.note(Event::new(What::Fail).about(&format!("{kind}"))));
    assert!(kinds.count() < 56);
}

proptest! {
    /// One changed byte anywhere in an exported file, or a cut, is noticed; hashes known from elsewhere give the head.
    #[test]
    fn edits_of_an_export_are_noticed(at in any::<prop::sample::Index>(), change in 1u8.., cut in any::<bool>()) {
        let log = log(6);
        let bytes = export(&log, 2).encode();
        let mut edited = bytes.clone();
        let at = at.index(edited.len());
        if cut { edited.truncate(at) } else { edited[at] ^= change }
        if let Ok(read) = Export::decode(&edited) {
            // The name of the device is not part of the chain.
            let broken = read.verify().is_err();
            let mut renamed = read;
            renamed.device_id = String::from("bench");
            prop_assert!(broken || renamed.encode() == bytes);
        }
    }

    #[test]
    fn edits_of_what_is_kept_are_noticed(at in any::<prop::sample::Index>(), change in 1u8.., cut in any::<bool>()) {
        let bytes = log(6).encode();
        let mut edited = bytes.clone();
        let at = at.index(edited.len());
        if cut { edited.truncate(at) } else { edited[at] ^= change }
        prop_assert!(edited == bytes || Log::decode(&edited).is_none());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Some(log) = Log::decode(&bytes) {
            prop_assert_eq!(log.encode(), bytes.clone());
        }
        // The same with a digest that fits: whoever writes the disk can do that.
        let mut fitting = log(0).encode();
        fitting.truncate(fitting.len() - 32);
        fitting.extend(&bytes);
        let digest = Sha256::digest([b"cofferdam audit kept 2".as_slice(), &fitting].concat());
        fitting.extend(digest);
        if let Some(read) = Log::decode(&fitting) {
            prop_assert_eq!(read.encode(), fitting);
        }
        let _ = Export::decode(&bytes).and_then(|export| export.verify());
        let _ = Entry::decode(&bytes);
    }
}
