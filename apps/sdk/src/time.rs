// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Time and fuel.

use crate::host;

/// The device's monotonic clock.
pub fn now_us() -> u64 {
    host::now_us()
}

/// When the activation under way should be over, on the clock of [`now_us`].
pub fn deadline_us() -> u64 {
    host::deadline_us()
}

/// Fuel left in the activation under way. At zero the app is stopped (a command: interrupted).
pub fn fuel_left() -> u64 {
    host::fuel_left()
}
