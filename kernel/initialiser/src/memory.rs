// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Gives out untyped memory and slots. Nothing is ever given back: the system is created once.

use sel4::{BootInfo, CPtr, ObjectType, SlotRange, Untyped};

use crate::failure::Reason;

/// Pieces of untyped memory: those of the kernel (at most 167) and what is left beside objects at fixed addresses.
const POOLS_MAX: usize = 256;

/// One piece of untyped memory, of which the kernel fills the beginning.
#[derive(Clone, Copy)]
struct Pool {
    slot: CPtr,
    paddr: u64,
    size_bits: u8,
    used_bytes: u64,
    is_device: bool,
}

impl Pool {
    fn size_bytes(&self) -> u64 {
        1 << self.size_bits
    }

    /// Where the next object would lie: the kernel aligns it to its size.
    fn next_offset(&self, object: ObjectType) -> u64 {
        self.used_bytes.next_multiple_of(1 << object.size_bits())
    }

    fn room_for(&self, object: ObjectType) -> u64 {
        self.size_bytes().saturating_sub(self.next_offset(object)) >> object.size_bits()
    }

    fn contains(&self, paddr: u64) -> bool {
        paddr >= self.paddr && paddr - self.paddr < self.size_bytes()
    }
}

/// Memory and slots that are left.
pub(crate) struct Memory {
    pools: heapless::Vec<Pool, POOLS_MAX>,
    slots: SlotRange,
}

impl Memory {
    /// Everything that the kernel gave away.
    pub(crate) fn new(boot_info: &BootInfo) -> Self {
        let mut pools = heapless::Vec::new();
        for untyped in boot_info.untyped() {
            let pool = Pool {
                slot: untyped.slot,
                paddr: untyped.paddr,
                size_bits: untyped.size_bits,
                used_bytes: 0,
                is_device: untyped.is_device,
            };
            // More pieces than the kernel's own limit cannot come; what does not fit is merely not used.
            if pools.push(pool).is_err() {
                break;
            }
        }
        // Small pieces first: the kernel clears a whole piece when the first object is made in it.
        pools.sort_unstable_by_key(|pool| (pool.size_bits, pool.paddr));
        Self { pools, slots: boot_info.empty_slots() }
    }

    /// RAM that nobody has yet.
    pub(crate) fn free_bytes(&self) -> u64 {
        self.pools.iter().filter(|pool| !pool.is_device).map(|pool| pool.size_bytes() - pool.used_bytes).sum()
    }

    /// An empty slot.
    pub(crate) fn slot(&mut self) -> Result<CPtr, Reason> {
        self.consecutive_slots(1)
    }

    fn consecutive_slots(&mut self, count: u64) -> Result<CPtr, Reason> {
        let start = self.slots.start;
        if count > self.slots.end.saturating_sub(start) {
            return Err(Reason::NoSlots);
        }
        self.slots.start += count;
        Ok(start)
    }

    /// One object.
    pub(crate) fn object(&mut self, object: ObjectType) -> Result<CPtr, Reason> {
        self.objects(object, 1)
    }

    /// `count` objects in consecutive slots, anywhere in RAM.
    pub(crate) fn objects(&mut self, object: ObjectType, count: u64) -> Result<CPtr, Reason> {
        let first = self.consecutive_slots(count)?;
        let mut made = 0;
        while made < count {
            let pool = self
                .pools
                .iter_mut()
                .find(|pool| !pool.is_device && pool.room_for(object) > 0)
                .ok_or(Reason::NoMemory)?;
            let batch = (count - made).min(pool.room_for(object)).min(Untyped::FAN_OUT_MAX);
            retype(pool, object, first + made, batch)?;
            made += batch;
        }
        Ok(first)
    }

    /// `count` objects in consecutive slots and at consecutive physical addresses; also gives the first address.
    pub(crate) fn contiguous(&mut self, object: ObjectType, count: u64) -> Result<(CPtr, u64), Reason> {
        let first = self.consecutive_slots(count)?;
        let pool = self
            .pools
            .iter_mut()
            .find(|pool| !pool.is_device && pool.room_for(object) >= count)
            .ok_or(Reason::NoMemory)?;
        let paddr = pool.paddr + pool.next_offset(object);
        retype_all(pool, object, first, count)?;
        Ok((first, paddr))
    }

    /// `count` objects in consecutive slots, the first one at this physical address. Addresses in one piece of
    /// memory must be asked for in rising order.
    pub(crate) fn at(&mut self, paddr: u64, object: ObjectType, count: u64) -> Result<CPtr, Reason> {
        let index = self.pools.iter().position(|pool| pool.contains(paddr)).ok_or(Reason::NotAt(paddr))?;
        let first = self.consecutive_slots(count)?;
        // What lies before stays usable, as smaller pieces: the largest that alignment and the gap allow.
        loop {
            let pool = self.pools.get(index).copied().ok_or(Reason::NotAt(paddr))?;
            let here = pool.paddr + pool.used_bytes;
            let gap = paddr.checked_sub(here).ok_or(Reason::NotAt(paddr))?;
            if gap == 0 {
                break;
            }
            let size_bits = here.trailing_zeros().min(gap.ilog2()) as u8;
            let slot = self.slot()?;
            let pool = self.pools.get_mut(index).ok_or(Reason::NotAt(paddr))?;
            retype(pool, ObjectType::Untyped(size_bits), slot, 1)?;
            let rest = Pool { slot, paddr: here, size_bits, used_bytes: 0, is_device: pool.is_device };
            self.pools.push(rest).map_err(|_| Reason::TooMany)?;
        }
        let pool = self.pools.get_mut(index).ok_or(Reason::NotAt(paddr))?;
        if pool.room_for(object) < count {
            return Err(Reason::NotAt(paddr));
        }
        retype_all(pool, object, first, count)?;
        Ok(first)
    }
}

fn retype_all(pool: &mut Pool, object: ObjectType, first: CPtr, count: u64) -> Result<(), Reason> {
    let mut made = 0;
    while made < count {
        let batch = (count - made).min(Untyped::FAN_OUT_MAX);
        retype(pool, object, first + made, batch)?;
        made += batch;
    }
    Ok(())
}

/// Makes objects and follows the kernel's own account of the piece.
fn retype(pool: &mut Pool, object: ObjectType, slot: CPtr, count: u64) -> Result<(), Reason> {
    let end = pool.next_offset(object) + (count << object.size_bits());
    Untyped(pool.slot).retype(object, slot, count)?;
    pool.used_bytes = end;
    Ok(())
}
