// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a device says and hears, for tests of this crate and of others.
#![allow(clippy::unwrap_used)] // a socket that fails is the test's end

use std::io::{Read, Write};
use std::net::TcpStream;

use cofferdam_device_protocol::ACTUATOR_COUNT;
use cofferdam_device_protocol::actuator::Output;
use cofferdam_device_protocol::outputs::Moving;
use cofferdam_plant_link::{Event, Link};

/// Motors that do this, held by `holder`; all else is at rest.
pub fn outputs(motors: [f64; 4], holder: Option<u8>) -> [Output; ACTUATOR_COUNT] {
    let mut outputs = [Output::AT_REST; ACTUATOR_COUNT];
    for (output, value) in outputs.iter_mut().zip(motors) {
        *output = Output { value, holder };
    }
    outputs
}

/// The device's own side of the link, over a socket, until that ends. All outputs do the same, and ticks are told while its clock
/// is before `until_us`.
///
/// # Panics
/// If the link cannot say what it should, or the socket fails.
pub fn device(mut socket: TcpStream, output: Output, until_us: u64) -> (Vec<Event>, Link) {
    let (mut link, mut events, mut now_us) = (Link::new(), Vec::new(), 0);
    let mut buffer = [0; 512];
    let Output { value, holder } = output;
    let still = Moving { value, holder, target: value, per_second: 0.0 };
    while let Ok(count @ 1..) = socket.read(&mut buffer) {
        let mut bytes = buffer.get(..count).unwrap_or_default();
        while let Some(event) = link.hear(&mut bytes, now_us) {
            events.push(event);
            if let Event::Attached { .. } = event {
                socket.write_all(link.welcome().unwrap().bytes()).unwrap();
                now_us += 2_000;
            }
            if matches!(event, Event::Attached { .. } | Event::Sample(_)) && now_us < until_us {
                socket.write_all(link.tick(now_us, &[still; ACTUATOR_COUNT]).unwrap().bytes()).unwrap();
                now_us += 1_000;
            }
        }
    }
    (events, link)
}
