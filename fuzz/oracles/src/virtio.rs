// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The drivers of network card, disk and entropy source, on a device that answers as it likes.

use std::cell::RefCell;

use cofferdam_virtio_blk::VirtioDisk;
use cofferdam_virtio_hal::dma::fake::{FakeDevice, Request};
use cofferdam_virtio_net::{Card, VirtioCard};
use cofferdam_virtio_rng::VirtioEntropy;
use virtio_drivers::transport::DeviceType;

use crate::script::Script;

/// No panic, no endless work, no frame longer than a buffer: errors only.
pub fn run(input: &[u8]) -> bool {
    let mut script = Script(input);
    match script.byte() % 3 {
        0 => network(script),
        1 => disk(script),
        _ => entropy(script),
    }
}

/// What the device does in one step. `held` are requests that it has not answered yet.
fn misbehave(device: &FakeDevice, queue: usize, script: &mut Script<'_>, held: &mut Vec<Request>) {
    while let Some(request) = device.next(queue) {
        held.push(request);
    }
    match script.byte() % 5 {
        // Honest, with any bytes, in any order.
        0 | 1 if !held.is_empty() => {
            let request = held.swap_remove(usize::from(script.byte()) % held.len());
            let mut bytes = script.piece().to_vec();
            bytes.resize(bytes.len().min(request.writable_bytes), 0);
            device.answer(queue, &request, &bytes);
        }
        // All of it, with a last byte of the script's (a disk's status).
        2 if !held.is_empty() => {
            let request = held.swap_remove(0);
            let mut bytes = vec![script.byte(); request.writable_bytes];
            if let Some(last) = bytes.last_mut() {
                *last = script.byte();
            }
            device.answer(queue, &request, &bytes);
        }
        // A number that is no request's, or one twice, and any length.
        3 => device.answer_raw(queue, u32::from(script.byte()), script.u32()),
        4 => device.answer_raw(queue, script.u32(), script.u32()),
        // The used ring itself, its index among it.
        _ => device.scribble(queue, script.u16().into(), script.byte()),
    }
}

fn network(mut script: Script<'_>) -> bool {
    let config = [2, 0, 0, 0, 0, 9, 1, 0, 0, 0, 0, 0];
    let (device, transport) = FakeDevice::new(DeviceType::Network, script.byte() % 2 == 1, &config);
    let mut card = VirtioCard::new(transport).expect("an honest start");
    let mut held = [vec![], vec![]];
    let mut received = false;
    while let Some(step) = script.step() {
        match step % 4 {
            0 | 1 => {
                let queue = usize::from(step % 2);
                misbehave(&device, queue, &mut script, &mut held[queue]);
            }
            2 => {
                for round in 0.. {
                    // 65,536: what a used ring's index can claim at most.
                    assert!(round <= 65_536, "frames without end");
                    match card.receive(|frame| assert!(frame.len() <= 2048)) {
                        Ok(true) => received = true,
                        Ok(false) => break,
                        Err(_) => return received, // net_driver gives the card up
                    }
                }
            }
            _ => {
                if card.can_send().and_then(|_| card.send(script.piece())).is_err() {
                    return received;
                }
            }
        }
    }
    received
}

fn disk(mut script: Script<'_>) -> bool {
    let mut config = 300u64.to_le_bytes().to_vec();
    config.extend([0; 24]);
    let (device, transport) = FakeDevice::new(DeviceType::Block, script.byte() % 2 == 1, &config);
    device.offer(1 << 9);
    let Ok(mut disk) = VirtioDisk::new(transport) else { return false };
    let script = RefCell::new(script);
    let held = RefCell::new(vec![]);
    let in_time = || {
        let mut script = script.borrow_mut();
        misbehave(&device, 0, &mut script, &mut held.borrow_mut());
        !script.0.is_empty()
    };
    let mut worked = false;
    while let Some(step) = { script.borrow_mut().step() } {
        let mut bytes = [0; 1024];
        let done = match step % 3 {
            0 => disk.read(u64::from(step), &mut bytes, in_time),
            1 => disk.write(u64::from(step), &bytes, in_time),
            _ => disk.flush(in_time),
        };
        worked |= done.is_ok();
    }
    worked
}

fn entropy(mut script: Script<'_>) -> bool {
    let (device, transport) = FakeDevice::new(DeviceType::EntropySource, script.byte() % 2 == 1, &[]);
    let Ok(mut source) = VirtioEntropy::new(transport) else { return false };
    let script = RefCell::new(script);
    let held = RefCell::new(vec![]);
    let in_time = || {
        let mut script = script.borrow_mut();
        misbehave(&device, 0, &mut script, &mut held.borrow_mut());
        !script.0.is_empty()
    };
    let mut bytes = [0; 16];
    let mut worked = false;
    while !script.borrow().0.is_empty() {
        let before = script.borrow().0.len();
        worked |= source.fill(&mut bytes, in_time).is_ok();
        if script.borrow().0.len() == before {
            break; // it asks no more
        }
    }
    worked
}

/// Honest devices, and ones that lie about numbers and lengths.
pub fn seeds() -> Vec<Vec<u8>> {
    vec![
        vec![
            0, 0, 0, 0, 0, 26, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
            13, 14, 2, 3, 2, 9, 9, 1, 2, 0, 0,
        ],
        vec![0, 0, 0, 3, 0, 12, 8, 0, 0, 2, 0, 4, 255, 255, 0, 0, 100, 0, 0, 0, 2],
        vec![0, 1, 0, 5, 2, 0, 255, 2, 1, 5, 3, 0, 255, 3, 1, 7],
        vec![1, 0, 0, 2, 7, 0, 1, 2, 7, 0, 2, 2, 0, 0],
        vec![1, 0, 0, 2, 7, 1, 1, 3, 0, 1, 2, 0, 0, 2],
        vec![2, 0, 0, 0, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        vec![2, 0, 4, 1, 0, 0, 0, 255, 255, 255, 255],
    ]
}
