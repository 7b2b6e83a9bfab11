// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Disks that somebody has written to do harm.

use std::vec::Vec;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::disk::{Disk, Medium};
use super::store::{bytes, open, put_blob};
use crate::*;

const CATALOGUES: [u64; 2] = [2, 130];

fn victim() -> Medium {
    let (mut store, _) = open(Medium::default());
    for number in 1..20 {
        store.put(number * 3, &bytes(number, number as usize * 40)).unwrap();
    }
    put_blob(&mut store, 1, &bytes(1, 1000)).unwrap();
    put_blob(&mut store, 2, &bytes(2, 66_000)).unwrap();
    store.commit().unwrap();
    store.put(3, b"three").unwrap();
    store.commit().unwrap();
    store.device().flushed()
}

/// Reads and changes all there is. A disk may be refused, a blob may be damaged, a limit may be met; anything
/// else, an endless loop or a panic is a failure.
fn use_everything(medium: Medium) -> bool {
    let Ok((mut store, _)) = Store::open(Disk::new(medium, 4)) else { return false };
    assert!(store.records().count() < 10_000);
    let records: Vec<u32> = store.records().map(|(number, _)| number).collect();
    assert!(records.is_sorted());
    let blobs: Vec<Blob> = store.blobs().collect();
    assert!(blobs.len() <= store.places());
    for blob in &blobs {
        let result = store.read_blob(blob.number, |at, piece| assert!(at + piece.len() <= BLOB_BYTES_MAX));
        assert!(matches!(result, Ok(_) | Err(StoreError::DamagedBlob)), "{result:?}");
    }
    let mut change = || -> Result<(), super::store::Error> {
        store.put(5, b"five")?;
        put_blob(&mut store, 77, b"blob")?;
        store.commit().map(drop)
    };
    let result = change();
    let limits = [Ok(()), Err(StoreError::Full), Err(StoreError::NoPlace), Err(StoreError::Exhausted)];
    assert!(limits.contains(&result), "{result:?}");
    if result.is_ok() {
        let medium = store.device().flushed();
        let (mut store, _) = open(medium);
        assert_eq!(store.record(5), Some(&b"five"[..]));
        assert_eq!(super::store::blob_bytes(&mut store, 77).unwrap(), b"blob");
    }
    true
}

/// Makes the digest of a catalogue right, as an attacker would.
fn seal(medium: &mut Medium, start: u64) {
    let mut image: Vec<u8> = (0..128).flat_map(|sector| medium.get(start + sector)).collect();
    let length = u32::from_le_bytes(image[12..16].try_into().unwrap()) as usize;
    let mut hash = Sha256::new();
    hash.update(&image[..32]);
    hash.update(image.get(64..length).unwrap_or_default());
    image[32..64].copy_from_slice(&hash.finalize());
    let first: [u8; SECTOR_BYTES] = image[..SECTOR_BYTES].try_into().unwrap();
    medium.set(start, first);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes_are_found_out(
        flips in proptest::collection::vec((0u64..sectors_for(1), 0usize..SECTOR_BYTES, 1u8..), 1..8),
        near in any::<bool>(),
    ) {
        let mut medium = victim();
        for (sector, at, mask) in flips {
            let sector = if near { sector % 300 } else { sector };
            let mut bytes = medium.get(sector);
            bytes[at] ^= mask;
            medium.set(sector, bytes);
        }
        use_everything(medium);
    }

    /// Bytes in the head, the table and the first records, with a digest that is right again.
    #[test]
    fn catalogues_with_a_right_digest_are_not_believed(
        changes in proptest::collection::vec((0usize..2500, any::<u8>()), 1..6),
        both in any::<bool>(),
    ) {
        let mut medium = victim();
        for start in CATALOGUES.iter().take(if both { 2 } else { 1 }) {
            for (at, byte) in &changes {
                let sector = start + (at / SECTOR_BYTES) as u64;
                let mut bytes = medium.get(sector);
                bytes[at % SECTOR_BYTES] = *byte;
                medium.set(sector, bytes);
            }
            seal(&mut medium, *start);
        }
        use_everything(medium);
    }

    /// Words at the places where lengths and numbers are.
    #[test]
    fn lengths_and_numbers_are_not_believed(
        field in 0usize..8,
        place in 0usize..16,
        value in prop_oneof![any::<u32>(), 0u32..70_000, Just(u32::MAX), (0u32..64).prop_map(|n| u32::MAX - n)],
    ) {
        let mut medium = victim();
        let at = match field {
            0 => 8,                      // version
            1 => 12,                     // length
            2 => 16,                     // generation
            3 => 20,
            4 => 64 + 40 * place,        // number of a blob
            5 => 64 + 40 * place + 4,    // its length
            6 => 704,                    // number of the first record
            _ => 708,                    // its length
        };
        for start in CATALOGUES {
            let sector = start + (at / SECTOR_BYTES) as u64;
            let mut bytes = medium.get(sector);
            bytes[at % SECTOR_BYTES..at % SECTOR_BYTES + 4].copy_from_slice(&value.to_le_bytes());
            medium.set(sector, bytes);
            seal(&mut medium, start);
        }
        use_everything(medium);
    }

    #[test]
    fn noise_is_refused(seed in any::<u32>(), count in 1u64..300) {
        let mut medium = Medium::default();
        for sector in 0..count {
            let noise = bytes(seed ^ sector as u32, SECTOR_BYTES).try_into().unwrap();
            medium.set(sector, noise);
        }
        prop_assert!(!use_everything(medium));
    }
}

#[test]
fn the_last_generation_is_the_last() {
    let mut medium = victim();
    for start in CATALOGUES {
        let mut head = medium.get(start);
        head[16..24].fill(0xff);
        medium.set(start, head);
        seal(&mut medium, start);
    }
    let (mut store, _) = open(medium);
    assert_eq!(store.generation(), u64::MAX);
    store.put(1, b"one").unwrap();
    assert_eq!(store.commit(), Err(StoreError::Exhausted));
}

#[test]
fn two_whole_catalogues_of_one_generation_contradict_each_other() {
    let mut medium = victim();
    let mut head = medium.get(CATALOGUES[0] + 1);
    let at = 704 + 8 - SECTOR_BYTES; // the first record's bytes
    head[at] ^= 1;
    medium.set(CATALOGUES[0] + 1, head);
    seal(&mut medium, CATALOGUES[0]);
    let error = Store::open(Disk::new(medium, 4)).map(|_| ()).unwrap_err();
    assert_eq!(error, OpenError::Damaged("its two catalogues contradict each other"));
}
