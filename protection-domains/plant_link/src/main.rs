// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the link to a simulator of the vehicle (contract: `cofferdam-plant-protocol`), over a virtio console.
//!
//! At each tick it tells the outputs that `actuator_guard` publishes; what the simulator answers it shows to `sensor_hub`, and
//! the driver's demand among it it tells the guard. Without a console device, or with nobody behind it, it does nothing; a board
//! that has none builds it with the feature `absent`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod link;
mod port;
mod regions;

use sel4_microkit::{Handler, protection_domain};

#[protection_domain]
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    link::PlantLink::begin()
}
