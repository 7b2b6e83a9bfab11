// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the store does while everything works.

use std::collections::BTreeMap;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

use super::disk::{Disk, Failure, Medium};
use crate::*;

pub type Error = StoreError<Failure>;
type Contents = (BTreeMap<u32, Vec<u8>>, BTreeMap<u32, Vec<u8>>);

/// Everything that a store holds; panics if a blob is damaged.
pub fn contents(store: &mut Store<Disk>) -> Contents {
    let records = store.records().map(|(number, bytes)| (number, bytes.to_vec())).collect();
    let numbers: Vec<Blob> = store.blobs().collect();
    let blobs = numbers.iter().map(|blob| {
        let bytes = blob_bytes(store, blob.number).unwrap();
        assert_eq!(bytes.len(), blob.length_bytes);
        (blob.number, bytes)
    });
    let blobs = blobs.collect();
    (records, blobs)
}

pub fn blob_bytes(store: &mut Store<Disk>, number: u32) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let length = store.read_blob(number, |at, piece| {
        assert_eq!(at, bytes.len());
        bytes.extend_from_slice(piece);
    })?;
    assert_eq!(length, bytes.len());
    Ok(bytes)
}

pub fn put_blob(store: &mut Store<Disk>, number: u32, bytes: &[u8]) -> Result<(), Error> {
    store.put_blob(number, bytes.len(), |at, piece| piece.copy_from_slice(&bytes[at..at + piece.len()]))
}

/// Bytes that differ by `seed`.
pub fn bytes(seed: u32, length: usize) -> Vec<u8> {
    (0..length as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed as u8).collect()
}

pub fn open(medium: Medium) -> (Store<Disk>, Opened) {
    Store::open(Disk::new(medium, 4)).unwrap()
}

#[test]
fn a_blank_disk_is_formatted_once() {
    let (mut store, opened) = open(Medium::default());
    assert_eq!((opened, store.generation(), store.places()), (Opened::Formatted, 1, 4));
    assert_eq!(contents(&mut store), Contents::default());
    let medium = store.device().flushed();
    let (mut store, opened) = open(medium);
    assert_eq!((opened, store.generation()), (Opened::Whole, 1));
    assert_eq!(store.device().0.borrow().writes, 0, "reading changes nothing");
}

#[test]
fn what_was_committed_is_there_after_opening_again() {
    let (mut store, _) = open(Medium::default());
    let large = bytes(1, BLOB_BYTES_MAX);
    let odd = bytes(2, 70_001);
    store.put(7, b"seven").unwrap();
    store.put(3, b"three").unwrap();
    store.put(5, &bytes(5, RECORD_BYTES_MAX)).unwrap();
    put_blob(&mut store, 1, &large).unwrap();
    put_blob(&mut store, 2, &odd).unwrap();
    assert_eq!(store.record(7), None, "not before the commit");
    assert_eq!(store.read_blob(1, |_, _| ()), Err(StoreError::Unknown));
    assert_eq!(store.commit(), Ok(2));
    assert_eq!(store.commit(), Ok(2), "nothing to do");
    store.put(7, b"other, and longer").unwrap();
    store.remove(3).unwrap();
    store.remove_blob(2).unwrap();
    put_blob(&mut store, 9, b"x").unwrap();
    assert_eq!(store.commit(), Ok(3));
    let medium = store.device().flushed();
    let (mut store, opened) = open(medium);
    assert_eq!((opened, store.generation()), (Opened::Whole, 3));
    let (records, blobs) = contents(&mut store);
    assert_eq!(records.keys().copied().collect::<Vec<_>>(), [5, 7]);
    assert_eq!(records[&7], b"other, and longer");
    assert_eq!(records[&5], bytes(5, RECORD_BYTES_MAX));
    assert_eq!(blobs, BTreeMap::from([(1, large), (9, vec![b'x'])]));
}

#[test]
fn an_aborted_transaction_leaves_nothing() {
    let (mut store, _) = open(Medium::default());
    store.put(1, b"one").unwrap();
    put_blob(&mut store, 1, b"blob").unwrap();
    store.commit().unwrap();
    let before = contents(&mut store);
    store.put(1, b"other").unwrap();
    store.put(2, b"two").unwrap();
    store.remove_blob(1).unwrap();
    for seed in 0..3 {
        put_blob(&mut store, 10 + seed, &bytes(seed, 1000)).unwrap();
    }
    store.abort();
    assert_eq!(store.commit(), Ok(2));
    assert_eq!(contents(&mut store), before);
    // The places are free again.
    for seed in 0..3 {
        put_blob(&mut store, 10 + seed, &bytes(seed, 1000)).unwrap();
    }
    store.commit().unwrap();
}

