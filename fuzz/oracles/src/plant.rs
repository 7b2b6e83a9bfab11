// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A simulator of the vehicle that says anything, and the page by which `plant_link` shows samples to `sensor_hub`. The first byte
//! says which; a script of bytes, frames and time follows, or a page.

use cofferdam_device_protocol::ACTUATOR_COUNT;
use cofferdam_device_protocol::outputs::Moving;
use cofferdam_plant_link::{Event, Link};
use cofferdam_plant_protocol::samples::{self, Sample};
use cofferdam_plant_protocol::{Deframer, Frame, Hello, Message, Mode, STALE_US, Samples, Sensors, check};
use cofferdam_shared_memory::SharedRegion;

use crate::script::Script;

const OUTPUTS: [Moving; ACTUATOR_COUNT] =
    [Moving { value: 0.5, holder: None, target: 0.6, per_second: 20.0 }; ACTUATOR_COUNT];

thread_local! {
    static MEMORY: SharedRegion = SharedRegion::leaked(4096);
}

/// Samples are such as sensors show, of a tick that was told, in order; what the device says is frames; a page gives a fresh, checked
/// sample or none.
pub fn run(input: &[u8]) -> bool {
    let mut script = Script(input);
    if script.byte() % 4 == 3 {
        return page(script.0);
    }
    let (mut link, mut now_us, mut last_us, mut sampled) = (Link::new(), 0u64, None, false);
    while let Some(step) = script.step() {
        let frame = match step % 8 {
            0 => Some(Frame::new(&Message::Hello(Hello { mode: Mode::Lockstep }))),
            1 => Some(Frame::new(&Message::Hello(Hello { mode: Mode::Free }))),
            // For the tick that it is, with one value changed.
            2 | 3 => {
                let mut samples = shown();
                let (place, bits) = (usize::from(script.byte()), script.u64());
                if step % 8 == 3 {
                    samples.as_flattened_mut()[place % 36] = f64::from_bits(bits);
                }
                Some(Frame::new(&Message::Sensors(Sensors { tick: now_us / 1000, samples })))
            }
            _ => None,
        };
        let mut bytes = match (&frame, step % 8) {
            (Some(frame), _) => frame.bytes(),
            (None, 4) => script.piece(),
            _ => &[],
        };
        match step % 8 {
            5 => now_us += u64::from(script.u16()),
            6 => now_us += 1000,
            _ => {}
        }
        while let Some(event) = link.hear(&mut bytes, now_us) {
            match event {
                Event::Sample(Sample { time_us, samples }) => {
                    assert!(check(&samples).is_ok(), "what no sensor shows");
                    assert!(time_us <= now_us && last_us.is_none_or(|last| time_us > last), "out of order");
                    (last_us, sampled) = (Some(time_us), true);
                }
                Event::Attached { .. } => {
                    last_us = None;
                    assert!(link.welcome().is_some());
                }
                Event::Detached(_) => assert!(!link.is_attached()),
                Event::Complaint(_) => {}
            }
        }
        if let Some(told) = link.tick(now_us, &OUTPUTS) {
            let message = Deframer::new().next(&mut told.bytes()).expect("whole").expect("a frame");
            assert!(matches!(message, Message::Outputs(_)));
        }
        if link.miss(now_us).is_some() {
            assert!(!link.is_attached());
        }
    }
    sampled
}

/// The time to read a page at stands in front of it.
fn page(input: &[u8]) -> bool {
    let region = MEMORY.with(|memory| *memory);
    region.clear(0, 4096).unwrap();
    let mut script = Script(input);
    let now_us = script.u64();
    let page = script.0.get(..4096).unwrap_or(script.0);
    region.copy_in(0, page).unwrap();
    let mut sample = Sample::EMPTY;
    if samples::read(&region, now_us, &mut sample).is_err() {
        assert_eq!(sample, Sample::EMPTY, "an error left something");
        return false;
    }
    assert!(check(&sample.samples).is_ok(), "what no sensor shows");
    assert!(sample.time_us <= now_us && now_us - sample.time_us <= STALE_US, "not fresh");
    true
}

fn shown() -> Samples {
    let mut samples = [[0.0; 6]; 6];
    samples[1][0] = 101_325.0;
    samples
}

/// A session, and a page.
pub fn seeds() -> Vec<Vec<u8>> {
    let region = SharedRegion::leaked(4096);
    let mut writer = samples::Writer::new(region).unwrap();
    writer.publish(&Sample { time_us: 7, samples: shown() }).unwrap();
    let mut page = vec![0; size_of::<samples::Layout>()];
    region.copy_out(0, &mut page).unwrap();
    let sample = [&[6, 2, 0][..], &[0; 8]].concat();
    let session = [&[0, 0, 6, 6][..], &sample, &sample, &[6, 3, 1], &2.5f64.to_le_bytes(), &[5, 255, 255, 6]];
    let bye = Frame::new(&Message::Bye);
    vec![
        session.concat(),
        [&[0, 1, 6, 6, 4, bye.bytes().len() as u8], bye.bytes()].concat(),
        [&[3], &9u64.to_le_bytes()[..], &page].concat(),
    ]
}
