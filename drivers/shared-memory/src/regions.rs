// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Access to memory that another protection domain may write at the same time.
//!
//! Every access is an atomic one of 1, 4 or 8 bytes, so that a concurrent writer cannot cause undefined
//! behaviour, only unexpected values. Nothing here hands out a reference into the region: what is used is
//! a private copy.
//!
//! Acquire loads are a relaxed load and a fence, because only relaxed atomic loads are promised to work in
//! memory that is mapped read-only.
#![allow(unsafe_code)]

use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};

const WORD_BYTES: usize = size_of::<u64>();

/// An access that does not lie inside its region, or is not aligned to its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// Where the access begins, in bytes from the start of the region.
    pub offset_bytes: usize,
    /// How much it would touch.
    pub length_bytes: usize,
    /// The size of the region.
    pub region_bytes: usize,
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes at offset {:#x} are outside a region of {:#x} bytes, or misaligned",
            self.length_bytes, self.offset_bytes, self.region_bytes
        )
    }
}

impl core::error::Error for OutOfBounds {}

/// A memory region that is shared with another protection domain, or a part of one.
///
/// Copies of the value denote the same memory. Storing to a region that is mapped read-only faults: which
/// side may write is fixed in the system description.
#[derive(Clone, Copy, Debug)]
pub struct SharedRegion {
    base: NonNull<u8>,
    size_bytes: usize,
}

// SAFETY: the value is an address and a size; all access through it is atomic (`new` promises that the
// memory stays valid), so it may be used from any thread.
unsafe impl Send for SharedRegion {}
// SAFETY: as above: every method takes `&self` and does atomic accesses only.
unsafe impl Sync for SharedRegion {}

impl SharedRegion {
    /// The region of `size_bytes` bytes at `base`.
    ///
    /// # Safety
    /// - `base` is aligned to 8 bytes, and `size_bytes` bytes from there are mapped as normal memory, at
    ///   least readable, for the rest of the program.
    /// - This program accesses that memory only by way of `SharedRegion`. (Others may do what they like.)
    /// - The store methods are called only if the memory is mapped writable.
    pub const unsafe fn new(base: NonNull<u8>, size_bytes: usize) -> Self {
        Self { base, size_bytes }
    }

    /// The region that these words make up.
    pub fn from_static(words: &'static [AtomicU64]) -> Self {
        Self { base: NonNull::from(words).cast(), size_bytes: size_of_val(words) }
    }

    /// Zeroed memory of at least `size_bytes` bytes which is never freed: for tests on the host.
    #[cfg(any(test, feature = "testing"))]
    pub fn leaked(size_bytes: usize) -> Self {
        let words: alloc::vec::Vec<AtomicU64> =
            (0..size_bytes.div_ceil(WORD_BYTES)).map(|_| AtomicU64::new(0)).collect();
        Self::from_static(alloc::boxed::Box::leak(words.into_boxed_slice()))
    }

    /// Its size in bytes.
    pub const fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// The part of `length_bytes` bytes from `offset_bytes`, which must be a multiple of 8.
    pub fn part(&self, offset_bytes: usize, length_bytes: usize) -> Result<Self, OutOfBounds> {
        let base = self.check(offset_bytes, length_bytes, WORD_BYTES)?;
        Ok(Self { base, size_bytes: length_bytes })
    }

    /// Reads the aligned `u64` at `offset_bytes`, without ordering.
    pub fn load_u64_relaxed(&self, offset_bytes: usize) -> Result<u64, OutOfBounds> {
        Ok(self.word(offset_bytes)?.load(Ordering::Relaxed))
    }

    /// Reads the aligned `u64` at `offset_bytes`; what the peer wrote before its release store is seen after.
    pub fn load_u64_acquire(&self, offset_bytes: usize) -> Result<u64, OutOfBounds> {
        let value = self.load_u64_relaxed(offset_bytes)?;
        fence(Ordering::Acquire);
        Ok(value)
    }

    /// Writes the aligned `u64` at `offset_bytes`, without ordering.
    pub fn store_u64_relaxed(&self, offset_bytes: usize, value: u64) -> Result<(), OutOfBounds> {
        self.word(offset_bytes)?.store(value, Ordering::Relaxed);
        Ok(())
    }

    /// Writes the aligned `u64` at `offset_bytes`, after everything that was written or read before.
    pub fn store_u64_release(&self, offset_bytes: usize, value: u64) -> Result<(), OutOfBounds> {
        self.word(offset_bytes)?.store(value, Ordering::Release);
        Ok(())
    }

    /// Reads the aligned `u32` at `offset_bytes`, without ordering.
    pub fn load_u32_relaxed(&self, offset_bytes: usize) -> Result<u32, OutOfBounds> {
        Ok(self.half_word(offset_bytes)?.load(Ordering::Relaxed))
    }

    /// Reads the aligned `u32` at `offset_bytes`; what the peer wrote before its release store is seen after.
    pub fn load_u32_acquire(&self, offset_bytes: usize) -> Result<u32, OutOfBounds> {
        let value = self.load_u32_relaxed(offset_bytes)?;
        fence(Ordering::Acquire);
        Ok(value)
    }

    /// Writes the aligned `u32` at `offset_bytes`, without ordering.
    pub fn store_u32_relaxed(&self, offset_bytes: usize, value: u32) -> Result<(), OutOfBounds> {
        self.half_word(offset_bytes)?.store(value, Ordering::Relaxed);
        Ok(())
    }

