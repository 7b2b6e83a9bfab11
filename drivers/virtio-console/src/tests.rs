// SPDX-License-Identifier: Apache-2.0 OR MIT
use std::vec;
use std::vec::Vec;

use cofferdam_virtio_hal::dma::fake::FakeDevice;
use virtio_drivers::transport::{DeviceType, Transport};

use super::*;

const RECEIVE: usize = 0;
const TRANSMIT: usize = 1;

fn console(legacy: bool) -> (FakeDevice, VirtioConsole<impl Transport>) {
    let (device, transport) = FakeDevice::new(DeviceType::Console, legacy, &[]);
    let console = VirtioConsole::new(transport).unwrap();
    assert!(device.is_running());
    (device, console)
}

fn take(console: &mut VirtioConsole<impl Transport>, room: usize) -> Vec<u8> {
    let mut bytes = vec![0; room];
    let count = console.receive(&mut bytes).unwrap();
    bytes.truncate(count);
    bytes
}

#[test]
fn what_comes_is_taken_in_any_pieces_for_ever() {
    for legacy in [false, true] {
        let (device, mut console) = console(legacy);
        assert_eq!(take(&mut console, 10), b"");
        for round in 0..20u8 {
            let request = device.next(RECEIVE).unwrap();
            assert_eq!(request.writable_bytes, BUFFER_BYTES);
            device.answer(RECEIVE, &request, &[round, 1, 2, 3, 4]);
            let request = device.next(RECEIVE).unwrap();
            device.answer(RECEIVE, &request, &[5, round]);
            assert_eq!(take(&mut console, 3), [round, 1, 2]);
            assert_eq!(take(&mut console, 3), [3, 4, 5], "over the end of a buffer");
            assert_eq!(take(&mut console, 0), b"");
            assert_eq!(take(&mut console, 9), [round]);
            assert_eq!(take(&mut console, 9), b"");
        }
    }
}

#[test]
fn a_host_that_does_not_read_is_not_waited_for() {
    let (device, mut console) = console(false);
    for byte in 0..4 {
        assert_eq!(console.send(&[byte; 3]), Ok(()));
    }
    assert_eq!(console.send(b"more"), Err(ConsoleError::Full));
    let sent: Vec<_> = (0..4).map(|_| device.next(TRANSMIT).unwrap()).collect();
    assert!(device.next(TRANSMIT).is_none());
    assert_eq!(sent[2].readable, [2; 3]);
    // Back in another order.
    for index in [1, 0, 3, 2] {
        device.answer_raw(TRANSMIT, u32::from(sent[index].head), 0);
    }
    assert_eq!(console.send(b"again"), Ok(()));
    assert_eq!(device.next(TRANSMIT).unwrap().readable, b"again");
    assert_eq!(console.send(&[7; BUFFER_BYTES]), Ok(()));
    assert_eq!(device.next(TRANSMIT).unwrap().readable.len(), BUFFER_BYTES);
    assert_eq!(console.send(&[7; BUFFER_BYTES + 1]), Err(ConsoleError::TooLong));
}

#[test]
fn an_empty_buffer_is_no_end() {
    let (device, mut console) = console(false);
    let requests = [device.next(RECEIVE).unwrap(), device.next(RECEIVE).unwrap()];
    device.answer(RECEIVE, &requests[0], b"");
    device.answer(RECEIVE, &requests[1], b"x");
    assert_eq!(take(&mut console, 5), b"x");
}

#[test]
fn nonsense_of_the_device_is_an_error() {
    let (device, mut console) = console(false);
    let request = device.next(RECEIVE).unwrap();
    device.answer_raw(RECEIVE, u32::from(request.head), BUFFER_BYTES as u32 + 1);
    assert_eq!(console.receive(&mut [0; 8]), Err(ConsoleError::Nonsense));

    let (device, mut console) = self::console(false);
    device.answer_raw(RECEIVE, 77, 1);
    assert_eq!(console.receive(&mut [0; 8]), Err(ConsoleError::Nonsense));
    assert_eq!(console.send(b"x"), Ok(()));
    let request = device.next(TRANSMIT).unwrap();
    device.answer_raw(TRANSMIT, u32::from(request.head), 0);
    device.answer_raw(TRANSMIT, u32::from(request.head), 0);
    assert_eq!(console.send(b"y"), Err(ConsoleError::Nonsense), "given back twice");
    drop(console);
    assert!(!device.is_running());
}