#[test]
fn limits_are_errors() {
    let (mut store, _) = open(Medium::default());
    let too_long = Err(StoreError::BadLength { bytes: RECORD_BYTES_MAX + 1, max: RECORD_BYTES_MAX });
    assert_eq!(store.put(1, &bytes(0, RECORD_BYTES_MAX + 1)), too_long);
    assert_eq!(store.put(1, &[]), Err(StoreError::BadLength { bytes: 0, max: RECORD_BYTES_MAX }));
    assert_eq!(store.put(0, b"x"), Err(StoreError::BadNumber));
    assert_eq!(store.remove(1), Err(StoreError::Unknown));
    assert_eq!(store.remove_blob(1), Err(StoreError::Unknown));
    let too_long = Err(StoreError::BadLength { bytes: BLOB_BYTES_MAX + 1, max: BLOB_BYTES_MAX });
    assert_eq!(store.put_blob(1, BLOB_BYTES_MAX + 1, |_, _| panic!("asked for bytes")), too_long);
    assert_eq!(put_blob(&mut store, 0, b"x"), Err(StoreError::BadNumber));
    for number in 1..=4 {
        put_blob(&mut store, number, b"x").unwrap();
    }
    assert_eq!(put_blob(&mut store, 5, b"x"), Err(StoreError::NoPlace));
    // A place is free for another only when the old blob is not committed any more.
    store.commit().unwrap();
    store.remove_blob(1).unwrap();
    assert_eq!(put_blob(&mut store, 5, b"x"), Err(StoreError::NoPlace));
    store.commit().unwrap();
    put_blob(&mut store, 5, b"x").unwrap();
    // Three of the longest records and a little.
    for number in 1..=3 {
        store.put(number, &bytes(number, RECORD_BYTES_MAX)).unwrap();
    }
    assert_eq!(store.put(4, &bytes(4, RECORD_BYTES_MAX)), Err(StoreError::Full));
    assert_eq!(store.put(4, &bytes(4, 15_000)), Ok(()));
    assert_eq!(store.put(4, &bytes(4, RECORD_BYTES_MAX)), Err(StoreError::Full));
    store.commit().unwrap();
    assert_eq!(store.record(4), Some(&bytes(4, 15_000)[..]));
}

#[test]
fn a_disk_that_fails_in_a_commit_is_out_of_use() {
    let (mut store, _) = open(Medium::default());
    store.put(1, b"one").unwrap();
    store.device().0.borrow_mut().steps_left = Some(1);
    assert_eq!(store.commit(), Err(StoreError::Device(Failure::NoPower)));
    store.device().0.borrow_mut().steps_left = None;
    assert_eq!(store.commit(), Err(StoreError::OutOfUse));
    assert_eq!(store.put(2, b"two"), Err(StoreError::OutOfUse));
    assert_eq!(put_blob(&mut store, 2, b"two"), Err(StoreError::OutOfUse));
    assert_eq!(store.record(1), None);
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let refused = |medium: &Medium, blobs| {
        let disk = Disk::new(medium.clone(), blobs);
        let error = Store::open(disk.clone()).map(|_| ()).unwrap_err();
        assert_eq!(disk.0.borrow().writes, 0);
        error
    };
    // Anything that is not zero, wherever the store would write: a boot record, a file system's superblock,
    // bytes in the last place.
    for sector in [0, 1, 2, 5, 130, 257, 258, sectors_for(4) - 1] {
        let mut medium = Medium::default();
        medium.set(sector, [0x5a; SECTOR_BYTES]);
        assert_eq!(refused(&medium, 4), OpenError::Foreign, "sector {sector}");
    }
    let too_small = OpenError::TooSmall { sectors: sectors_for(1), needed: sectors_for(2) };
    assert_eq!(refused(&Medium::default(), 1), too_small);

    let (mut store, _) = open(Medium::default());
    store.put(1, b"one").unwrap();
    store.commit().unwrap();
    let good = store.device().flushed();
    let shrunk = OpenError::Shrunk { sectors: sectors_for(3), needed: sectors_for(4) };
    assert_eq!(refused(&good, 3), shrunk);

    let broken = |sectors: &[u64]| {
        let mut medium = good.clone();
        for sector in sectors {
            let mut bytes = medium.get(*sector);
            bytes[40] ^= 1;
            medium.set(*sector, bytes);
        }
        medium
    };
    assert_eq!(refused(&broken(&[0, 1]), 4), OpenError::Damaged("no superblock is whole"));
    assert_eq!(refused(&broken(&[2, 130]), 4), OpenError::Damaged("neither catalogue is whole"));
    // One copy of each is enough, and both are whole afterwards.
    for sector in [0, 1, 2, 130] {
        let (mut store, opened) = open(broken(&[sector]));
        assert_eq!(opened, Opened::Repaired);
        assert_eq!(store.record(1), Some(&b"one"[..]));
        assert_eq!(store.device().flushed(), good, "sector {sector}");
    }
    assert_eq!(
        OpenError::<Failure>::Foreign.to_string(),
        "the disk holds something else and is left alone; to use it for apps, fill it with zeros"
    );
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

#[test]
fn a_damaged_blob_is_found_out() {
    let (mut store, _) = open(Medium::default());
    put_blob(&mut store, 1, &bytes(1, 100_000)).unwrap();
    store.commit().unwrap();
    let mut medium = store.device().flushed();
    let mut sector = medium.get(sectors_for(0) + 100);
    sector[17] ^= 4;
    medium.set(sectors_for(0) + 100, sector);
    let (mut store, _) = open(medium);
    assert_eq!(store.read_blob(1, |_, _| ()), Err(StoreError::DamagedBlob));
}
