// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Keeps braked wheels from locking: 250 times a second it reads wheels, deceleration and the brake pedal, passes the
//! pedal on to the brake, and releases each wheel that slips too much.
//!
//! It holds brake and valves by leases that it renews; if this app stops, they run out and the device puts each where it
//! is safe.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![forbid(unsafe_code)]

mod control;
mod speed;

use cofferdam_app::{Actuator, Decimal, ErrorCode, Failures, Held, Reactor, Sensor, log, sensor, warn};

use crate::control::{Commands, Inputs, SlipControl};

/// As in cofferdam.toml.
const TICKS_PER_SECOND: u32 = 250;
const PERIOD_US: u64 = 4_000;
/// A step of time that is longer was no tick of ours: it stood still in between.
const STEP_MAX_US: u64 = 10 * PERIOD_US;
/// How long outputs stay as they are when this app says nothing more.
const LEASE_US: u64 = 100_000;
const OUTPUTS: [Actuator; 5] = [
    Actuator::Brake,
    Actuator::BrakeRelease0,
    Actuator::BrakeRelease1,
    Actuator::BrakeRelease2,
    Actuator::BrakeRelease3,
];

struct Abs {
    control: SlipControl,
    outputs: Held<5>,
    last_us: Option<u64>,
    ticks: u32,
    failures: Failures,
}

cofferdam_app::reactor!(Abs);

impl Reactor for Abs {
    fn init() -> Self {
        Self {
            control: SlipControl::default(),
            outputs: Held::new(OUTPUTS, LEASE_US),
            last_us: None,
            ticks: 0,
            failures: Failures::new(),
        }
    }

    fn tick(&mut self, now_us: u64) {
        let outcome = self.brake(now_us);
        if let Some(failure) = self.failures.news(outcome) {
            warn!("cannot brake: {failure}");
        }
        self.ticks = (self.ticks + 1) % TICKS_PER_SECOND;
    }
}

impl Abs {
    fn brake(&mut self, now_us: u64) -> Result<(), ErrorCode> {
        let wheels = sensor::read(Sensor::WheelSpeed)?;
        let inputs = Inputs {
            wheels: [wheels.value(0), wheels.value(1), wheels.value(2), wheels.value(3)],
            accel: sensor::read(Sensor::Imu)?.value(0),
            demand: sensor::read(Sensor::Driver)?.value(0),
        };
        let since_us = now_us.saturating_sub(self.last_us.unwrap_or(now_us.saturating_sub(PERIOD_US)));
        self.last_us = Some(now_us);
        let step_us = since_us.clamp(1, STEP_MAX_US);
        let Commands { brake, releases: [a, b, c, d] } = self.control.step(&inputs, step_us as f64 / 1e6);
        self.outputs.write(now_us, [brake, a, b, c, d])?;
        if self.ticks == 0 {
            log!(
                "speed {} m/s, brake {}, front releases {} {}",
                Decimal(self.control.speed(), 1),
                Decimal(brake, 2),
                Decimal(a, 2),
                Decimal(b, 2)
            );
        }
        Ok(())
    }
}
