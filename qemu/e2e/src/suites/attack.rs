// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Attacks from inside: protection domains that die, and what others see of it.

mod campaign;
pub(super) mod debugger;
mod pycose;

use super::tests;
use crate::harness::{Suite, System};
use campaign::*;
use pycose::*;

/// The suite.
pub const SUITE: Suite = Suite {
    name: "attack",
    about: "one protection domain at a time is killed; the others do as docs/threat-model.md says",
    system: System::ProductUnderAttack,
    tests: tests![
        pycose_checks_our_packages,
        the_device_checks_packages_of_pycose,
        without_a_slot,
        without_any_slot,
        without_actuator_guard,
        without_sensor_hub,
        without_topic_hub,
        without_plant_link,
        without_timer_driver,
        without_entropy_driver,
        without_store_driver,
        without_wasm_manager,
        without_verifier,
        without_console,
        without_net_driver,
        without_gateway,
        no_app_was_lost,
    ],
};
