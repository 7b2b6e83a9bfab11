// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: runs one app.
//!
//! A slot lives from restart to restart: `wasm_manager` writes orders and a module, and restarts it. Here
//! the slot makes its outputs safe, reads its orders once, and runs what they say (`life`). Contract:
//! `cofferdam_slot_protocol`; the interpreter and all bounds on the app: `cofferdam_runtime`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

mod devices;
mod life;
mod regions;
#[cfg(feature = "rogue-test")]
mod rogue_test;
#[cfg(feature = "spin-test")]
mod spin_test;

use cofferdam_device_protocol::pd::{Actuators, Sensors, Topics};
use cofferdam_timer_protocol::pd::Timer;
use sel4_microkit::{Handler, channel, protection_domain};

use crate::devices::Devices;
use crate::life::{Slot, Wiring};

#[protection_domain]
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    let timer = Timer::new(channel!(timer_channel));
    let devices = Devices {
        sensors: Sensors::new(channel!(sensor_channel)),
        actuators: Actuators::new(channel!(actuator_channel)),
        topics: Topics::new(channel!(topic_channel)),
    };
    Slot::begin(Wiring { timer, devices, manager: channel!(manager_channel) })
}
