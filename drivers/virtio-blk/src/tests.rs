// SPDX-License-Identifier: Apache-2.0 OR MIT
use std::cell::RefCell;
use std::vec;
use std::vec::Vec;

use cofferdam_virtio_hal::dma::fake::{FakeDevice, FakeTransport, Request};
use virtio_drivers::transport::DeviceType;

use super::*;

const SECTORS: u64 = 300;
const READ_ONLY: u64 = 1 << 5;
const FLUSH: u64 = 1 << 9;

fn disk(legacy: bool, features: u64) -> (FakeDevice, VirtioDisk<FakeTransport>) {
    let mut config = SECTORS.to_le_bytes().to_vec();
    config.extend([0; 24]);
    let (device, transport) = FakeDevice::new(DeviceType::Block, legacy, &config);
    device.offer(features);
    let disk = VirtioDisk::new(transport).unwrap();
    assert!(device.is_running());
    assert_eq!(disk.sectors(), SECTORS);
    (device, disk)
}

/// The kind and the first sector of a request, and what is behind its header.
fn parts(request: &Request) -> (u32, u64, &[u8]) {
    let (head, data) = request.readable.split_at(16);
    let kind = u32::from_le_bytes(head[..4].try_into().unwrap());
    (kind, u64::from_le_bytes(head[8..].try_into().unwrap()), data)
}

/// A device that does what it should, on `medium`.
fn serve(device: &FakeDevice, medium: &RefCell<Vec<u8>>, flushes: &RefCell<usize>) -> bool {
    while let Some(request) = device.next(0) {
        let (kind, sector, data) = parts(&request);
        let at = sector as usize * SECTOR_BYTES;
        let mut answer = vec![];
        match kind {
            0 => answer.extend_from_slice(&medium.borrow()[at..at + request.writable_bytes - 1]),
            1 => medium.borrow_mut()[at..at + data.len()].copy_from_slice(data),
            4 => *flushes.borrow_mut() += 1,
            kind => panic!("request of kind {kind}"),
        }
        answer.push(0);
        device.answer(0, &request, &answer);
    }
    true
}

#[test]
fn what_is_written_is_read_again() {
    for legacy in [false, true] {
        let (device, mut disk) = disk(legacy, FLUSH);
        assert!(!disk.is_read_only());
        let medium = RefCell::new(vec![0; SECTORS as usize * SECTOR_BYTES]);
        let flushes = RefCell::new(0);
        let works = || serve(&device, &medium, &flushes);
        for (sector, length) in [(0, 512), (7, 1024), (SECTORS - 1, 512), (100, TRANSFER_BYTES_MAX)] {
            let bytes: Vec<u8> = (0..length).map(|at| (at / 7 + sector as usize) as u8).collect();
            disk.write(sector, &bytes, works).unwrap();
            let mut back = vec![0; length];
            disk.read(sector, &mut back, works).unwrap();
            assert_eq!(back, bytes);
        }
        assert_eq!(*flushes.borrow(), 0);
        disk.flush(works).unwrap();
        assert_eq!(*flushes.borrow(), 1);
    }
}

#[test]
fn a_device_without_a_cache_is_not_flushed() {
    let (device, mut disk) = disk(false, READ_ONLY);
    assert!(disk.is_read_only() && !disk.has_cache());
    assert_eq!(disk.flush(|| panic!("no request")), Ok(()));
    assert!(device.next(0).is_none());
}

#[test]
fn bad_ranges_do_not_reach_the_device() {
    let (device, mut disk) = disk(false, FLUSH);
    let mut large = vec![0; TRANSFER_BYTES_MAX + SECTOR_BYTES];
    for (sector, bytes) in
        [(0, 0), (0, 511), (0, 513), (SECTORS, 512), (SECTORS - 1, 1024), (u64::MAX, 512), (0, large.len())]
    {
        let bad = Err(DiskError::BadRange { sector, bytes });
        assert_eq!(disk.read(sector, &mut large[..bytes], || false), bad);
        assert_eq!(disk.write(sector, &large[..bytes], || false), bad);
    }
    assert!(device.next(0).is_none());
}

#[test]
fn a_refusal_is_an_error_and_the_disk_goes_on() {
    let (device, mut disk) = disk(false, FLUSH);
    for status in [1, 2, 77] {
        let refuse = || {
            if let Some(request) = device.next(0) {
                let mut answer = vec![0; request.writable_bytes];
                *answer.last_mut().unwrap() = status;
                device.answer(0, &request, &answer);
            }
            true
        };
        assert_eq!(disk.read(0, &mut [0; 512], refuse), Err(DiskError::Refused { status }));
        assert_eq!(disk.write(0, &[0; 512], refuse), Err(DiskError::Refused { status }));
        assert_eq!(disk.flush(refuse), Err(DiskError::Refused { status }));
    }
}

#[test]
fn a_device_that_does_not_answer_is_given_up_for_good() {
    let (device, mut disk) = disk(false, FLUSH);
    assert_eq!(disk.write(3, &[1; 512], || false), Err(DiskError::NoAnswer));
    let request = device.next(0).unwrap();
    device.answer(0, &request, &[0]); // too late: what is on the disk is not known
    assert_eq!(disk.read(3, &mut [0; 512], || true), Err(DiskError::OutOfUse));
    assert_eq!(disk.write(3, &[0; 512], || true), Err(DiskError::OutOfUse));
    assert_eq!(disk.flush(|| true), Err(DiskError::OutOfUse));
    drop(disk);
    assert!(!device.is_running(), "dropping the driver stops the device");
}

#[test]
fn nonsense_is_an_error() {
    let (device, mut disk) = disk(false, FLUSH);
    let unanswered = || {
        if let Some(request) = device.next(0) {
            device.answer_raw(0, u32::from(request.head), 513);
        }
        true
    };
    assert_eq!(disk.read(0, &mut [0; 512], unanswered), Err(DiskError::Nonsense));
    assert_eq!(disk.read(0, &mut [0; 512], unanswered), Err(DiskError::OutOfUse));
    let (device, mut disk) = self::disk(false, FLUSH);
    let unknown = || {
        if device.next(0).is_some() {
            device.answer_raw(0, 0xffff, 1);
        }
        true
    };
    assert_eq!(disk.flush(unknown), Err(DiskError::Nonsense));
}
