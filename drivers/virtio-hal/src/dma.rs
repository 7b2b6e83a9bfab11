// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Memory that a device reads and writes: one region, handed out in pages.
//!
//! Buffers inside the region are given to the device as they are. Any other buffer is copied through
//! pages of the region for as long as the device has it.
#![allow(unsafe_code)]

#[cfg(feature = "testing")]
#[allow(clippy::expect_used)] // it is for tests alone
pub mod fake;

use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use virtio_drivers::{BufferDirection, Hal, PAGE_SIZE, PhysAddr};

use crate::pages::{PAGES_MAX, PagePool};

/// The region of this program, as virtio-drivers wants it: a type without a value.
#[derive(Debug)]
pub struct DmaRegion;

/// Set once, by `DmaRegion::initialise`; `BASE` last, and zero until then.
static BASE: AtomicUsize = AtomicUsize::new(0);
static SIZE_BYTES: AtomicUsize = AtomicUsize::new(0);
static PADDR: AtomicU64 = AtomicU64::new(0);
static POOL: PagePool = PagePool::new();

/// Why a region cannot be used for DMA: a mistake in the system description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmaError {
    /// There is a region already.
    AlreadyInitialised,
    /// Start, physical address or size is no multiple of a page, or zero.
    Misaligned,
    /// More than this crate manages.
    TooLarge {
        /// The region's size.
        size_bytes: usize,
    },
    /// The region has no run of so many free pages.
    Exhausted {
        /// How many were asked for.
        pages: usize,
    },
}

impl fmt::Display for DmaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyInitialised => f.write_str("the DMA region was set already"),
            Self::Misaligned => f.write_str("the DMA region is not made of whole pages"),
            Self::TooLarge { size_bytes } => write!(f, "a DMA region of {size_bytes} bytes is too large"),
            Self::Exhausted { pages } => write!(f, "the DMA region has no {pages} pages left"),
        }
    }
}

impl core::error::Error for DmaError {}

impl DmaRegion {
    /// Gives this program its region: `size_bytes` at `base`, which devices see at `paddr`.
    ///
    /// # Safety
    /// - The memory is mapped readable and writable at `base` for the rest of the program, physically
    ///   contiguous from `paddr`, and used by nothing else in this or any other program.
    /// - It is coherent with what devices see.
    pub unsafe fn initialise(base: NonNull<u8>, size_bytes: usize, paddr: u64) -> Result<(), DmaError> {
        let address = base.as_ptr().expose_provenance();
        if size_bytes > PAGES_MAX * PAGE_SIZE {
            return Err(DmaError::TooLarge { size_bytes });
        }
        let page = PAGE_SIZE as u64;
        if !address.is_multiple_of(PAGE_SIZE)
            || !size_bytes.is_multiple_of(PAGE_SIZE)
            || !paddr.is_multiple_of(page)
            || size_bytes == 0
            || paddr == 0
        {
            return Err(DmaError::Misaligned);
        }
        if BASE.load(Ordering::Acquire) != 0 {
            return Err(DmaError::AlreadyInitialised);
        }
        SIZE_BYTES.store(size_bytes, Ordering::Relaxed);
        PADDR.store(paddr, Ordering::Relaxed);
        BASE.store(address, Ordering::Release);
        Ok(())
    }

    /// Takes pages; gives their offset in the region.
    fn take(pages: usize) -> Option<usize> {
        let base = BASE.load(Ordering::Acquire);
        if base == 0 {
            return None;
        }
        let limit = SIZE_BYTES.load(Ordering::Relaxed) / PAGE_SIZE;
        POOL.take(pages, limit).map(|first| first * PAGE_SIZE)
    }

    fn pointer(offset_bytes: usize) -> NonNull<u8> {
        let address = BASE.load(Ordering::Acquire).wrapping_add(offset_bytes);
        // `take` gives offsets only after `initialise`, so the address is inside the region and not null.
        NonNull::new(core::ptr::with_exposed_provenance_mut(address)).unwrap_or(NonNull::dangling())
    }

