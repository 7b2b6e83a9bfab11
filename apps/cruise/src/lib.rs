// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Holds the speed that the driver has set: 100 times a second it reads wheels and pedals, and sets four motors and the
//! brake.
//!
//! It holds them by leases that it renews; if this app stops, they run out and the device puts each where it is safe.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![forbid(unsafe_code)]

mod control;

use cofferdam_app::{Actuator, Decimal, ErrorCode, Failures, Held, Reactor, Sensor, log, sensor, warn};

use crate::control::{Commands, Inputs, SpeedControl};

/// As in cofferdam.toml.
const TICKS_PER_SECOND: u32 = 100;
const PERIOD_US: u64 = 10_000;
/// A step of time that is longer was no tick of ours: it stood still in between.
const STEP_MAX_US: u64 = 10 * PERIOD_US;
/// How long outputs stay as they are when this app says nothing more.
const LEASE_US: u64 = 200_000;
const OUTPUTS: [Actuator; 5] =
    [Actuator::Motor0, Actuator::Motor1, Actuator::Motor2, Actuator::Motor3, Actuator::Brake];

struct Cruise {
    control: SpeedControl,
    outputs: Held<5>,
    last_us: Option<u64>,
    ticks: u32,
    failures: Failures,
}

cofferdam_app::reactor!(Cruise);

impl Reactor for Cruise {
    fn init() -> Self {
        Self {
            control: SpeedControl::default(),
            outputs: Held::new(OUTPUTS, LEASE_US),
            last_us: None,
            ticks: 0,
            failures: Failures::new(),
        }
    }

    fn tick(&mut self, now_us: u64) {
        let outcome = self.drive(now_us);
        if let Some(failure) = self.failures.news(outcome) {
            warn!("cannot drive: {failure}");
        }
        self.ticks = (self.ticks + 1) % TICKS_PER_SECOND;
    }
}

impl Cruise {
    fn drive(&mut self, now_us: u64) -> Result<(), ErrorCode> {
        let speed = sensor::read(Sensor::WheelSpeed)?.mean();
        let driver = sensor::read(Sensor::Driver)?;
        let inputs = Inputs {
            speed,
            brake: driver.value(0),
            accelerator: driver.value(1),
            set_speed: driver.value(3),
        };
        let since_us = now_us.saturating_sub(self.last_us.unwrap_or(now_us.saturating_sub(PERIOD_US)));
        self.last_us = Some(now_us);
        let Commands { drive, brake } = self.control.step(&inputs, since_us.min(STEP_MAX_US) as f64 / 1e6);
        self.outputs.write(now_us, [drive, drive, drive, drive, brake])?;
        if self.ticks == 0 {
            log!("speed {} m/s, drive {}, brake {}", Decimal(speed, 2), Decimal(drive, 2), Decimal(brake, 2));
        }
        Ok(())
    }
}
