// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Gives out untyped memory and slots.

use core::fmt;
use core::ops::Range;

/// The address of a capability in the root task's capability space.
type CPtr = u64;

/// Pieces of untyped memory: those of the kernel (at most 167) and what is left beside objects at fixed addresses.
const POOLS_MAX: usize = 256;

/// What makes kernel objects.
pub trait Kernel {
    /// A kind of object, with its size where the kind leaves it open.
    type Object: Copy;
    /// Why the kernel refuses.
    type Error;

    /// Most objects that one call can make.
    const FAN_OUT_MAX: u64;

    /// The object's size: 2^n bytes. The kernel aligns it to as many.
    fn size_bits(object: Self::Object) -> u8;

    /// Untyped memory of 2^n bytes.
    fn untyped(size_bits: u8) -> Self::Object;

    /// Makes `count` objects, one after the other behind what this untyped memory has already become, into
    /// consecutive slots from `slot` on.
    ///
    /// # Errors
    /// The kernel's reason.
    fn retype(
        &mut self,
        untyped: CPtr,
        object: Self::Object,
        slot: CPtr,
        count: u64,
    ) -> Result<(), Self::Error>;
}

/// Why something cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal<E> {
    /// The kernel refused.
    Kernel(E),
    /// So many slots were asked for, so many are left.
    NoSlots(u64, u64),
    /// RAM is used up, or too fragmented.
    NoMemory,
    /// No memory that the kernel gave away contains this physical address, or it was already used.
    NotAt(u64),
    /// More pieces of memory than there is room to remember.
    TooManyPieces,
}

impl<E: fmt::Display> fmt::Display for Refusal<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(error) => write!(f, "the kernel says: {error}"),
            Self::NoSlots(wanted, left) => write!(
                f,
                "{wanted} slots wanted, {left} left: raise ROOT_CNODE_SIZE_BITS in kernel/build/seL4.conf"
            ),
            Self::NoMemory => f.write_str("not enough RAM"),
            Self::NotAt(paddr) => write!(f, "no free memory at physical address {paddr:#x}"),
            Self::TooManyPieces => write!(f, "more than {POOLS_MAX} pieces of memory"),
        }
    }
}

/// A piece of untyped memory that the kernel gave away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its capability.
    pub slot: CPtr,
    /// Its first byte.
    pub paddr: u64,
    /// Its size: 2^n bytes, aligned to as many.
    pub size_bits: u8,
    /// Whether it is outside RAM.
    pub is_device: bool,
}

/// A piece of which the kernel has filled the beginning.
#[derive(Clone, Copy)]
struct Pool {
    piece: Piece,
    used_bytes: u64,
}

impl Pool {
    fn size_bytes(&self) -> u64 {
        1 << self.piece.size_bits
    }

    /// Where the next object of 2^n bytes would lie: the kernel aligns it to its size.
    fn next_offset(&self, size_bits: u8) -> u64 {
        self.used_bytes.next_multiple_of(1 << size_bits)
    }

    fn room_for(&self, size_bits: u8) -> u64 {
        self.size_bytes().saturating_sub(self.next_offset(size_bits)) >> size_bits
    }

    fn contains(&self, paddr: u64) -> bool {
        paddr >= self.piece.paddr && paddr - self.piece.paddr < self.size_bytes()
    }
}

/// Memory and slots that are left.
pub struct Memory<K> {
    kernel: K,
    pools: heapless::Vec<Pool, POOLS_MAX>,
    slots: Range<CPtr>,
    first_slot: CPtr,
}

impl<K: Kernel> Memory<K> {
    /// Everything that the kernel gave away.
    pub fn new(kernel: K, pieces: impl Iterator<Item = Piece>, slots: Range<CPtr>) -> Self {
        // More pieces than the kernel's own limit cannot come; what does not fit is merely not used.
        let mut pools: heapless::Vec<Pool, POOLS_MAX> =
            pieces.take(POOLS_MAX).map(|piece| Pool { piece, used_bytes: 0 }).collect();
        // Small pieces first: the kernel clears a whole piece when the first object is made in it.
        pools.sort_unstable_by_key(|pool| (pool.piece.size_bits, pool.piece.paddr));
        Self { kernel, pools, first_slot: slots.start, slots }
    }

    /// What makes the objects.
    pub fn kernel(&mut self) -> &mut K {
        &mut self.kernel
    }

    /// RAM that nobody has yet.
    pub fn free_bytes(&self) -> u64 {
        let ram = self.pools.iter().filter(|pool| !pool.piece.is_device);
        ram.map(|pool| pool.size_bytes() - pool.used_bytes).sum()
    }

    /// Slots that were given out.
    pub fn used_slots(&self) -> u64 {
        self.slots.start - self.first_slot
    }

    /// Whether `count` more slots can be had.
    ///
    /// # Errors
    /// [`Refusal::NoSlots`].
    pub fn check_slots(&self, count: u64) -> Result<(), Refusal<K::Error>> {
        let left = self.slots.end.saturating_sub(self.slots.start);
        if count > left { Err(Refusal::NoSlots(count, left)) } else { Ok(()) }
    }

