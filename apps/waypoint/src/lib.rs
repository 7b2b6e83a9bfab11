// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Flies a plan: once the vehicle is in the air it tells `hover`, through a topic, how fast to go where, and at the end to land.
//!
//! It moves nothing itself. If it stops, `hover` sees how old its last word is, and holds the place and the height.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![forbid(unsafe_code)]

mod plan;

use cofferdam_app::{Decimal, ErrorCode, Failures, Reactor, Sensor, log, sensor, topic, warn};

pub use crate::plan::{LEGS, Leg, Plan, SetPoint};

/// What `hover` listens to: velocity over ground in x and y, m/s, and height, m.
const TOPIC: &str = "setpoint";

struct Waypoint {
    plan: Plan,
    failures: Failures,
}

cofferdam_app::reactor!(Waypoint);

impl Reactor for Waypoint {
    fn init() -> Self {
        Self { plan: Plan::new(), failures: Failures::new() }
    }

    fn tick(&mut self, now_us: u64) {
        let outcome = self.go(now_us);
        if let Some(failure) = self.failures.news(outcome) {
            warn!("cannot lead: {failure}");
        }
    }
}

impl Waypoint {
    fn go(&mut self, now_us: u64) -> Result<(), ErrorCode> {
        let position = sensor::read(Sensor::Position)?;
        let place = [position.value(0), position.value(1), position.value(2)];
        let leg = self.plan.leg();
        let Some(SetPoint { velocity: [x, y], height }) = self.plan.step(place, now_us) else {
            return Ok(());
        };
        if self.plan.leg() != leg
            && let Some(next) = self.plan.leg().and_then(|leg| LEGS.get(leg))
        {
            log!("to x {} y {} height {}", Decimal(next.x, 1), Decimal(next.y, 1), Decimal(next.height, 1));
        }
        topic::publish_values(TOPIC, &[x, y, height])
    }
}
