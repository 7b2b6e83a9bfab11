// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A disk that somebody has written to do harm: the input is a script of what is written onto a good one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use cofferdam_store::{BLOB_BYTES_MAX, BlockDevice, SECTOR_BYTES, Store, StoreError, sectors_for};
use sha2::{Digest, Sha256};

use crate::script::Script;

const PLACES: usize = 4;
const CATALOGUES: [u64; 2] = [2, 130];
const CATALOGUE_SECTORS: u64 = 128;

/// A disk in memory; what was never written is zeros.
#[derive(Clone, Debug, Default)]
pub struct Disk(pub BTreeMap<u64, [u8; SECTOR_BYTES]>);

impl Disk {
    fn get(&self, sector: u64) -> [u8; SECTOR_BYTES] {
        self.0.get(&sector).copied().unwrap_or([0; SECTOR_BYTES])
    }
}

impl BlockDevice for Disk {
    type Error = std::convert::Infallible;

    fn sectors(&self) -> u64 {
        sectors_for(PLACES)
    }

    fn read(&mut self, sector: u64, bytes: &mut [u8]) -> Result<(), Self::Error> {
        assert!(sector + (bytes.len() / SECTOR_BYTES) as u64 <= self.sectors(), "read behind the end");
        for (sector, piece) in (sector..).zip(bytes.chunks_mut(SECTOR_BYTES)) {
            piece.copy_from_slice(&self.get(sector));
        }
        Ok(())
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), Self::Error> {
        assert!(sector + (bytes.len() / SECTOR_BYTES) as u64 <= self.sectors(), "written behind the end");
        for (sector, piece) in (sector..).zip(bytes.chunks(SECTOR_BYTES)) {
            self.0.insert(sector, piece.try_into().unwrap());
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

static GOOD: LazyLock<Disk> = LazyLock::new(|| {
    let (mut store, _) = Store::open(Disk::default()).ok().unwrap();
    for number in 1..12u32 {
        store.put(number * 3, &vec![number as u8; number as usize * 40]).unwrap();
    }
    for number in 1..3 {
        store.put_blob(number, 1000, |_, piece| piece.fill(number as u8)).unwrap();
    }
    store.commit().unwrap();
    store.put(3, b"three").unwrap();
    store.commit().unwrap();
    store.device().clone()
});

/// Opens or refuses; what opens can be read and changed, and what was committed is there after opening again.
pub fn run(input: &[u8]) -> bool {
    let mut disk = GOOD.clone();
    let mut script = Script(input);
    while let Some(step) = script.step() {
        match step % 4 {
            0 => {
                let (sector, at) = (u64::from(script.u16()) % sectors_for(1), script.u16());
                let mut bytes = disk.get(sector);
                bytes[usize::from(at) % SECTOR_BYTES] = script.byte();
                disk.0.insert(sector, bytes);
            }
            1 => {
                // A word in the head or the first records of a catalogue.
                let (at, value) = (usize::from(script.u16()) % 4096, script.u32());
                let sector = CATALOGUES[usize::from(step / 4) % 2] + (at / SECTOR_BYTES) as u64;
                let mut bytes = disk.get(sector);
                let at = (at % SECTOR_BYTES) & !3;
                bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
                disk.0.insert(sector, bytes);
            }
            2 => seal(&mut disk, CATALOGUES[usize::from(step / 4) % 2]),
            _ => drop(disk.0.remove(&(u64::from(script.u16()) % 300))),
        }
    }
    use_everything(disk)
}

/// Makes the digest of a catalogue right, as an attacker would.
fn seal(disk: &mut Disk, start: u64) {
    let image: Vec<u8> = (start..start + CATALOGUE_SECTORS).flat_map(|sector| disk.get(sector)).collect();
    let length = u32::from_le_bytes(image[12..16].try_into().unwrap()) as usize;
    let mut hash = Sha256::new();
    hash.update(&image[..32]);
    hash.update(image.get(64..length).unwrap_or_default());
    let mut first = disk.get(start);
    first[32..64].copy_from_slice(&hash.finalize());
    disk.0.insert(start, first);
}

fn use_everything(disk: Disk) -> bool {
    let Ok((mut store, _)) = Store::open(disk) else { return false };
    let records: Vec<u32> = store.records().map(|(number, _)| number).collect();
    assert!(records.len() < 10_000 && records.is_sorted());
    let blobs: Vec<u32> = store.blobs().map(|blob| blob.number).collect();
    assert!(blobs.len() <= store.places());
    for number in blobs {
        let read = store.read_blob(number, |at, piece| assert!(at + piece.len() <= BLOB_BYTES_MAX));
        assert!(matches!(read, Ok(_) | Err(StoreError::DamagedBlob)), "{read:?}");
    }
    let changed = store
        .put(5, b"five")
        .and_then(|()| store.put_blob(77, 4, |_, piece| piece.fill(7)))
        .and_then(|()| store.commit());
    match changed {
        Ok(_) => {
            let (mut again, _) = Store::open(store.device().clone()).expect("opens again");
            assert_eq!(again.record(5), Some(&b"five"[..]));
            assert_eq!(again.read_blob(77, |_, piece| assert_eq!(piece, [7; 4])), Ok(4));
        }
        Err(StoreError::Full | StoreError::NoPlace | StoreError::Exhausted) => {}
        Err(error) => panic!("{error:?}"),
    }
    true
}

/// Nothing changed, a flipped bit, a length with a right digest, an erased superblock.
pub fn seeds() -> Vec<Vec<u8>> {
    vec![
        vec![],
        vec![0, 2, 0, 16, 0, 1],
        vec![1, 12, 0, 0xff, 0xff, 0, 0, 2],
        vec![5, 16, 0, 0xff, 0xff, 0xff, 0xff, 6],
        vec![1, 0xc4, 2, 0xff, 0, 0, 0, 2],
        vec![3, 0, 0],
        vec![3, 0, 0, 3, 1, 0, 3, 2, 0, 3, 130, 0],
    ]
}
