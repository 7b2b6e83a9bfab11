// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The device (Virtio 1.2, section 5.4): one queue; each buffer comes back with random bytes.
#![allow(unsafe_code)]

use core::fmt;
use core::ptr::NonNull;

use cofferdam_virtio_hal::{DmaError, DmaPages, DmaRegion, PAGE_BYTES};
use virtio_drivers::Error;
use virtio_drivers::device::common::Feature;
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{DeviceStatus, Transport};

const QUEUE: u16 = 0;
const QUEUE_SIZE: usize = 4;

/// No bytes could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntropyError {
    /// virtio-drivers reports it.
    Device(Error),
    /// There is no memory for its buffer.
    Memory(DmaError),
    /// The device did not answer before the deadline.
    NoAnswer,
    /// The device returned a buffer that it does not have, or more bytes than it has room for.
    Nonsense,
}

impl fmt::Display for EntropyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => write!(f, "entropy device: {error}"),
            Self::Memory(error) => error.fmt(f),
            Self::NoAnswer => f.write_str("entropy device does not answer"),
            Self::Nonsense => f.write_str("entropy device returned nonsense"),
        }
    }
}

impl core::error::Error for EntropyError {}

impl From<Error> for EntropyError {
    fn from(error: Error) -> Self {
        Self::Device(error)
    }
}

impl From<DmaError> for EntropyError {
    fn from(error: DmaError) -> Self {
        Self::Memory(error)
    }
}

/// A virtio entropy device.
pub struct VirtioEntropy<T: Transport> {
    transport: T,
    queue: VirtQueue<DmaRegion, QUEUE_SIZE>,
    buffer: DmaPages,
    /// The token and length of a request that the device has not answered yet.
    asked: Option<(u16, usize)>,
}

impl<T: Transport> VirtioEntropy<T> {
    /// Initialises the device. [`DmaRegion`] must be initialised.
    pub fn new(mut transport: T) -> Result<Self, EntropyError> {
        let features = transport.begin_init(Feature::VERSION_1);
        if transport.requires_legacy_layout() == features.contains(Feature::VERSION_1) {
            transport.set_status(DeviceStatus::FAILED);
            return Err(Error::Unsupported.into());
        }
        let queue = VirtQueue::new(&mut transport, QUEUE, false, false)?;
        let buffer = DmaPages::new(1)?;
        transport.finish_init();
        Ok(Self { transport, queue, buffer, asked: None })
    }

    /// Tells the device that its interrupt was seen.
    pub fn acknowledge_interrupt(&mut self) {
        self.transport.ack_interrupt();
    }

    /// Fills `bytes`, asking `in_time` again and again while the device works. On an error `bytes` holds
    /// nothing of use.
    pub fn fill(&mut self, bytes: &mut [u8], in_time: impl Fn() -> bool) -> Result<(), EntropyError> {
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let (token, asked_bytes) = match self.asked {
                Some(asked) => asked,
                None => self.ask(rest.len().min(PAGE_BYTES))?,
            };
            while !self.queue.can_pop() {
                if !in_time() {
                    return Err(EntropyError::NoAnswer); // the answer may come later; `asked` remembers
                }
                core::hint::spin_loop();
            }
            filled += self.take(token, asked_bytes, rest)?;
            if !in_time() && filled < bytes.len() {
                return Err(EntropyError::NoAnswer); // answers, but with nothing
            }
        }
        Ok(())
    }

    fn ask(&mut self, length_bytes: usize) -> Result<(u16, usize), EntropyError> {
        let mut buffer = self.part(length_bytes);
        // SAFETY: the buffer lies in `self.buffer`, which outlives the queue; while `asked` is set nothing
        // makes a reference to it.
        let token = unsafe { self.queue.add(&[], &mut [buffer.as_mut()]) }?;
        self.asked = Some((token, length_bytes));
        self.transport.notify(QUEUE);
        Ok((token, length_bytes))
    }

    /// Takes the answer; gives how many bytes of `rest` it filled.
    fn take(&mut self, token: u16, asked_bytes: usize, rest: &mut [u8]) -> Result<usize, EntropyError> {
        let mut buffer = self.part(asked_bytes);
        // SAFETY: the device has answered the only request, so the buffer is ours; it is the same as in `ask`.
        let fresh = unsafe { buffer.as_mut() };
        // SAFETY: as above. A wrong token is an error and leaves the queue as it was.
        let length = unsafe { self.queue.pop_used(token, &[], &mut [&mut *fresh]) }
            .map_err(|_| EntropyError::Nonsense)?;
        self.asked = None;
        let fresh = fresh.get_mut(..length as usize).ok_or(EntropyError::Nonsense)?;
        let count = fresh.len().min(rest.len());
        if let (Some(target), Some(source)) = (rest.get_mut(..count), fresh.get(..count)) {
            target.copy_from_slice(source);
        }
        fresh.fill(0); // nobody gets them a second time
        Ok(count)
    }

    fn part(&self, length_bytes: usize) -> NonNull<[u8]> {
        self.buffer.part(0, length_bytes)
    }
}

impl<T: Transport> Drop for VirtioEntropy<T> {
    fn drop(&mut self) {
        self.transport.queue_unset(QUEUE);
    }
}
