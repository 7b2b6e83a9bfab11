// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How a plant really moves, whatever it is.

use cofferdam_plants::{CarState, RigidBody, Vehicle};
use glam::{DQuat, DVec3};

/// In our axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// In our world, m.
    pub position: DVec3,
    /// In our world, m/s.
    pub velocity: DVec3,
    /// Turns the vehicle's axes into the world's.
    pub attitude: DQuat,
    /// About the vehicle's axes, rad/s.
    pub rates: DVec3,
}

impl Truth {
    /// Of a plant as it is now.
    pub fn of(vehicle: &Vehicle) -> Self {
        match vehicle {
            Vehicle::Quad(quad) => {
                let RigidBody { position, velocity, attitude, rates } = *quad.body();
                Self { position, velocity, attitude, rates }
            }
            Vehicle::Car(car) => {
                let CarState { x, y, heading, forward, sideways, yaw_rate, .. } = *car.state();
                let attitude = DQuat::from_rotation_z(heading);
                Self {
                    position: DVec3::new(x, y, 0.0),
                    velocity: attitude * DVec3::new(forward, sideways, 0.0),
                    attitude,
                    rates: DVec3::new(0.0, 0.0, yaw_rate),
                }
            }
        }
    }
}
