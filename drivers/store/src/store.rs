// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The store: what was committed, and the one transaction that may be under way.

use alloc::boxed::Box;

use cofferdam_store_protocol::{BLOB_BYTES_MAX, RECORD_BYTES_MAX};
use sha2::{Digest, Sha256};

use crate::catalogue::{Blob, Catalogue};
use crate::device::{BlockDevice, SECTOR_BYTES};
use crate::error::{OpenError, StoreError};
use crate::layout::{Copy, place_sector};
use crate::open::{Opened, open};

/// Records and blobs by number. Changes are prepared one by one, seen by nobody, and count all at once with
/// [`Self::commit`], or never.
pub struct Store<D> {
    device: D,
    places: usize,
    committed: Catalogue,
    prepared: Catalogue,
    /// Something is prepared.
    changed: bool,
    /// A blob was written since the last commit.
    unflushed: bool,
    /// A commit was begun and not finished.
    out_of_use: bool,
    /// As much as is moved at a time.
    buffer: Box<[u8]>,
}

type Result<T, D> = core::result::Result<T, StoreError<<D as BlockDevice>::Error>>;

impl<D: BlockDevice> Store<D> {
    /// Opens the store on a disk. A blank disk is formatted; one that is not ours is left alone.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(device: D) -> core::result::Result<(Self, Opened), OpenError<D::Error>> {
        open(device)
    }

    pub(crate) fn new(device: D, places: usize, catalogue: Catalogue, buffer: Box<[u8]>) -> Self {
        let prepared = catalogue.clone();
        let committed = catalogue;
        Self {
            device,
            places,
            committed,
            prepared,
            changed: false,
            unflushed: false,
            out_of_use: false,
            buffer,
        }
    }

    /// The disk.
    pub fn device(&mut self) -> &mut D {
        &mut self.device
    }

    /// How many blobs there can be at a time, those included that a transaction replaces.
    pub fn places(&self) -> usize {
        self.places
    }

    /// How often something was committed, formatting included.
    pub fn generation(&self) -> u64 {
        self.committed.generation()
    }

    /// A record as it was committed last.
    pub fn record(&self, number: u32) -> Option<&[u8]> {
        self.committed.record(number)
    }

    /// All committed records, by rising number.
    pub fn records(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.committed.records()
    }

    /// All committed blobs.
    pub fn blobs(&self) -> impl Iterator<Item = Blob> {
        (0..self.places).filter_map(|place| self.committed.blob(place))
    }

    /// Reads a committed blob piece by piece into `sink`, which is told where each piece belongs. Returns the
    /// length.
    ///
    /// # Errors
    /// If there is none, or it is not what was written: what `sink` got is then worth nothing.
    pub fn read_blob(&mut self, number: u32, mut sink: impl FnMut(usize, &[u8])) -> Result<usize, D> {
        let place = self.committed.place_of(number).ok_or(StoreError::Unknown)?;
        let blob = self.committed.blob(place).ok_or(StoreError::Unknown)?;
        let mut sector = place_sector(place);
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < blob.length_bytes {
            let count = (blob.length_bytes - at).min(self.buffer.len());
            let piece = &mut self.buffer[..count.next_multiple_of(SECTOR_BYTES)];
            self.device.read(sector, piece).map_err(StoreError::Device)?;
            hash.update(&piece[..count]);
            sink(at, &piece[..count]);
            at += count;
            sector += (piece.len() / SECTOR_BYTES) as u64;
        }
        if hash.finalize()[..] == blob.sha256 { Ok(at) } else { Err(StoreError::DamagedBlob) }
    }

    /// Prepares a record: adds or replaces it.
    ///
    /// # Errors
    /// If it cannot be; what was prepared stays.
    pub fn put(&mut self, number: u32, bytes: &[u8]) -> Result<(), D> {
        self.usable()?;
        check_length(bytes.len(), RECORD_BYTES_MAX)?;
        if number == 0 {
            return Err(StoreError::BadNumber);
        }
        if !self.prepared.put(number, bytes) {
            return Err(StoreError::Full);
        }
        self.changed = true;
        Ok(())
    }

    /// Prepares that a record goes.
    ///
    /// # Errors
    /// If there is none.
    pub fn remove(&mut self, number: u32) -> Result<(), D> {
        self.usable()?;
        if !self.prepared.remove(number) {
            return Err(StoreError::Unknown);
        }
        self.changed = true;
        Ok(())
    }

    /// Prepares a blob: adds or replaces it. `fill` is called for each piece with its offset. The disk is
    /// written, in a place to which nothing that is committed refers.
    ///
    /// # Errors
    /// If it cannot be; what was prepared stays, the blob of that number included.
    pub fn put_blob(
        &mut self,
        number: u32,
        length_bytes: usize,
        mut fill: impl FnMut(usize, &mut [u8]),
    ) -> Result<(), D> {
        self.usable()?;
        check_length(length_bytes, BLOB_BYTES_MAX)?;
        if number == 0 {
            return Err(StoreError::BadNumber);
        }
        let is_free =
            |place: &usize| self.committed.blob(*place).is_none() && self.prepared.blob(*place).is_none();
        let place = (0..self.places).find(is_free).ok_or(StoreError::NoPlace)?;
        let mut sector = place_sector(place);
        let mut hash = Sha256::new();
        let mut at = 0;
        self.unflushed = true;
        while at < length_bytes {
            let count = (length_bytes - at).min(self.buffer.len());
            let piece = &mut self.buffer[..count.next_multiple_of(SECTOR_BYTES)];
            piece[count..].fill(0);
            fill(at, &mut piece[..count]);
            hash.update(&piece[..count]);
            self.device.write(sector, piece).map_err(StoreError::Device)?;
            at += count;
            sector += (piece.len() / SECTOR_BYTES) as u64;
        }
        if let Some(old) = self.prepared.place_of(number) {
            self.prepared.set_blob(old, None);
        }
        self.prepared.set_blob(place, Some(&Blob { number, length_bytes, sha256: hash.finalize().into() }));
        self.changed = true;
        Ok(())
    }

    /// Prepares that a blob goes.
    ///
    /// # Errors
    /// If there is none.
    pub fn remove_blob(&mut self, number: u32) -> Result<(), D> {
        self.usable()?;
        let place = self.prepared.place_of(number).ok_or(StoreError::Unknown)?;
        self.prepared.set_blob(place, None);
        self.changed = true;
        Ok(())
    }

    /// Forgets what was prepared.
    pub fn abort(&mut self) {
        self.prepared.copy_from(&self.committed);
        self.changed = false;
    }

    /// Makes what was prepared count. When this returns without error, no loss of power can undo it; if power
    /// is lost before, all of it counts or nothing. Returns the generation.
    ///
    /// # Errors
    /// If the disk fails. What is on it is then not known: the store is out of use.
    pub fn commit(&mut self) -> Result<u64, D> {
        self.usable()?;
        if !self.changed {
            return Ok(self.generation());
        }
        let generation = self.generation().checked_add(1).ok_or(StoreError::Exhausted)?;
        self.prepared.seal(generation);
        self.out_of_use = true;
        self.write_prepared().map_err(StoreError::Device)?;
        self.out_of_use = false;
        self.committed.copy_from(&self.prepared);
        self.changed = false;
        self.unflushed = false;
        Ok(generation)
    }

    fn write_prepared(&mut self) -> core::result::Result<(), D::Error> {
        // The blobs first: from the next write on a catalogue may refer to them.
        if self.unflushed {
            self.device.flush()?;
        }
        for copy in [Copy::B, Copy::A] {
            self.device.write(copy.sector(), self.prepared.image_in(SECTOR_BYTES))?;
            self.device.flush()?;
        }
        Ok(())
    }

    fn usable(&self) -> Result<(), D> {
        if self.out_of_use { Err(StoreError::OutOfUse) } else { Ok(()) }
    }
}

fn check_length<E>(bytes: usize, max: usize) -> core::result::Result<(), StoreError<E>> {
    if (1..=max).contains(&bytes) { Ok(()) } else { Err(StoreError::BadLength { bytes, max }) }
}
