// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The card: buffers that alternate between the device and us.
#![allow(unsafe_code)]

use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{Ordering, fence};

use cofferdam_virtio_hal::{DmaError, DmaPages, DmaRegion, PAGE_BYTES};
use virtio_drivers::Error;
use virtio_drivers::device::net::VirtIONetRaw;
use virtio_drivers::transport::Transport;

use crate::pump::Card;

/// Descriptors of each queue, and buffers for each direction.
const QUEUE_SIZE: usize = 64;
/// Room for the virtio header and the longest frame; two to a page.
const BUFFER_BYTES: usize = 2048;

/// The device does not work, or not as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardError {
    /// virtio-drivers reports it.
    Device(Error),
    /// There is no memory for its buffers.
    Memory(DmaError),
    /// The device returned a buffer that it does not have.
    UnknownBuffer {
        /// The number by which it was returned.
        token: u16,
    },
}

impl fmt::Display for CardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => write!(f, "network device: {error}"),
            Self::Memory(error) => error.fmt(f),
            Self::UnknownBuffer { token } => write!(f, "network device returned unknown buffer {token}"),
        }
    }
}

impl core::error::Error for CardError {}

impl From<Error> for CardError {
    fn from(error: Error) -> Self {
        Self::Device(error)
    }
}

impl From<DmaError> for CardError {
    fn from(error: DmaError) -> Self {
        Self::Memory(error)
    }
}

/// One direction's buffers. Each is either free or with the device under a token.
struct Buffers {
    memory: DmaPages,
    /// Which buffer the device has under a token (all chains have one descriptor, so tokens are small).
    with_device: [Option<u16>; QUEUE_SIZE],
    free: [u16; QUEUE_SIZE],
    free_count: usize,
}

impl Buffers {
    fn new() -> Result<Self, DmaError> {
        Ok(Self {
            memory: DmaPages::new(QUEUE_SIZE * BUFFER_BYTES / PAGE_BYTES)?,
            with_device: [None; QUEUE_SIZE],
            free: core::array::from_fn(|number| number as u16),
            free_count: QUEUE_SIZE,
        })
    }

    fn pointer(&self, number: u16) -> NonNull<[u8]> {
        self.memory.part(usize::from(number) * BUFFER_BYTES, BUFFER_BYTES)
    }

    fn take_free(&mut self) -> Option<u16> {
        self.free_count = self.free_count.checked_sub(1)?;
        self.free.get(self.free_count).copied()
    }

    fn put_free(&mut self, number: u16) {
        if let Some(slot) = self.free.get_mut(self.free_count) {
            *slot = number;
            self.free_count += 1;
        }
    }

    fn lend(&mut self, token: u16, number: u16) -> Result<(), CardError> {
        let slot = self.with_device.get_mut(usize::from(token)).ok_or(CardError::UnknownBuffer { token })?;
        *slot = Some(number);
        Ok(())
    }

    fn returned(&mut self, token: u16) -> Result<u16, CardError> {
        self.with_device
            .get_mut(usize::from(token))
            .and_then(Option::take)
            .ok_or(CardError::UnknownBuffer { token })
    }
}

/// A virtio network device.
pub struct VirtioCard<T: Transport> {
    // Before the buffers: dropping it takes the queues away from the device first.
    device: VirtIONetRaw<DmaRegion, T, QUEUE_SIZE>,
    receiving: Buffers,
    sending: Buffers,
}

impl<T: Transport> VirtioCard<T> {
    /// Initialises the device and gives it all receive buffers. [`DmaRegion`] must be initialised.
    pub fn new(transport: T) -> Result<Self, CardError> {
        let device = VirtIONetRaw::new(transport)?;
        let receiving = Buffers::new()?;
        let sending = Buffers::new()?;
        let mut card = Self { device, receiving, sending };
        while let Some(number) = card.receiving.take_free() {
            card.offer(number)?;
        }
        Ok(card)
    }

    /// The card's Ethernet address.
    pub fn hardware_address(&self) -> [u8; 6] {
        self.device.mac_address()
    }

    /// Tells the device that its interrupt was seen. Do it before looking for work.
    pub fn acknowledge_interrupt(&mut self) {
        self.device.ack_interrupt();
    }

    /// Gives receive buffer `number` to the device.
    fn offer(&mut self, number: u16) -> Result<(), CardError> {
        let mut buffer = self.receiving.pointer(number);
        // SAFETY: the buffer lies in `self.receiving.memory`, which outlives the queue, and from here until
        // `returned` gives its number again nothing makes a reference to it.
        let token = unsafe { self.device.receive_begin(buffer.as_mut()) }?;
        self.receiving.lend(token, number)
    }

    /// Takes back the send buffers with which the device is done.
    fn reclaim(&mut self) -> Result<(), CardError> {
        while let Some(token) = self.device.poll_transmit() {
            let number = self.sending.returned(token)?;
            let buffer = self.sending.pointer(number);
            // SAFETY: the same buffer as in the `transmit_begin` that gave this token. Its contents are not
            // used, so its length does not matter to us, and the region needs no copying back.
            unsafe { self.device.transmit_complete(token, buffer.as_ref()) }?;
            self.sending.put_free(number);
        }
        Ok(())
    }
}

impl<T: Transport> Card for VirtioCard<T> {
    type Error = CardError;

    fn receive(&mut self, with: impl FnOnce(&[u8])) -> Result<bool, CardError> {
        let Some(token) = self.device.poll_receive() else { return Ok(false) };
        let number = self.receiving.returned(token)?;
        let mut buffer = self.receiving.pointer(number);
        // SAFETY: the device has returned the buffer, which is ours alone until `offer`; it is the same one
        // as in the `receive_begin` that gave this token.
        let bytes = unsafe { buffer.as_mut() };
        // SAFETY: as above.
        let (header, length) = unsafe { self.device.receive_complete(token, bytes) }?;
        // The length is the device's word: one that does not fit counts as an empty frame.
        with(header.checked_add(length).and_then(|end| bytes.get(header..end)).unwrap_or(&[]));
        self.offer(number)?;
        Ok(true)
    }

    fn can_send(&mut self) -> Result<bool, CardError> {
        self.reclaim()?;
        Ok(self.sending.free_count > 0)
    }

    fn send(&mut self, frame: &[u8]) -> Result<bool, CardError> {
        self.reclaim()?;
        let Some(number) = self.sending.take_free() else { return Ok(false) };
        let mut buffer = self.sending.pointer(number);
        // SAFETY: a free buffer is ours alone until `transmit_begin`.
        let bytes = unsafe { buffer.as_mut() };
        let header = self.device.fill_buffer_header(bytes)?;
        let end = header + frame.len();
        let Some(place) = bytes.get_mut(header..end) else {
            self.sending.put_free(number);
            return Ok(true); // longer than any frame: nothing that a card could send
        };
        place.copy_from_slice(frame);
        let used = NonNull::slice_from_raw_parts(buffer.cast(), end);
        // SAFETY: the buffer lies in `self.sending.memory`, which outlives the queue, `end` is within it, and
        // from here until `returned` gives its number again nothing makes a reference to it.
        let token = unsafe { self.device.transmit_begin(used.as_ref()) }?;
        self.sending.lend(token, number)?;
        Ok(true)
    }

    fn settle(&mut self) {
        // The device decides whether to interrupt by what we last wrote; our next look at its index must not
        // overtake that write.
        fence(Ordering::SeqCst);
    }
}
