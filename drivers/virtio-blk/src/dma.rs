// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The device (Virtio 1.2, section 5.2): one queue; a request is a header, data, and a status byte.
#![allow(unsafe_code)]

use core::fmt;
use core::ptr::NonNull;

use bitflags::bitflags;
use cofferdam_virtio_hal::{DmaError, DmaPages, DmaRegion, PAGE_BYTES};
use virtio_drivers::Error;
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{DeviceStatus, Transport};

/// The unit in which a disk is read and written.
pub const SECTOR_BYTES: usize = 512;
/// The most bytes that one request carries.
pub const TRANSFER_BYTES_MAX: usize = 16 * PAGE_BYTES;

const QUEUE: u16 = 0;
const QUEUE_SIZE: usize = 4;

bitflags! {
    /// What this driver understands (sections 5.2.3 and 6).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Feature: u64 {
        /// The disk cannot be written.
        const READ_ONLY = 1 << 5;
        /// The device has a cache, and writes it out when told.
        const FLUSH = 1 << 9;
        /// It follows Virtio 1.0 or later.
        const VERSION_1 = 1 << 32;
    }
}

/// What a request asks for; the numbers of section 5.2.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Operation {
    Read = 0,
    Write = 1,
    Flush = 4,
}

const HEADER_BYTES: usize = 16;
/// The first page holds the header, and the status byte behind it.
const STATUS_AT: usize = HEADER_BYTES;
const DATA_AT: usize = PAGE_BYTES;
/// What the status byte is before the device has answered: none of its values.
const NO_STATUS: u8 = 0xff;
const STATUS_OK: u8 = 0;

/// The disk does not work, or not as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// virtio-drivers reports it.
    Device(Error),
    /// There is no memory for its buffers.
    Memory(DmaError),
    /// The device did not answer before the deadline.
    NoAnswer,
    /// The device returned a request that it does not have.
    Nonsense,
    /// The device could not do it; this is its status.
    Refused {
        /// 1 for an error of input or output, 2 for what it does not support.
        status: u8,
    },
    /// Not a whole number of sectors, none, more than [`TRANSFER_BYTES_MAX`], or beyond the disk's end.
    BadRange {
        /// The first sector.
        sector: u64,
        /// How many bytes.
        bytes: usize,
    },
    /// An earlier request was never answered, or answered with nonsense.
    OutOfUse,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => write!(f, "disk: {error}"),
            Self::Memory(error) => error.fmt(f),
            Self::NoAnswer => f.write_str("disk does not answer"),
            Self::Nonsense => f.write_str("disk answered with nonsense"),
            Self::Refused { status } => write!(f, "disk refused a request with status {status}"),
            Self::BadRange { sector, bytes } => write!(f, "disk has no {bytes} bytes at sector {sector}"),
            Self::OutOfUse => f.write_str("disk is out of use since an earlier failure"),
        }
    }
}

impl core::error::Error for DiskError {}

impl From<Error> for DiskError {
    fn from(error: Error) -> Self {
        Self::Device(error)
    }
}

impl From<DmaError> for DiskError {
    fn from(error: DmaError) -> Self {
        Self::Memory(error)
    }
}

/// A virtio block device.
pub struct VirtioDisk<T: Transport> {
    transport: T,
    // Before the memory: dropping the value takes the queue away from the device first.
    queue: VirtQueue<DmaRegion, QUEUE_SIZE>,
    memory: DmaPages,
    sectors: u64,
    read_only: bool,
    has_cache: bool,
    out_of_use: bool,
}

impl<T: Transport> VirtioDisk<T> {
    /// Initialises the device. [`DmaRegion`] must be initialised.
    pub fn new(mut transport: T) -> Result<Self, DiskError> {
        let features = transport.begin_init(Feature::all());
        if transport.requires_legacy_layout() == features.contains(Feature::VERSION_1) {
            transport.set_status(DeviceStatus::FAILED);
            return Err(Error::Unsupported.into());
        }
        // The capacity is the first thing in the configuration, in two halves that belong together.
        let sectors = transport.read_consistent(|| {
            let low: u32 = transport.read_config_space(0)?;
            let high: u32 = transport.read_config_space(4)?;
            Ok(u64::from(low) | u64::from(high) << 32)
        })?;
        let mut queue = VirtQueue::new(&mut transport, QUEUE, false, false)?;
        queue.set_dev_notify(false); // it is asked; nobody waits for its interrupt
        let memory = DmaPages::new(1 + TRANSFER_BYTES_MAX / PAGE_BYTES)?;
        transport.finish_init();
        Ok(Self {
            transport,
            queue,
            memory,
            sectors,
            read_only: features.contains(Feature::READ_ONLY),
            has_cache: features.contains(Feature::FLUSH),
            out_of_use: false,
        })
    }

    /// How many sectors the disk says it has.
    pub fn sectors(&self) -> u64 {
        self.sectors
    }

    /// Whether the disk can only be read.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Whether [`Self::flush`] has anything to do. Without a cache, what is written is there.
    pub fn has_cache(&self) -> bool {
        self.has_cache
    }

