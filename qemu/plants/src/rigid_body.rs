// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A rigid body in three dimensions.

use glam::{DQuat, DVec3};

/// Where a body is and how it moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RigidBody {
    /// In the world, m.
    pub position: DVec3,
    /// In the world, m/s.
    pub velocity: DVec3,
    /// Turns the body's axes into the world's.
    pub attitude: DQuat,
    /// About the body's axes, rad/s.
    pub rates: DVec3,
}

/// What acts on it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loads {
    /// In the world, without weight, N.
    pub force: DVec3,
    /// About the body's axes, N m.
    pub torque: DVec3,
}

impl Default for RigidBody {
    fn default() -> Self {
        Self { position: DVec3::ZERO, velocity: DVec3::ZERO, attitude: DQuat::IDENTITY, rates: DVec3::ZERO }
    }
}

/// The derivative of a state.
#[derive(Clone, Copy)]
struct Slope {
    position: DVec3,
    velocity: DVec3,
    attitude: DQuat,
    rates: DVec3,
}

impl RigidBody {
    /// Lets `step_s` pass (Runge-Kutta, fourth order). `inertia` is about the body's principal axes; `loads` are asked for
    /// at each of the four stages.
    pub fn step(
        &mut self,
        mass: f64,
        inertia: DVec3,
        gravity: DVec3,
        step_s: f64,
        loads: impl Fn(&Self) -> Loads,
    ) {
        let slope = |at: &Self| {
            let Loads { force, torque } = loads(at);
            let spin = DQuat::from_xyzw(at.rates.x, at.rates.y, at.rates.z, 0.0);
            Slope {
                position: at.velocity,
                velocity: force / mass + gravity,
                attitude: at.attitude * spin * 0.5,
                // Euler's equations.
                rates: (torque - at.rates.cross(inertia * at.rates)) / inertia,
            }
        };
        let one = slope(self);
        let two = slope(&self.moved(&one, step_s / 2.0));
        let three = slope(&self.moved(&two, step_s / 2.0));
        let four = slope(&self.moved(&three, step_s));
        let sixth = step_s / 6.0;
        *self =
            self.moved(&one, sixth).moved(&two, 2.0 * sixth).moved(&three, 2.0 * sixth).moved(&four, sixth);
        self.attitude = self.attitude.normalize();
    }

    fn moved(&self, slope: &Slope, by_s: f64) -> Self {
        Self {
            position: self.position + slope.position * by_s,
            velocity: self.velocity + slope.velocity * by_s,
            attitude: self.attitude + slope.attitude * by_s,
            rates: self.rates + slope.rates * by_s,
        }
    }

    /// Where its own up points, in the world.
    pub fn up(&self) -> DVec3 {
        self.attitude * DVec3::Z
    }

    /// The angle between its own up and the world's, rad.
    pub fn tilt(&self) -> f64 {
        libm::acos(self.up().z.clamp(-1.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GRAVITY;

    const STEP_S: f64 = 0.001;
    const INERTIA: DVec3 = DVec3::new(0.01, 0.02, 0.03);

    fn down() -> DVec3 {
        DVec3::Z * -GRAVITY
    }

    #[test]
    fn free_fall_is_a_parabola() {
        let mut body = RigidBody { velocity: DVec3::new(3.0, 0.0, 5.0), ..RigidBody::default() };
        for _ in 0..2_000 {
            body.step(1.3, INERTIA, down(), STEP_S, |_| Loads::default());
        }
        let expected = DVec3::new(6.0, 0.0, 10.0 - GRAVITY * 2.0);
        assert!((body.position - expected).length() < 1e-9, "{}", body.position);
        assert!((body.velocity.z - (5.0 - 2.0 * GRAVITY)).abs() < 1e-9);
    }

    /// Also about the middle axis, where it tumbles (Dzhanibekov).
    #[test]
    fn rotation_without_torque_keeps_momentum_and_energy() {
        for rates in [DVec3::new(6.0, 0.01, 0.0), DVec3::new(0.01, 6.0, 0.0), DVec3::new(1.0, -4.0, 2.0)] {
            let mut body = RigidBody { rates, ..RigidBody::default() };
            let momentum = |body: &RigidBody| body.attitude * (INERTIA * body.rates);
            let energy = |body: &RigidBody| body.rates.dot(INERTIA * body.rates) / 2.0;
            let (momentum_before, energy_before) = (momentum(&body), energy(&body));
            for _ in 0..20_000 {
                body.step(1.0, INERTIA, DVec3::ZERO, STEP_S, |_| Loads::default());
            }
            assert!(
                (momentum(&body) - momentum_before).length() < 1e-6 * momentum_before.length(),
                "{rates}"
            );
            assert!((energy(&body) / energy_before - 1.0).abs() < 1e-8, "{rates}");
        }
    }

    #[test]
    fn a_constant_torque_spins_up_as_inertia_says() {
        let mut body = RigidBody::default();
        for _ in 0..1_000 {
            body.step(1.0, INERTIA, DVec3::ZERO, STEP_S, |_| Loads {
                torque: DVec3::Z * 0.06,
                ..Loads::default()
            });
        }
        assert!((body.rates.z - 2.0).abs() < 1e-9);
        // One radian after one second of 2 rad/s².
        let turned = DQuat::from_rotation_z(1.0);
        assert!(body.attitude.angle_between(turned) < 1e-6, "{}", body.attitude);
    }

    /// Falling through air whose resistance goes with the square of speed: v = v_t tanh(g t / v_t).
    #[test]
    fn terminal_velocity_and_the_way_to_it() {
        let (mass, drag) = (1.2, 0.05);
        let terminal = libm::sqrt(mass * GRAVITY / drag);
        let mut body = RigidBody::default();
        for step in 1..=20_000 {
            let resistance = |body: &RigidBody| Loads {
                force: -drag * body.velocity.length() * body.velocity,
                ..Loads::default()
            };
            body.step(mass, INERTIA, down(), STEP_S, resistance);
            let exact = -terminal * libm::tanh(GRAVITY * f64::from(step) * STEP_S / terminal);
            assert!(
                (body.velocity.z - exact).abs() < 1e-6,
                "after {step} ms: {} not {exact}",
                body.velocity.z
            );
        }
        assert!((body.velocity.z + terminal).abs() < 1e-3);
    }
}
