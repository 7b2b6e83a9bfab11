// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A virtio device for tests on the host: what a driver puts on its queues can be looked at, answered, and
//! answered wrongly. Physical addresses are addresses of the test's memory.

use std::alloc::{Layout, alloc_zeroed};
use std::cell::RefCell;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Once;
use std::vec::Vec;

use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{Error, PAGE_SIZE, PhysAddr, Result};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::DmaRegion;
use crate::pages::PAGES_MAX;

const DESCRIPTOR_BYTES: u64 = 16;
const FLAG_NEXT: u16 = 1;
const FLAG_WRITE: u16 = 2;

/// Makes a region of the largest size, once; all tests of a program share it.
pub fn initialise_region() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let size_bytes = PAGES_MAX * PAGE_SIZE;
        let layout = Layout::from_size_align(size_bytes, PAGE_SIZE).expect("a page is a power of two");
        // SAFETY: the layout is not empty.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) }).expect("memory");
        let paddr = base.as_ptr().expose_provenance() as u64;
        // SAFETY: fresh memory that is never freed, used by this crate alone.
        unsafe { DmaRegion::initialise(base, size_bytes, paddr) }.expect("a good region");
    });
}

#[derive(Clone, Copy)]
struct Ring {
    size: u16,
    descriptors: u64,
    driver_area: u64,
    device_area: u64,
    seen: u16,
    used: u16,
}

struct State {
    device_type: DeviceType,
    legacy: bool,
    features: u64,
    config: Vec<u8>,
    status: DeviceStatus,
    queues: [Option<Ring>; 2],
    notified: usize,
}

/// The test's hold on the device.
#[derive(Clone)]
pub struct FakeDevice(Rc<RefCell<State>>);

/// The driver's hold on it.
pub struct FakeTransport(Rc<RefCell<State>>);

/// What the driver asked for.
#[derive(Debug)]
pub struct Request {
    /// The number by which it is answered.
    pub head: u16,
    /// What the driver has written.
    pub readable: Vec<u8>,
    /// How much the device may write.
    pub writable_bytes: usize,
    writable: Vec<(u64, usize)>,
}

/// Reads a value that the driver or the device has written.
fn read<T: Copy>(address: u64) -> T {
    // SAFETY: drivers under test give addresses of the region of `initialise_region`, of which rings and
    // descriptors are aligned parts.
    unsafe { std::ptr::with_exposed_provenance::<T>(address as usize).read_volatile() }
}

fn write<T>(address: u64, value: T) {
    // SAFETY: as in `read`.
    unsafe { std::ptr::with_exposed_provenance_mut::<T>(address as usize).write_volatile(value) };
}

impl FakeDevice {
    /// A device at rest, and the transport for its driver.
    pub fn new(device_type: DeviceType, legacy: bool, config: &[u8]) -> (Self, FakeTransport) {
        initialise_region();
        let state = Rc::new(RefCell::new(State {
            device_type,
            legacy,
            features: 0,
            config: config.to_vec(),
            status: DeviceStatus::empty(),
            queues: [None; 2],
            notified: 0,
        }));
        (Self(state.clone()), FakeTransport(state))
    }

    /// Has the device offer features of its type. Before a driver is given the transport.
    pub fn offer(&self, features: u64) {
        self.0.borrow_mut().features = features;
    }

    /// Whether the driver uses the device.
    pub fn is_running(&self) -> bool {
        self.0.borrow().status.contains(DeviceStatus::DRIVER_OK)
    }

    /// How often the driver has notified the device.
    pub fn notified(&self) -> usize {
        self.0.borrow().notified
    }

    /// The next request on a queue, if there is one.
    pub fn next(&self, queue: usize) -> Option<Request> {
        let mut state = self.0.borrow_mut();
        let ring = state.queues[queue].as_mut()?;
        if read::<u16>(ring.driver_area + 2) == ring.seen {
            return None;
        }
        let head: u16 = read(ring.driver_area + 4 + 2 * u64::from(ring.seen % ring.size));
        ring.seen = ring.seen.wrapping_add(1);
        let mut request = Request { head, readable: Vec::new(), writable_bytes: 0, writable: Vec::new() };
        let mut at = head;
        loop {
            let descriptor = ring.descriptors + DESCRIPTOR_BYTES * u64::from(at);
            let (address, length): (u64, u32) = (read(descriptor), read(descriptor + 8));
            let (flags, next): (u16, u16) = (read(descriptor + 12), read(descriptor + 14));
            if flags & FLAG_WRITE != 0 {
                request.writable.push((address, length as usize));
                request.writable_bytes += length as usize;
            } else {
                request.readable.extend((0..u64::from(length)).map(|offset| read::<u8>(address + offset)));
            }
            if flags & FLAG_NEXT == 0 {
                return Some(request);
            }
            at = next;
        }
    }