    /// An empty slot.
    ///
    /// # Errors
    /// [`Refusal::NoSlots`].
    pub fn slot(&mut self) -> Result<CPtr, Refusal<K::Error>> {
        self.consecutive_slots(1)
    }

    fn consecutive_slots(&mut self, count: u64) -> Result<CPtr, Refusal<K::Error>> {
        self.check_slots(count)?;
        let first = self.slots.start;
        self.slots.start += count;
        Ok(first)
    }

    /// One object.
    ///
    /// # Errors
    /// [`Refusal`] without slots or RAM.
    pub fn object(&mut self, object: K::Object) -> Result<CPtr, Refusal<K::Error>> {
        self.objects(object, 1)
    }

    /// `count` objects in consecutive slots, anywhere in RAM.
    ///
    /// # Errors
    /// [`Refusal`] without slots or RAM.
    pub fn objects(&mut self, object: K::Object, count: u64) -> Result<CPtr, Refusal<K::Error>> {
        let size_bits = K::size_bits(object);
        let first = self.consecutive_slots(count)?;
        let mut made = 0;
        while made < count {
            let pool = self
                .pools
                .iter_mut()
                .find(|pool| !pool.piece.is_device && pool.room_for(size_bits) > 0)
                .ok_or(Refusal::NoMemory)?;
            let batch = (count - made).min(pool.room_for(size_bits));
            retype(&mut self.kernel, pool, object, first + made, batch)?;
            made += batch;
        }
        Ok(first)
    }

    /// `count` objects in consecutive slots and at consecutive physical addresses; also gives the first address.
    ///
    /// # Errors
    /// [`Refusal`] without slots, or without that much RAM in one piece.
    pub fn contiguous(&mut self, object: K::Object, count: u64) -> Result<(CPtr, u64), Refusal<K::Error>> {
        let size_bits = K::size_bits(object);
        let first = self.consecutive_slots(count)?;
        let pool = self
            .pools
            .iter_mut()
            .find(|pool| !pool.piece.is_device && pool.room_for(size_bits) >= count)
            .ok_or(Refusal::NoMemory)?;
        let paddr = pool.piece.paddr + pool.next_offset(size_bits);
        retype(&mut self.kernel, pool, object, first, count)?;
        Ok((first, paddr))
    }

    /// `count` objects in consecutive slots, the first one at this physical address. Addresses in one piece of
    /// memory must be asked for in rising order.
    ///
    /// # Errors
    /// [`Refusal::NotAt`] if that memory is not there or no longer, and what else [`Refusal`] has.
    pub fn at(&mut self, paddr: u64, object: K::Object, count: u64) -> Result<CPtr, Refusal<K::Error>> {
        let size_bits = K::size_bits(object);
        let index = self.pools.iter().position(|pool| pool.contains(paddr)).ok_or(Refusal::NotAt(paddr))?;
        // What lies before stays usable, as smaller pieces: the largest that alignment and the gap allow.
        loop {
            let pool = self.pools.get(index).copied().ok_or(Refusal::NotAt(paddr))?;
            let here = pool.piece.paddr + pool.used_bytes;
            let gap = paddr.checked_sub(here).ok_or(Refusal::NotAt(paddr))?;
            if gap == 0 {
                break;
            }
            let rest_bits = here.trailing_zeros().min(gap.ilog2()) as u8;
            let slot = self.slot()?;
            let pool = self.pools.get_mut(index).ok_or(Refusal::NotAt(paddr))?;
            retype(&mut self.kernel, pool, K::untyped(rest_bits), slot, 1)?;
            let piece = Piece { slot, paddr: here, size_bits: rest_bits, is_device: pool.piece.is_device };
            self.pools.push(Pool { piece, used_bytes: 0 }).map_err(|_| Refusal::TooManyPieces)?;
        }
        let first = self.consecutive_slots(count)?;
        let pool = self.pools.get_mut(index).ok_or(Refusal::NotAt(paddr))?;
        if pool.piece.paddr + pool.next_offset(size_bits) != paddr || pool.room_for(size_bits) < count {
            return Err(Refusal::NotAt(paddr));
        }
        retype(&mut self.kernel, pool, object, first, count)?;
        Ok(first)
    }
}

/// Makes objects for which there is room, and follows the kernel's own account of the piece.
fn retype<K: Kernel>(
    kernel: &mut K,
    pool: &mut Pool,
    object: K::Object,
    first: CPtr,
    count: u64,
) -> Result<(), Refusal<K::Error>> {
    let size_bits = K::size_bits(object);
    let mut made = 0;
    while made < count {
        let batch = (count - made).min(K::FAN_OUT_MAX);
        let end = pool.next_offset(size_bits) + (batch << size_bits);
        kernel.retype(pool.piece.slot, object, first + made, batch).map_err(Refusal::Kernel)?;
        pool.used_bytes = end;
        made += batch;
    }
    Ok(())
}
