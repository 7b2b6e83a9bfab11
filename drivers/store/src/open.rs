// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From a disk of which nothing is known to a store, or to a reason why there is none.

use alloc::boxed::Box;
use alloc::vec;

use crate::catalogue::{CATALOGUE_BYTES, Catalogue};
use crate::device::{BlockDevice, SECTOR_BYTES, TRANSFER_BYTES_MAX};
use crate::error::OpenError;
use crate::layout::{
    BLOBS_MIN, Copy, SUPERBLOCKS, Superblock, parse_superblock, places_on, sectors_for, superblock,
};
use crate::store::Store;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A store, whole.
    Whole,
    /// A store of which one copy of something was old or damaged, as a loss of power leaves it; it is now
    /// like the other.
    Repaired,
    /// Zeros; there is now an empty store.
    Formatted,
}

const _: () = assert!(CATALOGUE_BYTES <= TRANSFER_BYTES_MAX);

type Sector = [u8; SECTOR_BYTES];

pub(crate) fn open<D: BlockDevice>(mut device: D) -> Result<(Store<D>, Opened), OpenError<D::Error>> {
    let sectors = device.sectors();
    // What an earlier program wrote and did not flush could still be lost: then it must not count as read.
    device.flush()?;
    let mut heads = [[0; SECTOR_BYTES]; SUPERBLOCKS];
    for (sector, head) in heads.iter_mut().enumerate() {
        device.read(sector as u64, head)?;
    }
    let mut buffer = vec![0; TRANSFER_BYTES_MAX].into_boxed_slice();
    let places = match heads.each_ref().map(parse_superblock) {
        [Superblock::Store { places: a }, Superblock::Store { places: b }] if a != b => {
            return Err(OpenError::Damaged("its two superblocks differ"));
        }
        [Superblock::Store { places }, _] | [_, Superblock::Store { places }] => places,
        [Superblock::OtherVersion { version }, _] | [_, Superblock::OtherVersion { version }] => {
            return Err(OpenError::OtherVersion { version });
        }
        found => {
            return begin(device, &mut buffer, &found).map(|(device, places)| {
                let catalogue = Catalogue::empty();
                (Store::new(device, places, catalogue, buffer), Opened::Formatted)
            });
        }
    };
    if sectors < sectors_for(places) {
        return Err(OpenError::Shrunk { sectors, needed: sectors_for(places) });
    }

    let mut read = |copy: Copy| -> Result<Option<Catalogue>, D::Error> {
        let bytes = &mut buffer[..CATALOGUE_BYTES];
        device.read(copy.sector(), bytes)?;
        let catalogue = Catalogue::parse(bytes);
        Ok(catalogue.filter(|found| (places..crate::BLOBS_MAX).all(|place| found.blob(place).is_none())))
    };
    let (a, b) = (read(Copy::A)?, read(Copy::B)?);
    let (catalogue, stale) = match (a, b) {
        (None, None) => return Err(OpenError::Damaged("neither catalogue is whole")),
        (Some(a), None) => (a, Some(Copy::B)),
        (None, Some(b)) => (b, Some(Copy::A)),
        (Some(a), Some(b)) if a == b => (a, None),
        (Some(a), Some(b)) if a.generation() > b.generation() => (a, Some(Copy::B)),
        (Some(a), Some(b)) if a.generation() < b.generation() => (b, Some(Copy::A)),
        (Some(_), Some(_)) => return Err(OpenError::Damaged("its two catalogues contradict each other")),
    };
    let mut opened = Opened::Whole;
    if let Some(copy) = stale {
        device.write(copy.sector(), catalogue.image_in(SECTOR_BYTES))?;
        opened = Opened::Repaired;
    }
    let whole = superblock(places);
    for (sector, head) in heads.iter().enumerate() {
        if *head != whole {
            device.write(sector as u64, &whole)?;
            opened = Opened::Repaired;
        }
    }
    if opened == Opened::Repaired {
        device.flush()?;
    }
    Ok((Store::new(device, places, catalogue, buffer), opened))
}

/// Makes a store of a disk without one, if there is nothing else on it either.
fn begin<D: BlockDevice>(
    mut device: D,
    buffer: &mut Box<[u8]>,
    found: &[Superblock; SUPERBLOCKS],
) -> Result<(D, usize), OpenError<D::Error>> {
    let sectors = device.sectors();
    let places = places_on(sectors);
    if places < BLOBS_MIN {
        return Err(OpenError::TooSmall { sectors, needed: sectors_for(BLOBS_MIN) });
    }
    let head = superblock(places);
    let catalogue = Catalogue::empty();
    if !is_blank(&mut device, buffer, places, &head, catalogue.image_in(SECTOR_BYTES))? {
        return Err(if found.contains(&Superblock::Damaged) {
            OpenError::Damaged("no superblock is whole")
        } else {
            OpenError::Foreign
        });
    }
    // The superblocks last: until they are there, this is a blank disk on which formatting was interrupted.
    for copy in [Copy::A, Copy::B] {
        device.write(copy.sector(), catalogue.image_in(SECTOR_BYTES))?;
    }
    device.flush()?;
    for sector in 0..SUPERBLOCKS {
        device.write(sector as u64, &head)?;
    }
    device.flush()?;
    Ok((device, places))
}

/// Whether every byte is zero, or what formatting would write there: what it leaves when it is interrupted.
fn is_blank<D: BlockDevice>(
    device: &mut D,
    buffer: &mut [u8],
    places: usize,
    head: &Sector,
    catalogue: &[u8],
) -> Result<bool, D::Error> {
    let expected = |sector: u64| -> &[u8] {
        let part = |start: u64| {
            let from = usize::try_from(sector.checked_sub(start)?).ok()?.checked_mul(SECTOR_BYTES)?;
            catalogue.get(from..from + SECTOR_BYTES)
        };
        if sector < SUPERBLOCKS as u64 {
            return head;
        }
        let from = if sector < Copy::B.sector() { Copy::A.sector() } else { Copy::B.sector() };
        part(from).unwrap_or_default()
    };
    let end = sectors_for(places);
    let mut at = 0;
    while at < end {
        let count = (end - at).min((TRANSFER_BYTES_MAX / SECTOR_BYTES) as u64);
        let piece = &mut buffer[..count as usize * SECTOR_BYTES];
        device.read(at, piece)?;
        for (sector, bytes) in (at..).zip(piece.chunks_exact(SECTOR_BYTES)) {
            if bytes.iter().all(|&byte| byte == 0) {
                continue;
            }
            let expected = expected(sector);
            let same = |(at, byte): (usize, &u8)| *byte == 0 || expected.get(at) == Some(byte);
            if !bytes.iter().enumerate().all(same) {
                return Ok(false);
            }
        }
        at += count;
    }
    Ok(true)
}
