// SPDX-License-Identifier: Apache-2.0 OR MIT
extern crate std;

use std::vec::Vec;

use cofferdam_device_protocol::outputs::Moving;
use cofferdam_device_protocol::{ACTUATOR_COUNT, SENSOR_COUNT, VALUES_MAX};
use cofferdam_plant_protocol::samples::{ReadError, Sample};
use cofferdam_plant_protocol::{
    Deframer, Frame, FrameError, Hello, Message, Mode, STALE_US, Samples, Sensors, TICK_US, Welcome,
};
use proptest::prelude::*;

use super::*;

const STILL: Moving = Moving { value: 0.25, holder: Some(1), target: 0.25, per_second: 0.0 };
const OUTPUTS: [Moving; ACTUATOR_COUNT] = [STILL; ACTUATOR_COUNT];

fn shown() -> Samples {
    let mut samples = [[0.0; VALUES_MAX]; SENSOR_COUNT];
    samples[1][0] = 101_325.0;
    samples
}

fn hear(link: &mut Link, message: &Message, now_us: u64) -> Vec<Event> {
    let frame = Frame::new(message);
    let mut bytes = frame.bytes();
    core::iter::from_fn(|| link.hear(&mut bytes, now_us)).collect()
}

fn said(frame: Option<Frame>) -> Option<Message> {
    Some(Deframer::new().next(&mut frame?.bytes())?.unwrap())
}

fn attached(mode: Mode, now_us: u64) -> Link {
    let mut link = Link::new();
    let events = hear(&mut link, &Message::Hello(Hello { mode }), now_us);
    assert_eq!(events, [Event::Attached { mode, first_tick: now_us / TICK_US + 2 }]);
    link
}

fn answer(tick: u64) -> Message {
    Message::Sensors(Sensors { tick, samples: shown() })
}

#[test]
fn a_link_from_hello_to_bye() {
    let mut link = attached(Mode::Lockstep, 10_400);
    assert_eq!(said(link.welcome()), Some(Message::Welcome(Welcome { first_tick: 12 })));
    assert_eq!(link.tick(11_000, &OUTPUTS), None, "not yet");
    assert!(!link.awaits());
    let Some(Message::Outputs(told)) = said(link.tick(12_003, &OUTPUTS)) else { panic!("it is time") };
    assert_eq!((told.tick, told.late, told.outputs[3].value, told.outputs[3].holder), (12, 0, 0.25, Some(1)));
    assert_eq!(link.tick(12_900, &OUTPUTS), None, "once a tick");
    assert!(link.awaits());
    let sample = Sample { time_us: 12_000, samples: shown() };
    assert_eq!(hear(&mut link, &answer(12), 12_004), [Event::Sample(sample)]);
    assert!(!link.awaits());
    assert_eq!(hear(&mut link, &Message::Bye, 12_005), [Event::Detached(Why::Bye)]);
    assert!(!link.is_attached() && link.welcome().is_none() && link.tick(13_000, &OUTPUTS).is_none());
}

#[test]
fn what_was_not_asked_or_makes_no_sense_changes_nothing() {
    let mut link = Link::new();
    let unasked = |tick| [Event::Complaint(Complaint::Unasked { tick })];
    assert_eq!(hear(&mut link, &answer(1), 0), unasked(1));
    let mut link = attached(Mode::Lockstep, 0);
    assert_eq!(hear(&mut link, &answer(2), 1_000), unasked(2), "not told yet");
    link.tick(2_000, &OUTPUTS);
    for tick in [0, 1, 3, u64::MAX] {
        assert_eq!(hear(&mut link, &answer(tick), 2_000), unasked(tick));
    }
    let mut samples = shown();
    samples[0][0] = f64::NAN;
    let events = hear(&mut link, &Message::Sensors(Sensors { tick: 2, samples }), 2_000);
    assert!(matches!(events[..], [Event::Complaint(Complaint::Bad(_))]), "{events:?}");
    let events = hear(&mut link, &Message::Welcome(Welcome { first_tick: 1 }), 2_000);
    assert_eq!(events, [Event::Complaint(Complaint::Unexpected)]);
    assert_eq!(
        link.hear(&mut &b"nonsense"[..], 2_000),
        Some(Event::Complaint(Complaint::Frame(FrameError::NoFrame { bytes: 1 })))
    );
    assert!(link.awaits(), "all the same");
    link.lose();
    let mut link = attached(Mode::Lockstep, 0);
    link.tick(2_000, &OUTPUTS);
    assert!(matches!(hear(&mut link, &answer(2), 2_000)[..], [Event::Sample(_)]));
    assert_eq!(hear(&mut link, &answer(2), 2_000), unasked(2), "answered already");
}

#[test]
fn a_silent_simulator_is_none() {
    for mode in [Mode::Lockstep, Mode::Free] {
        let mut link = attached(mode, 5_000);
        assert_eq!(link.miss(5_000 + STALE_US), None);
        link.tick(7_000, &OUTPUTS);
        hear(&mut link, &answer(7), 7_500);
        assert_eq!(link.miss(7_500 + STALE_US), None);
        // Nonsense is no word.
        link.tick(8_000, &OUTPUTS);
        hear(&mut link, &answer(70), 7_501 + STALE_US);
        assert_eq!(link.miss(7_501 + STALE_US), Some(Event::Detached(Why::Silent)));
        assert_eq!(link.miss(u64::MAX), None, "said once");
        assert!(!link.is_attached());
    }
}

