// SPDX-License-Identifier: Apache-2.0 OR MIT
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use cofferdam_device_protocol::{SENSOR_COUNT, VALUES_MAX};
use cofferdam_plant_link::{Event, Why};
use cofferdam_plants::{GRAVITY, Scenario};
use cofferdam_simulator::{Begin, Flight, Setup, testing};
use hover::{HoverControl, Inputs, Wanted};
use mavlink::dialects::common::HIL_ACTUATOR_CONTROLS_DATA;

use super::*;
use crate::outside::{OutsideError, OutsidePlant};
use crate::place::Home;
use crate::truth::Truth;

/// For words of threads of this program, on a busy host.
const LIMIT: Duration = Duration::from_secs(60);
const MOTOR: usize = 0;

fn options() -> Options {
    Options { mode: Mode::Lockstep, position: Position::Gps, heading: None, patience: LIMIT }
}

fn home() -> Home {
    Home::new(47.4, 8.5, 488.0, 2.0).unwrap()
}

fn told(tick: u64, motors: [f64; 4], holder: Option<u8>) -> Outputs {
    Outputs { tick, late: 0, outputs: testing::outputs(motors, holder) }
}

type Flown = JoinHandle<Result<Flight, OutsideError>>;

/// Our quadrotor behind a socket, with steps of so many milliseconds.
fn outside(scenario: &str, step_ticks: u64) -> (SocketAddr, Flown) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let scenario = Scenario::find("quad", Some(scenario)).unwrap();
    let setup = Setup { scenario, seed: 1, begin: Begin::WhenHeld(MOTOR) };
    let plant = OutsidePlant::new(setup, home(), step_ticks);
    (address, thread::spawn(move || plant.serve(listener.accept().unwrap().0, LIMIT)))
}

/// `hover`'s control law, 250 times a second, from what sensors show.
struct Pilot(HoverControl, [f64; 4]);

impl Pilot {
    fn fly(&mut self, tick: u64, samples: &Samples) -> [f64; 4] {
        if tick.is_multiple_of(4) {
            let [imu, [pressure, ..], _, [battery, ..], [.., vx, vy, _], _] = *samples;
            let inputs = Inputs {
                accel: [imu[0], imu[1], imu[2]],
                gyro: [imu[3], imu[4], imu[5]],
                pressure,
                velocity: Some([vx, vy]),
                battery,
            };
            self.1 = self.0.step(&inputs, &Wanted::HOLD, 0.004).expect("only numbers");
        }
        self.1
    }
}

/// Only MAVLink between controller and plant; the bounds are those of the scenario.
#[test]
fn an_outside_simulator_is_flown_within_bounds() {
    for (scenario, step_ticks, position) in
        [("calm", 4, Position::Gps), ("calm", 1, Position::State), ("hover", 4, Position::Gps)]
    {
        let (address, flown) = outside(scenario, step_ticks);
        let mut bridge = Bridge::meet(address, Options { position, ..options() }).unwrap();
        let mut pilot = Pilot(HoverControl::new(), [0.0; 4]);
        let mut motors = [0.0; 4];
        for tick in 7.. {
            match bridge.tick(&told(tick, motors, (tick > 100).then_some(0))) {
                Ok(samples) => motors = pilot.fly(tick, &samples),
                Err(BridgeError::Peer(PeerError::Gone)) => break,
                Err(error) => panic!("{error}"),
            }
        }
        let flight = flown.join().unwrap().unwrap();
        for measure in flight.judge() {
            println!("{scenario}, steps of {step_ticks} ms, {position:?}: {measure}");
            assert!(measure.is_kept(), "{measure}");
        }
    }
}

/// What a level vehicle at rest shows, with a mark along x.
fn shown(mark: f64) -> Samples {
    let mut samples = [[0.0; VALUES_MAX]; SENSOR_COUNT];
    samples[0][..3].copy_from_slice(&[mark, 0.0, GRAVITY]);
    samples[1][..2].copy_from_slice(&[101_325.0, 15.0]);
    samples
}

/// Everything once, at this time.
fn everything(time_us: u64) -> Vec<MavMessage> {
    let rest = Truth {
        position: glam::DVec3::ZERO,
        velocity: glam::DVec3::ZERO,
        attitude: glam::DQuat::IDENTITY,
        rates: glam::DVec3::ZERO,
    };
    vec![
        MavMessage::HIL_STATE_QUATERNION(signals::state(time_us, &home(), &rest)),
        MavMessage::HIL_GPS(signals::gps(time_us, &home(), &shown(0.0))),
        MavMessage::HIL_SENSOR(signals::sensor(time_us, &shown(0.0))),
    ]
}

/// A simulator that says what `script` makes of what it hears, until that is nothing.
fn scripted(
    mut script: impl FnMut(Option<HIL_ACTUATOR_CONTROLS_DATA>) -> Vec<MavMessage> + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut peer = Peer::new(listener.accept().unwrap().0, Speaker::SIMULATOR).unwrap();
        let mut heard = None;
        loop {
            let words = script(heard.take());
            if words.is_empty() {
                return;
            }
            for word in words {
                peer.say(&word).unwrap();
            }
            while heard.is_none() {
                match peer.hear(LIMIT) {
                    Ok(Some(MavMessage::HIL_ACTUATOR_CONTROLS(told))) => heard = Some(told),
                    Ok(Some(_)) => {}
                    _ => return,
                }
            }
        }
    });
    address
}

