// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A control loop: holds the wheel speed at 10 m/s on a slope, with the brake.
//!
//! 100 times a second it reads the wheels and sets the brake. It holds the brake by a lease that it renews;
//! if this app stops, the lease runs out and the device puts the brake where it is safe.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![forbid(unsafe_code)]

mod control;

use cofferdam_app::{Actuator, Decimal, ErrorCode, Lease, Reactor, Sensor, log, sensor, warn};

use crate::control::SpeedControl;

/// As in cofferdam.toml.
const TICKS_PER_SECOND: u32 = 100;
/// How long the brake stays as it is when this app says nothing more.
const LEASE_US: u64 = 200_000;

struct Downhill {
    control: SpeedControl,
    brake: Option<Lease>,
    ticks: u32,
    failure: Option<ErrorCode>,
}

cofferdam_app::reactor!(Downhill);

impl Reactor for Downhill {
    fn init() -> Self {
        Self { control: SpeedControl::new(), brake: None, ticks: 0, failure: None }
    }

    fn tick(&mut self, now_us: u64) {
        let outcome = self.hold(now_us);
        // Each kind of failure is said once, not a hundred times a second.
        if let Err(failure) = outcome
            && self.failure != Some(failure)
        {
            warn!("cannot hold the speed: {failure}");
        }
        self.failure = outcome.err();
        self.ticks = (self.ticks + 1) % TICKS_PER_SECOND;
    }
}

impl Downhill {
    fn hold(&mut self, now_us: u64) -> Result<(), ErrorCode> {
        let speed = sensor::read(Sensor::WheelSpeed)?.mean();
        let value = self.control.step(speed);
        let brake = match &mut self.brake {
            Some(brake) => brake,
            none => none.insert(Lease::acquire(Actuator::Brake, LEASE_US)?),
        };
        // Renewed at half its time, so that one missed tick, or ten, does not lose it.
        if now_us + LEASE_US / 2 >= brake.until_us() {
            brake.renew(LEASE_US)?;
        }
        brake.write(value)?;
        if self.ticks == 0 {
            log!("speed {} m/s, brake {}", Decimal(speed, 2), Decimal(value, 2));
        }
        Ok(())
    }
}