    /// Answers a request with `bytes`.
    pub fn answer(&self, queue: usize, request: &Request, bytes: &[u8]) {
        assert!(bytes.len() <= request.writable_bytes);
        let places = request.writable.iter().flat_map(|&(at, length)| at..at + length as u64);
        for (place, byte) in places.zip(bytes) {
            write(place, *byte);
        }
        self.answer_raw(queue, u32::from(request.head), bytes.len() as u32);
    }

    /// Answers with any numbers.
    pub fn answer_raw(&self, queue: usize, id: u32, length_bytes: u32) {
        let mut state = self.0.borrow_mut();
        let ring = state.queues[queue].as_mut().expect("the queue is set up");
        let element = ring.device_area + 4 + 8 * u64::from(ring.used % ring.size);
        write(element, id);
        write(element + 4, length_bytes);
        ring.used = ring.used.wrapping_add(1);
        write(ring.device_area + 2, ring.used);
    }

    /// Writes a byte somewhere into the area that is the device's to write: flags, index and elements of the used
    /// ring. `offset` counts round and round.
    pub fn scribble(&self, queue: usize, offset: u64, byte: u8) {
        let state = self.0.borrow();
        let ring = state.queues[queue].as_ref().expect("the queue is set up");
        let area_bytes = 6 + 8 * u64::from(ring.size);
        write(ring.device_area + offset % area_bytes, byte);
    }
}

impl Transport for FakeTransport {
    fn device_type(&self) -> DeviceType {
        self.0.borrow().device_type
    }

    fn read_device_features(&mut self) -> u64 {
        const VERSION_1: u64 = 1 << 32;
        let state = self.0.borrow();
        state.features | if state.legacy { 0 } else { VERSION_1 }
    }

    fn write_driver_features(&mut self, _features: u64) {}

    fn max_queue_size(&mut self, _queue: u16) -> u32 {
        256
    }

    fn notify(&mut self, _queue: u16) {
        self.0.borrow_mut().notified += 1;
    }

    fn get_status(&self) -> DeviceStatus {
        self.0.borrow().status
    }

    fn set_status(&mut self, status: DeviceStatus) {
        self.0.borrow_mut().status = status;
    }

    fn set_guest_page_size(&mut self, _bytes: u32) {}

    fn requires_legacy_layout(&self) -> bool {
        self.0.borrow().legacy
    }

    fn queue_set(
        &mut self,
        queue: u16,
        size: u32,
        descriptors: PhysAddr,
        driver_area: PhysAddr,
        device_area: PhysAddr,
    ) {
        let ring = Ring { size: size as u16, descriptors, driver_area, device_area, seen: 0, used: 0 };
        self.0.borrow_mut().queues[usize::from(queue)] = Some(ring);
    }

    fn queue_unset(&mut self, queue: u16) {
        self.0.borrow_mut().queues[usize::from(queue)] = None;
    }

    fn queue_used(&mut self, queue: u16) -> bool {
        self.0.borrow().queues[usize::from(queue)].is_some()
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        InterruptStatus::empty()
    }

    fn read_config_generation(&self) -> u32 {
        0
    }

    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T> {
        let state = self.0.borrow();
        let rest = state.config.get(offset..).ok_or(Error::ConfigSpaceTooSmall)?;
        T::read_from_prefix(rest).map(|(value, _)| value).map_err(|_| Error::ConfigSpaceTooSmall)
    }

    fn write_config_space<T: IntoBytes + Immutable>(&mut self, _offset: usize, _value: T) -> Result<()> {
        Ok(())
    }
}

impl Drop for FakeTransport {
    fn drop(&mut self) {
        self.0.borrow_mut().status = DeviceStatus::empty();
    }
}
