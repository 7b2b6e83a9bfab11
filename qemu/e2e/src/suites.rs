// SPDX-License-Identifier: Apache-2.0 OR MIT
//! All suites. A new test goes into the list of its suite; a new suite into [`ALL`].

mod admission;
mod apps;
mod attack;
mod boards;
pub mod brake;
mod endurance;
pub mod envelope;
pub mod flight;
mod hostile;
mod keys;
mod lifecycle;
mod mavlink;
mod network;
mod power;
mod preinstalled;
mod readme;
mod refusals;
mod replay;
mod rogue;
pub mod swap;
mod systems;
mod timing;
mod verifier;
mod wasi;

use crate::harness::Suite;

/// Every suite, in the order in which `all` runs them: what others build on comes first.
pub const ALL: &[Suite] = &[
    systems::CONFORMANCE,
    systems::PANIC,
    systems::MCS,
    apps::SUITE,
    wasi::SUITE,
    refusals::SUITE,
    verifier::SUITE,
    network::SUITE,
    hostile::SUITE,
    timing::SUITE,
    flight::SUITE,
    flight::free::SUITE,
    brake::SUITE,
    mavlink::SUITE,
    admission::SUITE,
    rogue::SUITE,
    replay::SUITE,
    endurance::SUITE,
    lifecycle::SUITE,
    swap::SUITE,
    envelope::SUITE,
    power::SUITE,
    preinstalled::SUITE,
    boards::RASPBERRY_PI_4,
    boards::RASPBERRY_PI_4_MINI_UART,
    boards::IMX8MP_EVK,
    attack::SUITE,
    keys::SUITE,
    readme::SUITE,
];

/// A list of tests from functions, each named as its function.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        &[$($crate::harness::Test { name: stringify!($name), run: $name }),*]
    };
}
pub(crate) use tests;

/// No tests: the folder and the machine of measurements.
pub const BENCH: Suite =
    Suite { name: "bench", about: "measurements", system: crate::harness::System::Product, tests: &[] };