#[test]
fn a_step_is_shown_from_its_tick_on_and_moved_by_its_outputs() {
    let (sender, heard) = std::sync::mpsc::channel();
    let mut step = 0u64;
    let address = scripted(move |told| {
        if let Some(told) = told {
            sender.send((told.time_usec, told.controls[2])).unwrap();
        }
        // From some time on that is not zero, in steps of 4 ms.
        let mut words = everything(50_000 + 4_000 * step);
        words.pop();
        let sensor = signals::sensor(50_000 + 4_000 * step, &shown(step as f64));
        words.push(MavMessage::HIL_SENSOR(sensor));
        step += 1;
        words
    });
    let mut bridge = Bridge::meet(address, options()).unwrap();
    for tick in 0..40u64 {
        let value = tick as f64 / 64.0;
        let samples = bridge.tick(&told(1_000 + tick, [value; 4], Some(0))).unwrap();
        assert_eq!(samples[0][0], (tick / 4) as f64, "tick {tick}");
    }
    for step in 0..9u64 {
        let (time_us, control) = heard.recv_timeout(LIMIT).unwrap();
        assert_eq!((time_us, control), (50_000 + 4_000 * step, (4 * step) as f32 / 64.0));
    }
    // Ticks that were left out are caught up with.
    let samples = bridge.tick(&told(1_083, [0.0; 4], None)).unwrap();
    assert_eq!(samples[0][0], 20.0);
}

#[test]
fn nobody_silence_and_nonsense_are_errors() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(Bridge::meet(unused, options()), Err(BridgeError::NoSimulator(..))));

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let hasty = Options { patience: Duration::from_millis(20), ..options() };
    let outcome = Bridge::meet(silent.local_addr().unwrap(), hasty);
    assert!(matches!(outcome, Err(BridgeError::Silent(_))));

    let mut steps = 0;
    let without_gps = scripted(move |_| {
        steps += 1;
        vec![MavMessage::HIL_SENSOR(signals::sensor(steps * 1_000, &shown(0.0)))]
    });
    let outcome = Bridge::meet(without_gps, Options { heading: Some(0.0), ..options() });
    assert!(matches!(outcome, Err(BridgeError::Missing(what)) if what.contains("HIL_GPS")));

    for (wrong, refusal) in [
        (signals::sensor(5, &shown(f64::NAN)), Refusal::NotANumber("HIL_SENSOR")),
        (signals::sensor(4, &shown(0.0)), Refusal::TimeGoesBack { from_us: 5, to_us: 4 }),
        (signals::sensor(2_000_005, &shown(0.0)), Refusal::TimeLeaps(2_000_000)),
    ] {
        let address = scripted(move |told| match told {
            None => everything(5),
            Some(_) => vec![MavMessage::HIL_SENSOR(wrong.clone())],
        });
        let mut bridge = Bridge::meet(address, options()).unwrap();
        bridge.tick(&told(0, [0.0; 4], None)).unwrap();
        match bridge.tick(&told(1, [0.0; 4], None)) {
            Err(BridgeError::Refused(refused)) => assert_eq!(refused, refusal),
            other => panic!("{other:?}"),
        }
    }
}

/// By the host's clock the last word counts, however many there were, and however long ago within the patience.
#[test]
fn without_lockstep_the_last_word_is_shown() {
    let mut step = 0u64;
    let address = scripted(move |told| {
        step += 1;
        match told {
            None => everything(1_000),
            Some(_) => (0..3)
                .map(|part| {
                    let time_us = 1_000 * (3 * step + part);
                    MavMessage::HIL_SENSOR(signals::sensor(time_us, &shown(time_us as f64 / 1e3)))
                })
                .collect(),
        }
    });
    let mut bridge = Bridge::meet(address, Options { mode: Mode::Free, ..options() }).unwrap();
    bridge.tell(0, &told(0, [0.0; 4], None).outputs).unwrap();
    let (mut last, mut tick) = (0.0, 0);
    let deadline = Instant::now() + LIMIT;
    while last < 60.0 {
        let samples = bridge.tick(&told(tick, [0.0; 4], None)).unwrap();
        assert!(samples[0][0] >= last);
        (last, tick) = (samples[0][0], tick + 1);
        assert!(Instant::now() < deadline, "nothing new comes");
    }
}

#[test]
fn a_device_is_told_when_its_simulator_goes() {
    let mut step = 0u64;
    let address = scripted(move |_| {
        step += 1;
        if step > 100 { Vec::new() } else { everything(step * 1_000) }
    });
    let bridge = Bridge::meet(address, options()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = DeviceLink::open(listener.local_addr().unwrap(), Mode::Lockstep).unwrap();
    let device =
        thread::spawn(move || testing::device(listener.accept().unwrap().0, Output::AT_REST, u64::MAX));
    let mut ticks = 0;
    let steps = bridge.serve(link, |_| ticks += 1).unwrap();
    let (events, _) = device.join().unwrap();
    // Whether the last step could still be answered is chance.
    assert!(steps == ticks && (99..=100).contains(&steps), "{steps} steps, {ticks} ticks");
    assert_eq!(events.len() as u64, ticks + 2, "hello, samples, goodbye");
    assert_eq!(events.last(), Some(&Event::Detached(Why::Bye)));
}
