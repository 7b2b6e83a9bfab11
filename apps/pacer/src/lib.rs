// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Publishes a speed, twenty times a second, for whoever keeps it: `chaser`. The speed goes up and down between 5 and
//! 15 m/s, half a metre a second each second.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![forbid(unsafe_code)]

use cofferdam_app::{ErrorCode, Reactor, log, topic, warn};

const TOPIC: &str = "target-speed";
/// Ticks of 50 ms from 5 to 15 m/s, which take 20 s.
const HALF_TICKS: u32 = 400;

struct Pacer {
    ticks: u32,
    failure: Option<ErrorCode>,
}

cofferdam_app::reactor!(Pacer);

impl Reactor for Pacer {
    fn init() -> Self {
        log!("publishing {TOPIC}");
        Self { ticks: 0, failure: None }
    }

    fn tick(&mut self, _now_us: u64) {
        let failure = topic::publish_values(TOPIC, &[speed(self.ticks)]).err();
        if let Some(failure) = failure.filter(|_| failure != self.failure) {
            warn!("cannot publish {TOPIC}: {failure}");
        }
        self.failure = failure;
        self.ticks = (self.ticks + 1) % (2 * HALF_TICKS);
    }
}

fn speed(ticks: u32) -> f64 {
    let up = ticks.min(2 * HALF_TICKS - ticks.min(2 * HALF_TICKS));
    5.0 + 10.0 * f64::from(up) / f64::from(HALF_TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_goes_up_and_down() {
        assert_eq!([0, 200, 400, 600].map(speed), [5.0, 10.0, 15.0, 10.0]);
        for ticks in 0..2 * HALF_TICKS {
            assert!((speed(ticks + 1) - speed(ticks)).abs() < 0.026, "{ticks}");
        }
    }
}
