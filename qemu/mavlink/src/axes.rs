// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Axes. A heading is that of our world's x, rad, clockwise from north.

use glam::{DQuat, DVec3};

/// Between forward, left, up and forward, right, down; the same both ways.
pub fn body(own: DVec3) -> DVec3 {
    DVec3::new(own.x, -own.y, -own.z)
}

/// Between our world and north, east, down; the same both ways.
pub fn world(heading: f64, own: DVec3) -> DVec3 {
    half_turn(heading) * own
}

/// The turn from forward, right, down to north, east, down, of one from forward, left, up to our world.
pub fn attitude_to_ned(heading: f64, own: DQuat) -> DQuat {
    half_turn(heading) * own * BODY
}

/// How the vehicle points, rad clockwise from north, of a turn from forward, right, down to north, east, down.
pub fn heading_of(ned: DQuat) -> f64 {
    let forward = ned * DVec3::X;
    forward.y.atan2(forward.x)
}

/// Roll, pitch and yaw, rad, of the same turn, in the order of aviation: yaw first.
pub fn euler_of(ned: DQuat) -> [f64; 3] {
    let (forward, right, down) = (ned * DVec3::X, ned * DVec3::Y, ned * DVec3::Z);
    [right.z.atan2(down.z), (-forward.z).clamp(-1.0, 1.0).asin(), heading_of(ned)]
}

/// Half a turn about x.
const BODY: DQuat = DQuat::from_xyzw(1.0, 0.0, 0.0, 0.0);

/// Half a turn about what lies half way between our x and north.
fn half_turn(heading: f64) -> DQuat {
    let (sin, cos) = (heading / 2.0).sin_cos();
    DQuat::from_xyzw(cos, sin, 0.0, 0.0)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{FRAC_PI_2, PI};

    use proptest::prelude::*;

    use super::*;

    fn near(a: DVec3, b: DVec3) -> bool {
        (a - b).length() < 1e-12
    }

    #[test]
    fn north_and_east_are_where_they_are() {
        assert!(
            near(world(0.0, DVec3::new(1.0, 2.0, 3.0)), DVec3::new(1.0, -2.0, -3.0)),
            "x is north, left is west"
        );
        assert!(near(world(FRAC_PI_2, DVec3::X), DVec3::Y), "x is east");
        assert!(near(world(FRAC_PI_2, DVec3::Y), DVec3::X), "left of east is north");
        assert!(near(body(DVec3::Z), -DVec3::Z));
    }

    #[test]
    fn a_vehicle_rolls_pitches_and_yaws_as_in_aviation() {
        // Our axes: about x to the right, about y nose down, about z to the left.
        for (own, [roll, pitch, yaw]) in [
            (DQuat::from_rotation_x(0.3), [0.3, 0.0, 0.0]),
            (DQuat::from_rotation_y(0.3), [0.0, -0.3, 0.0]),
            (DQuat::from_rotation_z(0.3), [0.0, 0.0, -0.3]),
        ] {
            let seen = euler_of(attitude_to_ned(0.0, own));
            for (seen, expected) in seen.into_iter().zip([roll, pitch, yaw]) {
                assert!((seen - expected).abs() < 1e-12, "{own}: {seen} not {expected}");
            }
        }
        let [.., yaw] = euler_of(attitude_to_ned(1.0, DQuat::from_rotation_z(0.3)));
        assert!((yaw - 0.7).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn both_ways_are_the_same(heading in -PI..PI, x in -1e3..1e3, y in -1e3..1e3, z in -1e3..1e3) {
            let own = DVec3::new(x, y, z);
            prop_assert!((world(heading, world(heading, own)) - own).length() < 1e-9);
            prop_assert_eq!(body(body(own)), own);
        }

        /// What is fixed to the vehicle is in the same place in the world, whichever axes are used.
        #[test]
        fn an_attitude_turns_the_same_vector(
            heading in -PI..PI, axis in 0.0..PI, around in -PI..PI, angle in -PI..PI, x in -9.0..9.0, y in -9.0..9.0,
        ) {
            let axis = DVec3::new(axis.sin() * around.cos(), axis.sin() * around.sin(), axis.cos());
            let (own, fixed) = (DQuat::from_axis_angle(axis, angle), DVec3::new(x, y, 1.0));
            let ned = attitude_to_ned(heading, own) * body(fixed);
            prop_assert!((world(heading, own * fixed) - ned).length() < 1e-9);
        }
    }
}
