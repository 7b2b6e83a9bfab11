// SPDX-License-Identifier: Apache-2.0 OR MIT
use std::cell::Cell;

use cofferdam_virtio_hal::dma::fake::FakeDevice;
use virtio_drivers::transport::DeviceType;

use super::*;

fn device(legacy: bool) -> (FakeDevice, VirtioEntropy<impl virtio_drivers::transport::Transport>) {
    let (device, transport) = FakeDevice::new(DeviceType::EntropySource, legacy, &[]);
    let entropy = VirtioEntropy::new(transport).unwrap();
    assert!(device.is_running());
    (device, entropy)
}

#[test]
fn fills_however_little_the_device_gives_at_a_time() {
    for legacy in [false, true] {
        let (device, mut entropy) = device(legacy);
        let next = Cell::new(1u8);
        let mut bytes = [0; 64];
        let answer_three = || {
            if let Some(request) = device.next(0) {
                let given = [next.get(), next.get() + 1, next.get() + 2];
                let count = request.writable_bytes.min(3);
                device.answer(0, &request, &given[..count]);
                next.set(next.get() + 3);
            }
            true
        };
        entropy.fill(&mut bytes, answer_three).unwrap();
        assert!(bytes.iter().enumerate().all(|(at, &byte)| usize::from(byte) == at + 1));
        assert!(device.notified() >= 22);
    }
}

#[test]
fn does_not_wait_for_ever_and_uses_an_answer_that_comes_late() {
    let (device, mut entropy) = device(false);
    let mut bytes = [0; 16];
    assert_eq!(entropy.fill(&mut bytes, || false), Err(EntropyError::NoAnswer));
    let request = device.next(0).unwrap();
    assert_eq!(request.writable_bytes, 16);
    device.answer(0, &request, &[7; 16]);
    assert_eq!(entropy.fill(&mut bytes, || false), Ok(()));
    assert_eq!(bytes, [7; 16]);
    assert!(device.next(0).is_none(), "asked once");
}

#[test]
fn a_device_that_answers_with_nothing_is_given_up() {
    let (device, mut entropy) = device(false);
    let patience = Cell::new(10);
    let answer_nothing = || {
        if let Some(request) = device.next(0) {
            device.answer(0, &request, &[]);
        }
        patience.set(patience.get() - 1);
        patience.get() > 0
    };
    assert_eq!(entropy.fill(&mut [0; 16], answer_nothing), Err(EntropyError::NoAnswer));
}

#[test]
fn nonsense_is_an_error() {
    let (device, mut entropy) = device(false);
    let too_long = || {
        if let Some(request) = device.next(0) {
            device.answer_raw(0, u32::from(request.head), u32::MAX);
        }
        true
    };
    assert_eq!(entropy.fill(&mut [0; 16], too_long), Err(EntropyError::Nonsense));
    let unknown = || {
        if device.next(0).is_some() {
            device.answer_raw(0, 0xffff, 16);
        }
        true
    };
    assert_eq!(entropy.fill(&mut [0; 16], unknown), Err(EntropyError::Nonsense));
    drop(entropy);
    assert!(!device.is_running());
}