#[test]
fn late_ticks_are_counted_and_told() {
    let late = |link: &mut Link, now_us| match said(link.tick(now_us, &OUTPUTS)) {
        Some(Message::Outputs(outputs)) => outputs.late,
        other => panic!("{other:?}"),
    };
    let mut link = attached(Mode::Lockstep, 0);
    assert_eq!(late(&mut link, 2_000), 0);
    assert_eq!(late(&mut link, 3_000), 1, "nobody answered the second");
    hear(&mut link, &answer(3), 3_001);
    assert_eq!(late(&mut link, 4_000), 1);
    hear(&mut link, &answer(4), 4_001);
    assert_eq!(late(&mut link, 7_999), 3, "the fifth and sixth were not told");
    let mut link = attached(Mode::Free, 0);
    late(&mut link, 2_000);
    assert_eq!(late(&mut link, 3_000), 0, "nobody waits");
    assert!(!link.awaits());
}

#[test]
fn a_second_hello_begins_anew() {
    let mut link = attached(Mode::Lockstep, 0);
    link.tick(2_000, &OUTPUTS);
    let mode = Mode::Free;
    let events = hear(&mut link, &Message::Hello(Hello { mode }), 3_000);
    assert_eq!(events, [Event::Attached { mode, first_tick: 5 }]);
    assert_eq!(
        hear(&mut link, &answer(2), 3_000),
        [Event::Complaint(Complaint::Unasked { tick: 2 })],
        "of the one before"
    );
    assert_eq!(link.tick(4_000, &OUTPUTS), None);
}

#[test]
fn the_hub_falls_back_and_says_so_once() {
    let mut source = Source::new();
    let sample = Sample { time_us: 1, samples: shown() };
    let says = |to: &mut Sample| {
        *to = sample;
        Ok(())
    };
    let stale = ReadError::Stale { time_us: 1 };
    assert_eq!(source.choose(|_| Err(ReadError::Detached)), None, "as it begins");
    assert_eq!(source.choose(says), Some(Change::Simulator));
    assert_eq!(source.choose(says), None);
    assert_eq!(source.choose(|_| Err(ReadError::Busy)), None);
    assert_eq!(source.sample(), Some(&sample), "the one before still counts");
    assert_eq!(source.choose(|_| Err(stale)), Some(Change::Own(stale)));
    assert_eq!((source.choose(|_| Err(stale)), source.sample()), (None, None));
    assert_eq!(source.choose(says), Some(Change::Simulator));
}

proptest! {
    /// The latch is never faster than the output may be, and is where it is as soon as that rests.
    #[test]
    fn the_latch_follows_within_the_envelope(
        targets in proptest::collection::vec((0.0..=1.0f64, prop_oneof![0.5..200.0f64], 1u64..50), 1..20),
    ) {
        let mut latch = Latch::new();
        let mut value = latch.step(&OUTPUTS)[0].value;
        for (target, per_second, ticks) in targets {
            let moving = [Moving { value, holder: None, target, per_second }; ACTUATOR_COUNT];
            for _ in 0..ticks {
                let next = latch.step(&moving)[0].value;
                prop_assert!((next - value).abs() <= per_second / 1e3 + 1e-12);
                prop_assert!((value.min(target)..=value.max(target)).contains(&next));
                value = next;
            }
            for _ in 0..2_001 {
                value = latch.step(&moving)[0].value;
            }
            prop_assert_eq!(value, target, "whatever rounding did on the way");
        }
        let at_once = [Moving { value: 0.7, holder: None, target: 0.7, per_second: 0.0 }; ACTUATOR_COUNT];
        prop_assert_eq!(latch.step(&at_once)[8].value, 0.7);
    }

    /// Whatever a simulator sends and whenever: no panic, no sample but checked ones, in order.
    #[test]
    fn any_simulator_is_survived(
        steps in proptest::collection::vec((any::<u8>(), any::<u64>(), any::<u64>(), 0u64..3_000), 0..200),
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut link = Link::new();
        let (mut now_us, mut last_us) = (0u64, None);
        for (what, number, bits, wait_us) in steps {
            now_us += wait_us;
            let tick = if what % 2 == 0 { now_us / TICK_US } else { number };
            let mut samples = shown();
            samples[0][usize::from(what) % 6] = f64::from_bits(bits);
            let events = match what % 8 {
                0 => hear(&mut link, &Message::Hello(Hello { mode: Mode::Lockstep }), now_us),
                1 => hear(&mut link, &Message::Bye, now_us),
                2 | 3 => hear(&mut link, &Message::Sensors(Sensors { tick, samples }), now_us),
                4 => hear(&mut link, &answer(tick), now_us),
                5 => link.hear(&mut bytes.as_slice(), now_us).into_iter().collect(),
                6 => link.miss(now_us).into_iter().collect(),
                _ => {
                    link.tick(now_us, &OUTPUTS);
                    Vec::new()
                }
            };
            for event in events {
                match event {
                    Event::Sample(sample) => {
                        prop_assert!(cofferdam_plant_protocol::check(&sample.samples).is_ok());
                        prop_assert!(sample.time_us <= now_us && last_us.is_none_or(|last| sample.time_us > last));
                        last_us = Some(sample.time_us);
                    }
                    Event::Attached { .. } => last_us = None,
                    _ => {}
                }
            }
        }
    }
}
