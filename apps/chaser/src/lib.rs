// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Follows the speed that `pacer` publishes: the receiving half of a topic.
//!
//! A topic keeps its latest message, so whoever receives looks at its age: after `STALE_US` without a new one this app
//! slows down to a stand by itself. It moves nothing; a real one would hold the brake as `downhill` does.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![forbid(unsafe_code)]

use cofferdam_app::{Decimal, ErrorCode, Reactor, log, topic, warn};

const TOPIC: &str = "target-speed";
/// Six messages of pacer.
const STALE_US: u64 = 300_000;
/// As in cofferdam.toml.
const TICKS_PER_SECOND: u32 = 100;
/// Most change of speed in one tick, m/s: 2 m/s² at 100 Hz.
const STEP: f64 = 0.02;

/// What there is to follow.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    Speed(f64),
    Stale,
    None(ErrorCode),
}

struct Chaser {
    speed: f64,
    ticks: u32,
    following: bool,
}

cofferdam_app::reactor!(Chaser);

impl Reactor for Chaser {
    fn init() -> Self {
        Self { speed: 0.0, ticks: 0, following: false }
    }

    fn tick(&mut self, now_us: u64) {
        let (target, sequence, age_us) = match topic::receive(TOPIC) {
            Ok(message) => {
                let age_us = message.age_us(now_us);
                (judge(message.value(0), age_us), message.sequence, age_us)
            }
            Err(error) => (Target::None(error), 0, 0),
        };
        match target {
            Target::Speed(_) => {}
            Target::Stale if self.following => warn!("{TOPIC} is {age_us} us old: slowing down"),
            Target::None(error) if self.following => warn!("no {TOPIC}: {error}"),
            Target::Stale | Target::None(_) => {}
        }
        let follows = matches!(target, Target::Speed(_));
        if follows && !self.following {
            log!("following {TOPIC} from message {sequence} on");
        }
        self.following = follows;
        self.speed = step(self.speed, target);
        self.ticks = (self.ticks + 1) % TICKS_PER_SECOND;
        if self.ticks == 0 {
            log!("speed {} m/s, message {sequence}", Decimal(self.speed, 2));
        }
    }
}

fn judge(value: f64, age_us: u64) -> Target {
    if age_us > STALE_US || !value.is_finite() { Target::Stale } else { Target::Speed(value) }
}

fn step(speed: f64, target: Target) -> f64 {
    let target = match target {
        Target::Speed(target) => target,
        Target::Stale | Target::None(_) => 0.0,
    };
    speed + (target - speed).clamp(-STEP, STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_what_is_fresh_and_stands_without() {
        let mut speed = 0.0;
        for _ in 0..600 {
            speed = step(speed, judge(10.0, STALE_US));
        }
        assert!((speed - 10.0).abs() < 1e-9, "{speed}");
        for target in [judge(10.0, STALE_US + 1), judge(f64::NAN, 0), Target::None(ErrorCode::NotReady)] {
            let mut slowing = speed;
            for _ in 0..600 {
                slowing = step(slowing, target);
            }
            assert_eq!(slowing, 0.0, "{target:?}");
        }
    }
}
