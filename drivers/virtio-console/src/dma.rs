// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The device (Virtio 1.2, section 5.3): of its first port, one queue in each direction.
#![allow(unsafe_code)]

use core::fmt;

use cofferdam_virtio_hal::{DmaError, DmaPages, DmaRegion, PAGE_BYTES};
use virtio_drivers::Error;
use virtio_drivers::device::common::Feature;
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{DeviceStatus, Transport};

const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;
/// Buffers of each queue.
const BUFFERS: usize = 4;
/// What fits into one buffer: a page is shared by all of a queue.
pub const BUFFER_BYTES: usize = PAGE_BYTES / BUFFERS;

/// Bytes cannot be had, or not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleError {
    /// virtio-drivers reports it.
    Device(Error),
    /// There is no memory for its buffers.
    Memory(DmaError),
    /// The host has not taken what was sent before: no buffer is free.
    Full,
    /// More than [`BUFFER_BYTES`] at once.
    TooLong,
    /// The device returned a buffer that it does not have, or more bytes than it has room for.
    Nonsense,
}

impl fmt::Display for ConsoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => write!(f, "console device: {error}"),
            Self::Memory(error) => error.fmt(f),
            Self::Full => f.write_str("the host does not take what is sent to it"),
            Self::TooLong => f.write_str("more bytes than one buffer holds"),
            Self::Nonsense => f.write_str("console device returned nonsense"),
        }
    }
}

impl core::error::Error for ConsoleError {}

impl From<Error> for ConsoleError {
    fn from(error: Error) -> Self {
        Self::Device(error)
    }
}

impl From<DmaError> for ConsoleError {
    fn from(error: DmaError) -> Self {
        Self::Memory(error)
    }
}

/// A queue and its buffers: which of them the device has, by the token under which it got them, and how long they are.
struct Buffers {
    queue: VirtQueue<DmaRegion, BUFFERS>,
    pages: DmaPages,
    given: [Option<(u16, usize)>; BUFFERS],
}

impl Buffers {
    fn new<T: Transport>(transport: &mut T, queue: u16) -> Result<Self, ConsoleError> {
        let queue = VirtQueue::new(transport, queue, false, false)?;
        Ok(Self { queue, pages: DmaPages::new(1)?, given: [None; BUFFERS] })
    }

    fn free(&self) -> Option<usize> {
        self.given.iter().position(Option::is_none)
    }

    /// Which buffer the device gives back next.
    fn returned(&self) -> Result<Option<(usize, u16, usize)>, ConsoleError> {
        let Some(token) = self.queue.peek_used() else { return Ok(None) };
        let place = self.given.iter().position(|given| given.is_some_and(|(of_it, _)| of_it == token));
        let place = place.ok_or(ConsoleError::Nonsense)?;
        let length = self.given.get(place).copied().flatten().map_or(0, |(_, length)| length);
        Ok(Some((place, token, length)))
    }
}

/// A virtio console.
pub struct VirtioConsole<T: Transport> {
    transport: T,
    receive: Buffers,
    transmit: Buffers,
    /// What is left of the buffer that came last: which buffer, from where, to where.
    rest: Option<(usize, usize, usize)>,
}

impl<T: Transport> VirtioConsole<T> {
    /// Initialises the device, which may send from then on. [`DmaRegion`] must be initialised.
    ///
    /// # Errors
    /// [`ConsoleError::Device`], [`ConsoleError::Memory`].
    pub fn new(mut transport: T) -> Result<Self, ConsoleError> {
        let features = transport.begin_init(Feature::VERSION_1);
        if transport.requires_legacy_layout() == features.contains(Feature::VERSION_1) {
            transport.set_status(DeviceStatus::FAILED);
            return Err(Error::Unsupported.into());
        }
        let receive = Buffers::new(&mut transport, RECEIVE)?;
        let mut transmit = Buffers::new(&mut transport, TRANSMIT)?;
        // Who sends looks by itself whether buffers came back.
        transmit.queue.set_dev_notify(false);
        transport.finish_init();
        let mut console = Self { transport, receive, transmit, rest: None };
        for buffer in 0..BUFFERS {
            console.give_back(buffer)?;
        }
        Ok(console)
    }

    /// Tells the device that its interrupt was seen. Reads one of its registers in any case.
    pub fn acknowledge_interrupt(&mut self) {
        self.transport.ack_interrupt();
    }

    /// Whether the device is to interrupt when bytes have come. Bytes that came before this raise none: look for them
    /// afterwards.
    pub fn interrupt_when_received(&mut self, wanted: bool) {
        self.receive.queue.set_dev_notify(wanted);
    }

