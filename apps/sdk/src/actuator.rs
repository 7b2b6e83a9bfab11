// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Moving actuators, by lease.

use crate::ErrorCode;
use crate::host;

/// The actuators of the vehicle; all take a ratio from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Actuator {
    /// The first motor.
    Motor0 = 0,
    /// The second motor.
    Motor1 = 1,
    /// The third motor.
    Motor2 = 2,
    /// The fourth motor.
    Motor3 = 3,
    /// The brake: 1 is fully on.
    Brake = 4,
}

/// The right to move an actuator for some time. When it runs out, or is dropped, the actuator goes to its
/// safe value by itself.
#[derive(Debug)]
pub struct Lease {
    actuator: Actuator,
    until_us: u64,
}

impl Lease {
    /// Takes the lease for `duration_us` from now. One app at a time can have it.
    pub fn acquire(actuator: Actuator, duration_us: u64) -> Result<Self, ErrorCode> {
        let until_us = host::lease_acquire(actuator as i32, duration_us)?;
        Ok(Self { actuator, until_us })
    }

    /// Makes it last for `duration_us` from now.
    pub fn renew(&mut self, duration_us: u64) -> Result<(), ErrorCode> {
        self.until_us = host::lease_acquire(self.actuator as i32, duration_us)?;
        Ok(())
    }

    /// When it runs out unless it is renewed, on the clock of [`crate::time::now_us`].
    pub const fn until_us(&self) -> u64 {
        self.until_us
    }

    /// Moves the actuator. A value outside the permitted range is refused and changes nothing.
    pub fn write(&mut self, value: f64) -> Result<(), ErrorCode> {
        host::actuator_write(self.actuator as i32, value)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // It runs out anyway.
        let _ = host::lease_release(self.actuator as i32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_device_protocol::{ACTUATORS, actuator_by_name};

    #[test]
    fn numbers_are_those_of_the_device_protocol() {
        for (name, actuator) in [
            ("motor-0", Actuator::Motor0),
            ("motor-1", Actuator::Motor1),
            ("motor-2", Actuator::Motor2),
            ("motor-3", Actuator::Motor3),
            ("brake", Actuator::Brake),
        ] {
            assert_eq!(actuator_by_name(name).unwrap().id, actuator as usize);
        }
        assert_eq!(ACTUATORS.len(), 5);
    }
}