    fn physical(offset_bytes: usize) -> PhysAddr {
        PADDR.load(Ordering::Relaxed) + offset_bytes as u64
    }

    /// The offset of a buffer that lies inside the region.
    fn offset_inside(buffer: NonNull<[u8]>) -> Option<usize> {
        let base = BASE.load(Ordering::Acquire);
        let offset = buffer.cast::<u8>().as_ptr().addr().checked_sub(base)?;
        let end = offset.checked_add(buffer.len())?;
        (base != 0 && end <= SIZE_BYTES.load(Ordering::Relaxed)).then_some(offset)
    }
}

/// Pages of the region for a driver's own buffers, which `Hal::share` gives to the device as they are.
#[derive(Debug)]
pub struct DmaPages {
    offset_bytes: usize,
    pages: usize,
}

impl DmaPages {
    /// Takes `pages` zeroed pages.
    pub fn new(pages: usize) -> Result<Self, DmaError> {
        let (paddr, _) = DmaRegion::dma_alloc(pages, BufferDirection::Both);
        if paddr == 0 {
            return Err(DmaError::Exhausted { pages });
        }
        Ok(Self { offset_bytes: (paddr - PADDR.load(Ordering::Relaxed)) as usize, pages })
    }

    /// Up to `length_bytes` bytes from `offset_bytes` on, cut off at the pages' end. The pointer is valid as
    /// long as this value is.
    pub fn part(&self, offset_bytes: usize, length_bytes: usize) -> NonNull<[u8]> {
        let offset_bytes = offset_bytes.min(self.pages * PAGE_SIZE);
        let length_bytes = length_bytes.min(self.pages * PAGE_SIZE - offset_bytes);
        NonNull::slice_from_raw_parts(DmaRegion::pointer(self.offset_bytes + offset_bytes), length_bytes)
    }
}

impl Drop for DmaPages {
    fn drop(&mut self) {
        let first = self.offset_bytes / PAGE_SIZE;
        POOL.give_back(first..first + self.pages);
    }
}

