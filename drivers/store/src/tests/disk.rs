// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The disk of the tests: keeps what was flushed apart from what was only written.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::vec::Vec;

use crate::{BlockDevice, SECTOR_BYTES, TRANSFER_BYTES_MAX, sectors_for};

pub type Sector = [u8; SECTOR_BYTES];

/// Sectors that are not zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Medium(pub BTreeMap<u64, Sector>);

impl Medium {
    pub fn set(&mut self, sector: u64, bytes: Sector) {
        if bytes == [0; SECTOR_BYTES] {
            self.0.remove(&sector);
        } else {
            self.0.insert(sector, bytes);
        }
    }

    pub fn get(&self, sector: u64) -> Sector {
        self.0.get(&sector).copied().unwrap_or([0; SECTOR_BYTES])
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The power is gone.
    NoPower,
    /// Asked for what no store should ask for.
    BadRange,
    /// More requests than anything here may need.
    Endless,
}

#[derive(Debug)]
pub struct State {
    pub flushed: Medium,
    /// Written since the last flush, in this order.
    pub pending: Vec<(u64, Sector)>,
    pub sectors: u64,
    /// After so many more steps the power goes. A sector that is written is a step, and so is a flush.
    pub steps_left: Option<usize>,
    pub steps: usize,
    pub requests_left: usize,
    pub writes: usize,
}

/// A disk; clones are the same disk.
#[derive(Clone, Debug)]
pub struct Disk(pub Rc<RefCell<State>>);

impl Disk {
    pub fn new(medium: Medium, blobs: usize) -> Self {
        Self(Rc::new(RefCell::new(State {
            flushed: medium,
            pending: Vec::new(),
            sectors: sectors_for(blobs),
            steps_left: None,
            steps: 0,
            requests_left: 100_000,
            writes: 0,
        })))
    }

    pub fn cut_after(medium: Medium, blobs: usize, steps: usize) -> Self {
        let disk = Self::new(medium, blobs);
        disk.0.borrow_mut().steps_left = Some(steps);
        disk
    }

    pub fn has_power(&self) -> bool {
        self.0.borrow().steps_left != Some(0)
    }

    /// What is on the medium if power goes now and nothing that was only written has reached it.
    pub fn flushed(&self) -> Medium {
        self.0.borrow().flushed.clone()
    }

    /// What may be on the medium when power goes: of what was not flushed nothing, all, only the first or last
    /// part, each sector alone, all but each, some by chance, and one that is torn in the middle.
    pub fn outcomes(&self, chance: &mut Chance) -> Vec<Medium> {
        let state = self.0.borrow();
        let pending = &state.pending;
        let count = pending.len();
        let kept = |keep: &dyn Fn(usize) -> bool| {
            let mut medium = state.flushed.clone();
            for (number, (sector, bytes)) in pending.iter().enumerate() {
                if keep(number) {
                    medium.set(*sector, *bytes);
                }
            }
            medium
        };
        let mut outcomes = std::vec![kept(&|_| false)];
        if count == 0 {
            return outcomes;
        }
        outcomes.push(kept(&|_| true));
        if count <= 4 {
            // Every subset.
            outcomes.extend((1..(1usize << count) - 1).map(|set| kept(&|number| set >> number & 1 == 1)));
        } else {
            for one in [0, count / 2, count - 1] {
                outcomes.push(kept(&|number| number == one));
                outcomes.push(kept(&|number| number != one));
                outcomes.push(kept(&|number| number < one));
                outcomes.push(kept(&|number| number > one));
            }
            for _ in 0..8 {
                let bits = (chance.next(), chance.next());
                outcomes.push(kept(&|number| {
                    (bits.0 ^ bits.1.rotate_left(number as u32)) >> (number % 64) & 1 == 1
                }));
            }
        }
        // Torn: the last sector, or any one, has only its beginning, the rest complete or absent.
        for _ in 0..2 {
            let torn = (chance.next() as usize) % count;
            let at = 1 + (chance.next() as usize) % (SECTOR_BYTES - 1);
            for others in [false, true] {
                let mut medium = kept(&|number| others && number != torn);
                let (sector, bytes) = pending[torn];
                let mut mixed = medium.get(sector);
                mixed[..at].copy_from_slice(&bytes[..at]);
                medium.set(sector, mixed);
                outcomes.push(medium);
            }
        }
        outcomes
    }
}

impl State {
    fn step(&mut self) -> Result<(), Failure> {
        self.steps += 1;
        match &mut self.steps_left {
            None => Ok(()),
            Some(0) => Err(Failure::NoPower),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn request(&mut self, sector: u64, bytes: usize) -> Result<(), Failure> {
        self.requests_left = self.requests_left.checked_sub(1).ok_or(Failure::Endless)?;
        let count = (bytes / SECTOR_BYTES) as u64;
        let whole = bytes > 0 && bytes <= TRANSFER_BYTES_MAX && bytes.is_multiple_of(SECTOR_BYTES);
        if !whole || sector.checked_add(count).is_none_or(|end| end > self.sectors) {
            return Err(Failure::BadRange);
        }
        if self.steps_left == Some(0) { Err(Failure::NoPower) } else { Ok(()) }
    }
}

impl BlockDevice for Disk {
    type Error = Failure;

    fn sectors(&self) -> u64 {
        self.0.borrow().sectors
    }

    fn read(&mut self, sector: u64, bytes: &mut [u8]) -> Result<(), Failure> {
        let mut state = self.0.borrow_mut();
        state.request(sector, bytes.len())?;
        for (sector, chunk) in (sector..).zip(bytes.chunks_exact_mut(SECTOR_BYTES)) {
            let written = state.pending.iter().rev().find(|(pending, _)| *pending == sector);
            chunk.copy_from_slice(&written.map_or_else(|| state.flushed.get(sector), |(_, bytes)| *bytes));
        }
        Ok(())
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), Failure> {
        let mut state = self.0.borrow_mut();
        state.request(sector, bytes.len())?;
        state.writes += 1;
        for (sector, chunk) in (sector..).zip(bytes.chunks_exact(SECTOR_BYTES)) {
            state.step()?;
            state.pending.push((sector, chunk.try_into().unwrap()));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let mut state = self.0.borrow_mut();
        state.request(0, SECTOR_BYTES)?;
        state.step()?;
        for (sector, bytes) in std::mem::take(&mut state.pending) {
            state.flushed.set(sector, bytes);
        }
        Ok(())
    }
}

/// Numbers that look random and repeat (splitmix64).
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