    /// Writes the aligned `u32` at `offset_bytes`, after everything that was written or read before.
    pub fn store_u32_release(&self, offset_bytes: usize, value: u32) -> Result<(), OutOfBounds> {
        self.half_word(offset_bytes)?.store(value, Ordering::Release);
        Ok(())
    }

    /// Copies `bytes` into the region, from `offset_bytes` on. Without ordering: publish it afterwards.
    pub fn copy_in(&self, offset_bytes: usize, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let start = self.check(offset_bytes, bytes.len(), 1)?;
        let (head, body) = bytes.split_at(head_bytes(offset_bytes, bytes.len()));
        let (words, tail) = body.as_chunks::<WORD_BYTES>();
        let mut at = start;
        for &byte in head {
            // SAFETY: `check` found `bytes.len()` bytes inside the region from `start`, and `at` goes
            // through them once; atomic access to them is what `new` promises.
            unsafe {
                at.cast::<AtomicU8>().as_ref().store(byte, Ordering::Relaxed);
                at = at.add(1);
            }
        }
        for &word in words {
            // SAFETY: as above; `head_bytes` made `at` a multiple of 8 from the region's aligned base.
            unsafe {
                at.cast::<AtomicU64>().as_ref().store(u64::from_ne_bytes(word), Ordering::Relaxed);
                at = at.add(WORD_BYTES);
            }
        }
        for &byte in tail {
            // SAFETY: as for the head.
            unsafe {
                at.cast::<AtomicU8>().as_ref().store(byte, Ordering::Relaxed);
                at = at.add(1);
            }
        }
        Ok(())
    }

    /// Copies `buffer.len()` bytes out of the region, from `offset_bytes` on. Each is read exactly once.
    pub fn copy_out(&self, offset_bytes: usize, buffer: &mut [u8]) -> Result<(), OutOfBounds> {
        let start = self.check(offset_bytes, buffer.len(), 1)?;
        let (head, body) = buffer.split_at_mut(head_bytes(offset_bytes, buffer.len()));
        let (words, tail) = body.as_chunks_mut::<WORD_BYTES>();
        let mut at = start;
        for byte in head {
            // SAFETY: `check` found `buffer.len()` bytes inside the region from `start`, and `at` goes
            // through them once; atomic access to them is what `new` promises.
            unsafe {
                *byte = at.cast::<AtomicU8>().as_ref().load(Ordering::Relaxed);
                at = at.add(1);
            }
        }
        for word in words {
            // SAFETY: as above; `head_bytes` made `at` a multiple of 8 from the region's aligned base.
            unsafe {
                *word = at.cast::<AtomicU64>().as_ref().load(Ordering::Relaxed).to_ne_bytes();
                at = at.add(WORD_BYTES);
            }
        }
        for byte in tail {
            // SAFETY: as for the head.
            unsafe {
                *byte = at.cast::<AtomicU8>().as_ref().load(Ordering::Relaxed);
                at = at.add(1);
            }
        }
        Ok(())
    }

    /// Writes zeros over `length_bytes` bytes from `offset_bytes` on.
    pub fn clear(&self, offset_bytes: usize, length_bytes: usize) -> Result<(), OutOfBounds> {
        const ZEROS: [u8; 256] = [0; 256];
        self.check(offset_bytes, length_bytes, 1)?;
        let end = offset_bytes + length_bytes;
        let mut at = offset_bytes;
        while at < end {
            let step = ZEROS.len().min(end - at);
            self.copy_in(at, &ZEROS[..step])?;
            at += step;
        }
        Ok(())
    }

    fn word(&self, offset_bytes: usize) -> Result<&AtomicU64, OutOfBounds> {
        let at = self.check(offset_bytes, size_of::<u64>(), align_of::<AtomicU64>())?;
        // SAFETY: `check` found it inside the region and aligned; `new` promises that the memory is valid
        // and accessed atomically.
        Ok(unsafe { at.cast::<AtomicU64>().as_ref() })
    }

    fn half_word(&self, offset_bytes: usize) -> Result<&AtomicU32, OutOfBounds> {
        let at = self.check(offset_bytes, size_of::<u32>(), align_of::<AtomicU32>())?;
        // SAFETY: as in `word`.
        Ok(unsafe { at.cast::<AtomicU32>().as_ref() })
    }

    /// The address of `length_bytes` bytes at `offset_bytes`, if they lie inside and are aligned.
    fn check(
        &self,
        offset_bytes: usize,
        length_bytes: usize,
        align: usize,
    ) -> Result<NonNull<u8>, OutOfBounds> {
        let inside = offset_bytes.checked_add(length_bytes).is_some_and(|end| end <= self.size_bytes);
        if !inside || !offset_bytes.is_multiple_of(align) {
            return Err(OutOfBounds { offset_bytes, length_bytes, region_bytes: self.size_bytes });
        }
        // SAFETY: `offset_bytes` ≤ `size_bytes`, so the result is inside the region or at its end.
        Ok(unsafe { self.base.add(offset_bytes) })
    }
}

/// How many of `length_bytes` bytes come before the first word boundary from `offset_bytes` on.
fn head_bytes(offset_bytes: usize, length_bytes: usize) -> usize {
    (offset_bytes.next_multiple_of(WORD_BYTES) - offset_bytes).min(length_bytes)
}