// SAFETY: `dma_alloc` gives whole pages of the region that the pool gives to nobody else, zeroed, with the
// physical address that `initialise` was told; a shared buffer's address is its own in the region or that of
// pages taken for it. `mmio_phys_to_virt` never returns.
unsafe impl Hal for DmaRegion {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let Some(offset) = Self::take(pages) else {
            return (0, NonNull::dangling()); // zero means failure to `virtio_drivers::hal::Dma::new`
        };
        let pointer = Self::pointer(offset);
        // SAFETY: the pool gave these pages to us alone, and `initialise` promises that they are mapped.
        unsafe { pointer.write_bytes(0, pages * PAGE_SIZE) };
        (Self::physical(offset), pointer)
    }

    unsafe fn dma_dealloc(paddr: PhysAddr, _vaddr: NonNull<u8>, pages: usize) -> i32 {
        let first = (paddr - PADDR.load(Ordering::Relaxed)) as usize / PAGE_SIZE;
        POOL.give_back(first..first + pages);
        0
    }

    #[allow(clippy::panic)] // only the PCI transport calls it, which nothing here uses
    unsafe fn mmio_phys_to_virt(_paddr: PhysAddr, _size: usize) -> NonNull<u8> {
        panic!("virtio over PCI is not part of this system")
    }

    #[allow(clippy::panic)] // there is no way to report it, and any other address would corrupt memory
    unsafe fn share(buffer: NonNull<[u8]>, direction: BufferDirection) -> PhysAddr {
        if let Some(offset) = Self::offset_inside(buffer) {
            return Self::physical(offset);
        }
        let Some(offset) = Self::take(buffer.len().div_ceil(PAGE_SIZE)) else {
            panic!("the DMA region has no {} bytes left for a buffer", buffer.len())
        };
        if direction != BufferDirection::DeviceToDriver {
            // SAFETY: the caller promises that the buffer is valid; the pages are ours and large enough.
            unsafe { Self::pointer(offset).copy_from_nonoverlapping(buffer.cast(), buffer.len()) };
        }
        Self::physical(offset)
    }

    unsafe fn unshare(paddr: PhysAddr, buffer: NonNull<[u8]>, direction: BufferDirection) {
        if Self::offset_inside(buffer).is_some() {
            return;
        }
        let offset = (paddr - PADDR.load(Ordering::Relaxed)) as usize;
        if direction != BufferDirection::DriverToDevice {
            // SAFETY: `paddr` is from `share`, which took the pages for this buffer; the caller promises that
            // the buffer is valid.
            unsafe { buffer.cast().copy_from_nonoverlapping(Self::pointer(offset), buffer.len()) };
        }
        let first = offset / PAGE_SIZE;
        POOL.give_back(first..first + buffer.len().div_ceil(PAGE_SIZE));
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::{Layout, alloc};

    use super::*;

    const PAGES: usize = 4;
    const PHYSICAL: u64 = 0x4100_0000;

    // One test, since the region is one for the program.
    #[test]
    fn hands_out_the_region_and_copies_what_is_outside() {
        let (paddr, _) = DmaRegion::dma_alloc(1, BufferDirection::Both);
        assert_eq!(paddr, 0, "nothing before the region is known");
        let layout = Layout::from_size_align(PAGES * PAGE_SIZE, PAGE_SIZE).unwrap();
        // SAFETY: the layout is not empty.
        let base = NonNull::new(unsafe { alloc(layout) }).unwrap();
        // SAFETY: freshly allocated and never freed; the "device" is this test.
        let initialise = |size, paddr| unsafe { DmaRegion::initialise(base, size, paddr) };
        assert_eq!(initialise(100, PHYSICAL), Err(DmaError::Misaligned));
        assert_eq!(initialise(PAGE_SIZE, 0), Err(DmaError::Misaligned));
        assert!(matches!(initialise(4 << 20, PHYSICAL), Err(DmaError::TooLarge { .. })));
        assert_eq!(initialise(PAGES * PAGE_SIZE, PHYSICAL), Ok(()));
        assert_eq!(initialise(PAGES * PAGE_SIZE, PHYSICAL), Err(DmaError::AlreadyInitialised));

        let (paddr, pointer) = DmaRegion::dma_alloc(2, BufferDirection::Both);
        assert_eq!((paddr, pointer), (PHYSICAL, base));
        let inside = NonNull::slice_from_raw_parts(pointer, 100);
        let mut outside = [7u8; 5000];
        let borrowed = NonNull::from(&mut outside[..]);
        // SAFETY: the buffers are valid; addresses are passed as they were given.
        unsafe {
            assert_eq!(DmaRegion::share(inside, BufferDirection::Both), PHYSICAL);
            DmaRegion::unshare(PHYSICAL, inside, BufferDirection::Both);
            let bounced = DmaRegion::share(borrowed, BufferDirection::Both);
            assert_eq!(bounced, PHYSICAL + 2 * PAGE_SIZE as u64);
            let device = base.add(2 * PAGE_SIZE);
            assert_eq!(device.add(4999).read(), 7);
            device.write_bytes(9, 5000);
            assert_eq!(DmaRegion::dma_alloc(1, BufferDirection::Both).0, 0, "none left");
            DmaRegion::unshare(bounced, borrowed, BufferDirection::Both);
            assert!(outside.iter().all(|&byte| byte == 9));
            let (paddr, fresh) = DmaRegion::dma_alloc(2, BufferDirection::Both);
            assert_eq!(paddr, PHYSICAL + 2 * PAGE_SIZE as u64);
            assert_eq!(fresh.read(), 0, "zeroed");
            DmaRegion::dma_dealloc(paddr, fresh, 2);
        }
        let pages = DmaPages::new(2).unwrap();
        assert_eq!(DmaPages::new(1).unwrap_err(), DmaError::Exhausted { pages: 1 });
        assert_eq!(pages.part(100, 50).len(), 50);
        assert_eq!(pages.part(2 * PAGE_SIZE - 10, 50).len(), 10);
        assert_eq!(pages.part(usize::MAX, 50).len(), 0);
        drop(pages);
        assert!(DmaPages::new(2).is_ok());
    }
}
