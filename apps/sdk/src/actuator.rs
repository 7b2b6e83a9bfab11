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
    /// How much of the brake's pressure the front left wheel does not get.
    BrakeRelease0 = 5,
    /// The same, front right.
    BrakeRelease1 = 6,
    /// The same, rear left.
    BrakeRelease2 = 7,
    /// The same, rear right.
    BrakeRelease3 = 8,
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

/// Several actuators, each held by a lease that is taken when it is first written and renewed at half its time: one missed
/// tick, or ten, does not lose it.
#[derive(Debug)]
pub struct Held<const N: usize> {
    actuators: [Actuator; N],
    lease_us: u64,
    leases: [Option<Lease>; N],
}

impl<const N: usize> Held<N> {
    /// Holds nothing yet. `lease_us`: how long they stay as they are when the app says nothing more.
    pub const fn new(actuators: [Actuator; N], lease_us: u64) -> Self {
        Self { actuators, lease_us, leases: [const { None }; N] }
    }

    /// Moves all of them, in the order in which they were named. `now_us` is the time of the tick.
    pub fn write(&mut self, now_us: u64, values: [f64; N]) -> Result<(), ErrorCode> {
        for ((lease, actuator), value) in self.leases.iter_mut().zip(self.actuators).zip(values) {
            let lease = match lease {
                Some(lease) => lease,
                none => none.insert(Lease::acquire(actuator, self.lease_us)?),
            };
            if now_us + self.lease_us / 2 >= lease.until_us() {
                lease.renew(self.lease_us)?;
            }
            lease.write(value)?;
        }
        Ok(())
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
            ("brake-release-0", Actuator::BrakeRelease0),
            ("brake-release-1", Actuator::BrakeRelease1),
            ("brake-release-2", Actuator::BrakeRelease2),
            ("brake-release-3", Actuator::BrakeRelease3),
        ] {
            assert_eq!(actuator_by_name(name).unwrap().id, actuator as usize);
        }
        assert_eq!(ACTUATORS.len(), 9);
    }
}
