// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The card on a device that the test is.

use std::vec::Vec;
use std::{assert_eq, vec};

use cofferdam_virtio_hal::dma::fake::{FakeDevice, FakeTransport};
use virtio_drivers::transport::DeviceType;

use super::*;

const RECEIVE: usize = 0;
const SEND: usize = 1;
const CONFIG: [u8; 12] = [2, 0, 0, 0, 0, 9, 1, 0, 0, 0, 0, 0];

fn card(legacy: bool) -> (FakeDevice, VirtioCard<FakeTransport>, usize) {
    let (device, transport) = FakeDevice::new(DeviceType::Network, legacy, &CONFIG);
    let card = VirtioCard::new(transport).unwrap();
    assert!(device.is_running());
    assert_eq!(card.hardware_address(), [2, 0, 0, 0, 0, 9]);
    (device, card, if legacy { 10 } else { 12 })
}

fn received(card: &mut VirtioCard<FakeTransport>) -> Option<Vec<u8>> {
    let mut frame = vec![];
    card.receive(|bytes| frame.extend_from_slice(bytes)).unwrap().then_some(frame)
}

#[test]
fn frames_arrive_in_order_and_buffers_go_round() {
    for legacy in [false, true] {
        let (device, mut card, header) = card(legacy);
        assert_eq!(received(&mut card), None);
        for number in 0..1000u32 {
            let request = device.next(RECEIVE).expect("a buffer is always there");
            let length = header + 14 + number as usize % 1500;
            let frame = vec![number as u8; length];
            device.answer(RECEIVE, &request, &frame);
            assert_eq!(received(&mut card), Some(frame[header..].to_vec()));
        }
    }
}

#[test]
fn all_buffers_can_be_with_the_device() {
    let (device, mut card, header) = card(false);
    let requests: Vec<_> = core::iter::from_fn(|| device.next(RECEIVE)).collect();
    assert_eq!(requests.len(), 64);
    // Answered backwards: the order is the device's.
    for (number, request) in requests.iter().enumerate().rev() {
        device.answer(RECEIVE, request, &vec![number as u8; header + 60]);
    }
    for number in (0..64).rev() {
        assert_eq!(received(&mut card), Some(vec![number; 60]));
    }
    assert_eq!(received(&mut card), None);
}

#[test]
fn sends_until_the_buffers_are_out_and_again_when_they_are_back() {
    let (device, mut card, header) = card(false);
    for number in 0..64u8 {
        assert_eq!(card.can_send(), Ok(true));
        assert_eq!(card.send(&[number; 100]), Ok(true));
    }
    assert_eq!(card.can_send(), Ok(false));
    assert_eq!(card.send(&[0; 100]), Ok(false));
    for number in 0..64u8 {
        let request = device.next(SEND).unwrap();
        assert_eq!(request.readable[..header], vec![0; header]);
        assert_eq!(request.readable[header..], [number; 100]);
        device.answer(SEND, &request, &[]);
    }
    assert_eq!(card.can_send(), Ok(true));
    assert_eq!(card.send(&[1; 1514]), Ok(true));
    assert_eq!(device.next(SEND).unwrap().readable.len(), header + 1514);
    assert_eq!(card.send(&[1; 4000]), Ok(true), "dropped");
    assert!(device.next(SEND).is_none());
}

#[test]
fn a_device_that_lies_is_an_error_or_an_empty_frame() {
    let (device, mut card, header) = card(false);
    let request = device.next(RECEIVE).unwrap();
    device.answer_raw(RECEIVE, u32::from(request.head), header as u32 + 2048);
    assert_eq!(received(&mut card), Some(vec![]));
    device.answer_raw(RECEIVE, 0xffff, 100);
    assert_eq!(card.receive(|_| ()), Err(CardError::UnknownBuffer { token: 0xffff }));
    device.answer_raw(SEND, 5, 0);
    assert_eq!(card.can_send(), Err(CardError::UnknownBuffer { token: 5 }));
    drop(card);
    assert!(!device.is_running(), "dropping the card stops the device");
}