    /// Takes what has come, as much as `bytes` holds; gives how much that was.
    ///
    /// # Errors
    /// [`ConsoleError::Nonsense`] and [`ConsoleError::Device`]: the device is not to be used any more.
    pub fn receive(&mut self, bytes: &mut [u8]) -> Result<usize, ConsoleError> {
        let mut taken = 0;
        while let Some(room) = bytes.get_mut(taken..).filter(|room| !room.is_empty()) {
            let Some((buffer, from, to)) = self.rest else {
                if !self.collect()? {
                    break;
                }
                continue;
            };
            let count = room.len().min(to - from);
            let source = self.receive.pages.part(buffer * BUFFER_BYTES + from, count);
            // SAFETY: the device has given this buffer back and gets it again only below, so nothing writes it; the pages are
            // ours as long as `self` is.
            let source = unsafe { source.as_ref() };
            if let Some(room) = room.get_mut(..source.len()) {
                room.copy_from_slice(source);
            }
            taken += count;
            self.rest = Some((buffer, from + count, to)).filter(|_| from + count < to);
            if self.rest.is_none() {
                self.give_back(buffer)?;
            }
        }
        Ok(taken)
    }

    /// Sends `bytes`, all or nothing.
    ///
    /// # Errors
    /// [`ConsoleError::Full`] while the host has not taken what was sent before, [`ConsoleError::TooLong`]; as
    /// [`Self::receive`].
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), ConsoleError> {
        if bytes.len() > BUFFER_BYTES {
            return Err(ConsoleError::TooLong);
        }
        while let Some((place, token, length)) = self.transmit.returned()? {
            let part = self.transmit.pages.part(place * BUFFER_BYTES, length);
            // SAFETY: the device has given this buffer back; it is the one that was added under this token, at its length.
            unsafe { self.transmit.queue.pop_used(token, &[part.as_ref()], &mut []) }
                .map_err(|_| ConsoleError::Nonsense)?;
            if let Some(given) = self.transmit.given.get_mut(place) {
                *given = None;
            }
        }
        let place = self.transmit.free().ok_or(ConsoleError::Full)?;
        let mut part = self.transmit.pages.part(place * BUFFER_BYTES, bytes.len());
        // SAFETY: the device does not have this buffer, which is ours as long as `self` is.
        unsafe { part.as_mut() }.copy_from_slice(bytes);
        // SAFETY: the buffer outlives the queue, and nothing writes it before the device gives it back.
        let token = unsafe { self.transmit.queue.add(&[part.as_ref()], &mut []) }?;
        if let Some(given) = self.transmit.given.get_mut(place) {
            *given = Some((token, bytes.len()));
        }
        if self.transmit.queue.should_notify() {
            self.transport.notify(TRANSMIT);
        }
        Ok(())
    }

    /// Takes the next buffer that the device has filled, if there is one.
    fn collect(&mut self) -> Result<bool, ConsoleError> {
        let Some((place, token, length)) = self.receive.returned()? else { return Ok(false) };
        let mut part = self.receive.pages.part(place * BUFFER_BYTES, length);
        // SAFETY: the device has given this buffer back; it is the one that was added under this token.
        let filled = unsafe { self.receive.queue.pop_used(token, &[], &mut [part.as_mut()]) }
            .map_err(|_| ConsoleError::Nonsense)? as usize;
        if let Some(given) = self.receive.given.get_mut(place) {
            *given = None;
        }
        match filled {
            0 => self.give_back(place)?,
            1..=BUFFER_BYTES => self.rest = Some((place, 0, filled)),
            _ => return Err(ConsoleError::Nonsense),
        }
        Ok(true)
    }

    /// Gives the device a buffer to fill.
    fn give_back(&mut self, buffer: usize) -> Result<(), ConsoleError> {
        let mut part = self.receive.pages.part(buffer * BUFFER_BYTES, BUFFER_BYTES);
        // SAFETY: the buffer outlives the queue; nothing refers to it until the device gives it back.
        let token = unsafe { self.receive.queue.add(&[], &mut [part.as_mut()]) }?;
        if let Some(given) = self.receive.given.get_mut(buffer) {
            *given = Some((token, BUFFER_BYTES));
        }
        if self.receive.queue.should_notify() {
            self.transport.notify(RECEIVE);
        }
        Ok(())
    }
}

impl<T: Transport> Drop for VirtioConsole<T> {
    fn drop(&mut self) {
        self.transport.queue_unset(RECEIVE);
        self.transport.queue_unset(TRANSMIT);
    }
}