    /// Reads whole sectors from `sector` on, asking `in_time` again and again while the device works. On an
    /// error `bytes` holds nothing of use.
    pub fn read(
        &mut self,
        sector: u64,
        bytes: &mut [u8],
        in_time: impl Fn() -> bool,
    ) -> Result<(), DiskError> {
        self.check(sector, bytes.len())?;
        self.request(Operation::Read, sector, bytes.len(), in_time)?;
        let data = self.memory.part(DATA_AT, bytes.len());
        // SAFETY: the device has answered the only request, so its memory is ours until the next one.
        bytes.copy_from_slice(unsafe { data.as_ref() });
        Ok(())
    }

    /// Writes whole sectors from `sector` on. They are safe from a loss of power after [`Self::flush`], and
    /// until then may reach the disk in any order.
    pub fn write(&mut self, sector: u64, bytes: &[u8], in_time: impl Fn() -> bool) -> Result<(), DiskError> {
        self.check(sector, bytes.len())?;
        if self.out_of_use {
            return Err(DiskError::OutOfUse);
        }
        let mut data = self.memory.part(DATA_AT, bytes.len());
        // SAFETY: no request is under way, so the memory is ours until `request`.
        unsafe { data.as_mut() }.copy_from_slice(bytes);
        self.request(Operation::Write, sector, bytes.len(), in_time)
    }

    /// Makes everything that was written safe from a loss of power.
    pub fn flush(&mut self, in_time: impl Fn() -> bool) -> Result<(), DiskError> {
        if !self.has_cache {
            return if self.out_of_use { Err(DiskError::OutOfUse) } else { Ok(()) };
        }
        self.request(Operation::Flush, 0, 0, in_time)
    }

    fn check(&self, sector: u64, bytes: usize) -> Result<(), DiskError> {
        let whole = bytes > 0 && bytes <= TRANSFER_BYTES_MAX && bytes.is_multiple_of(SECTOR_BYTES);
        let end = sector.checked_add((bytes / SECTOR_BYTES) as u64);
        if whole && end.is_some_and(|end| end <= self.sectors) {
            Ok(())
        } else {
            Err(DiskError::BadRange { sector, bytes })
        }
    }

    /// One request, from its header to its status.
    fn request(
        &mut self,
        operation: Operation,
        sector: u64,
        bytes: usize,
        in_time: impl Fn() -> bool,
    ) -> Result<(), DiskError> {
        if self.out_of_use {
            return Err(DiskError::OutOfUse);
        }
        // Set until the request has come back whole: whatever goes wrong in between is for good.
        self.out_of_use = true;
        let mut head = [0; HEADER_BYTES];
        head[..4].copy_from_slice(&(operation as u32).to_le_bytes());
        head[8..].copy_from_slice(&sector.to_le_bytes());
        let mut header = self.memory.part(0, HEADER_BYTES);
        let mut status = self.memory.part(STATUS_AT, 1);
        // SAFETY: no request is under way, so the memory is ours.
        unsafe { header.as_mut() }.copy_from_slice(&head);
        // SAFETY: as above.
        unsafe { status.as_mut() }.fill(NO_STATUS);

        let data = self.memory.part(DATA_AT, bytes);
        let token = self.with_buffers(operation, header, data, status, |queue, inputs, outputs| {
            // SAFETY: the buffers lie in `self.memory`, which outlives the queue; until the request has come
            // back nothing makes a reference to them, and if it does not, `out_of_use` keeps it so.
            unsafe { queue.add(inputs, outputs) }
        })?;
        self.transport.notify(QUEUE);
        while !self.queue.can_pop() {
            if !in_time() {
                return Err(DiskError::NoAnswer);
            }
            core::hint::spin_loop();
        }
        self.with_buffers(operation, header, data, status, |queue, inputs, outputs| {
            // SAFETY: the same buffers as in `add`. A wrong token is an error and leaves the queue as it was.
            unsafe { queue.pop_used(token, inputs, outputs) }
        })
        .map_err(|_| DiskError::Nonsense)?;
        // SAFETY: the device has answered, so the memory is ours.
        let status = unsafe { status.as_ref() }.first().copied().unwrap_or(NO_STATUS);
        if status == NO_STATUS {
            return Err(DiskError::Nonsense); // gave the request back without having answered it
        }
        self.out_of_use = false;
        if status == STATUS_OK { Ok(()) } else { Err(DiskError::Refused { status }) }
    }

    /// Calls `with` with the parts of a request in the order and direction of its operation.
    fn with_buffers<R>(
        &mut self,
        operation: Operation,
        header: NonNull<[u8]>,
        mut data: NonNull<[u8]>,
        mut status: NonNull<[u8]>,
        with: impl for<'a> FnOnce(
            &mut VirtQueue<DmaRegion, QUEUE_SIZE>,
            &'a [&'a [u8]],
            &'a mut [&'a mut [u8]],
        ) -> R,
    ) -> R {
        // SAFETY: the three are disjoint parts of `self.memory`, and the references last only while a request
        // is put on the queue or taken from it; the queue wants them for their addresses.
        let (header, data, status) = unsafe { (header.as_ref(), data.as_mut(), status.as_mut()) };
        match operation {
            Operation::Read => with(&mut self.queue, &[header], &mut [data, status]),
            Operation::Write => with(&mut self.queue, &[header, data], &mut [status]),
            Operation::Flush => with(&mut self.queue, &[header], &mut [status]),
        }
    }
}

impl<T: Transport> Drop for VirtioDisk<T> {
    fn drop(&mut self) {
        self.transport.queue_unset(QUEUE);
    }
}
