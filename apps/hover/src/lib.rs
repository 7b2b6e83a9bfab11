// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Flies a quadrotor: 250 times a second it reads rates, accelerations, pressure and velocity, and sets four motors.
//!
//! What it is to do comes through a topic (`waypoint` says it); while nothing comes it holds two metres, where it is, and if no
//! more comes it stays where it is at the height that was said last.
//!
//! In each tick it tells, through a topic, what a version of it that is swapped in needs to go on from there ([`succession`]).
//!
//! It holds the motors by leases that it renews; if this app stops, they run out and the device puts the motors where that
//! is safe.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![forbid(unsafe_code)]

mod control;
mod estimate;
pub mod succession;

use cofferdam_app::{
    Actuator, Decimal, ErrorCode, Failures, Held, Reactor, Sensor, log, sensor, topic, warn,
};

pub use crate::control::{HoverControl, Wanted};
pub use crate::estimate::{Estimate, Inputs};
use crate::succession::State;

/// As in cofferdam.toml.
const TICKS_PER_SECOND: u32 = 250;
const PERIOD_US: u64 = 4_000;
/// A step of time that is longer was no tick of ours: it stood still in between.
const STEP_MAX_US: u64 = 10 * PERIOD_US;
/// How long the motors stay as they are when this app says nothing more.
const LEASE_US: u64 = 100_000;
/// A velocity older than this is not flown by.
const VELOCITY_MAX_AGE_US: u64 = 200_000;
const MOTORS: [Actuator; 4] = [Actuator::Motor0, Actuator::Motor1, Actuator::Motor2, Actuator::Motor3];
/// What to do: velocity over ground in x and y, m/s, and height, m.
const TOPIC: &str = "setpoint";
/// What was said longer ago is no velocity to go on with.
const SAID_MAX_AGE_US: u64 = 300_000;
/// What is asked for goes no further than this: m/s, m.
const VELOCITY_MAX: f64 = 3.0;
const HEIGHT_MAX: f64 = 20.0;

struct Hover {
    control: HoverControl,
    wanted: Wanted,
    motors: Held<4>,
    last_us: Option<u64>,
    ticks: u32,
    failures: Failures,
}

cofferdam_app::reactor!(Hover);

impl Reactor for Hover {
    fn init() -> Self {
        Self {
            control: HoverControl::new(),
            wanted: Wanted::HOLD,
            motors: Held::new(MOTORS, LEASE_US),
            last_us: None,
            ticks: 0,
            failures: Failures::new(),
        }
    }

    fn tick(&mut self, now_us: u64) {
        let outcome = self.fly(now_us);
        if let Some(failure) = self.failures.news(outcome) {
            warn!("cannot fly: {failure}");
        }
        self.ticks = (self.ticks + 1) % TICKS_PER_SECOND;
    }
}

impl Hover {
    fn listen(&mut self, now_us: u64) {
        self.wanted = match topic::receive(TOPIC) {
            Ok(said) => {
                let values = [said.value(0), said.value(1), said.value(2)];
                heard(self.wanted, values, said.age_us(now_us))
            }
            // Nobody has said anything, or nobody may.
            Err(_) => self.wanted,
        };
    }

    /// Goes on from where a predecessor is, if there is one that flies.
    fn succeed(&mut self, now_us: u64) {
        let Ok(said) = topic::receive(succession::TOPIC) else { return };
        let state = State::from_values(core::array::from_fn(|index| said.value(index)));
        let Some(state) = state.filter(|_| said.age_us(now_us) <= succession::AGE_MAX_US) else { return };
        self.control = HoverControl::resume(&state);
        self.wanted = state.wanted();
        // When the tick began in which it was said: it may be this one, which has passed then.
        self.last_us = Some(said.time_us - said.time_us % PERIOD_US);
        log!("goes on at height {} m", Decimal(state.known.height, 2));
    }

    fn fly(&mut self, now_us: u64) -> Result<(), ErrorCode> {
        let inputs = read(now_us)?;
        if self.last_us.is_none() {
            self.succeed(now_us);
        }
        let since_us = now_us.saturating_sub(self.last_us.unwrap_or(now_us.saturating_sub(PERIOD_US)));
        self.last_us = Some(now_us);
        let step_s = since_us.min(STEP_MAX_US) as f64 / 1e6;
        self.listen(now_us);
        // Without numbers the motors stay as they are, and stop with their leases.
        let motors = self.control.step(&inputs, &self.wanted, step_s).ok_or(ErrorCode::DeviceFailure)?;
        self.motors.write(now_us, motors)?;
        if let Some(state) = self.control.state(&self.wanted) {
            topic::publish_values(succession::TOPIC, &state.values())?;
        }
        if self.ticks == 0
            && let Some(now) = self.control.estimate()
        {
            log!(
                "height {} m, climb {} m/s, motor {}",
                Decimal(now.height, 2),
                Decimal(now.climb, 2),
                Decimal(motors[0], 2)
            );
        }
        Ok(())
    }
}

/// What to do after a word of that age; one that makes no sense is none.
fn heard(before: Wanted, said: [f64; 3], age_us: u64) -> Wanted {
    let [x, y, height] = said;
    let fits = x.abs() <= VELOCITY_MAX && y.abs() <= VELOCITY_MAX && (0.0..=HEIGHT_MAX).contains(&height);
    match fits && age_us <= SAID_MAX_AGE_US {
        true => Wanted { velocity: [x, y], height },
        false => Wanted { velocity: [0.0; 2], ..before },
    }
}

fn read(now_us: u64) -> Result<Inputs, ErrorCode> {
    let imu = sensor::read(Sensor::Imu)?;
    let position = sensor::read(Sensor::Position)?;
    let fresh = now_us.saturating_sub(position.time_us) < VELOCITY_MAX_AGE_US;
    Ok(Inputs {
        accel: [imu.value(0), imu.value(1), imu.value(2)],
        gyro: [imu.value(3), imu.value(4), imu.value(5)],
        pressure: sensor::read(Sensor::Barometer)?.value(0),
        velocity: fresh.then(|| [position.value(3), position.value(4)]),
        battery: sensor::read(Sensor::Battery)?.value(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_while_it_is_fresh_and_makes_sense() {
        let wanted = |velocity, height| Wanted { velocity, height };
        assert_eq!(heard(Wanted::HOLD, [1.0, -1.0, 3.0], 0), wanted([1.0, -1.0], 3.0));
        assert_eq!(
            heard(wanted([1.0, 0.0], 3.0), [1.0, 0.0, 3.0], SAID_MAX_AGE_US + 1),
            wanted([0.0; 2], 3.0)
        );
        for said in
            [[9.0, 0.0, 2.0], [f64::NAN, 0.0, 2.0], [0.0, 0.0, -1.0], [0.0, 0.0, 1e9], [0.0, 0.0, f64::NAN]]
        {
            assert_eq!(heard(wanted([1.0, 0.0], 1.5), said, 0), wanted([0.0; 2], 1.5), "{said:?}");
        }
        assert_eq!(
            heard(wanted([0.0; 2], 0.0), [f64::NAN; 3], 0),
            wanted([0.0; 2], 0.0),
            "who lands goes on"
        );
    }
}
