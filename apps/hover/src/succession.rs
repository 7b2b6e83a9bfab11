// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a version of this app tells the one that is to follow it in flight.
//!
//! A version that is swapped in (`cofferdam push --swap`) begins in the air. What its predecessor learnt on the ground (its sensors'
//! constant errors, the pressure there) and has gathered since (attitude, the sums of its loops) can be read from no sensor,
//! so the predecessor says it in each tick, and the new one goes on from there. Names of topics are versions of the layout: one
//! with another layout takes another name, and finds nothing to go on from under this one.

use crate::control::Wanted;

/// Where it is said.
pub const TOPIC: &str = "hover-state-1";
/// What was said longer ago is of nobody who still flies: three ticks, so that one may be missed.
pub const AGE_MAX_US: u64 = 12_000;
/// How many numbers it is.
pub const VALUES: usize = 16;

/// What is told, at the end of a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// What is known of the vehicle and its sensors.
    pub known: Known,
    /// The sum of the climb loop, m/s².
    pub lift: f64,
    /// The sums of the velocity loop, m/s².
    pub push: [f64; 2],
    /// The height that was wanted last, m.
    pub wanted_height: f64,
}

/// What the estimator has learnt and where it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// What the accelerometer shows of gravity, m/s².
    pub weight: f64,
    /// Constant error of the rates, rad/s.
    pub gyro_bias: [f64; 3],
    /// At the start, Pa.
    pub ground_pressure: f64,
    /// Constant error of the acceleration upwards, m/s².
    pub climb_bias: f64,
    /// The world's up along the vehicle's own axes.
    pub up: [f64; 3],
    /// Since the start, rad.
    pub heading: f64,
    /// Above the start, m.
    pub height: f64,
    /// Upwards, m/s.
    pub climb: f64,
}

impl State {
    /// As numbers.
    pub const fn values(&self) -> [f64; VALUES] {
        let Self { known, lift, push, wanted_height } = *self;
        let Known { weight, gyro_bias, ground_pressure, climb_bias, up, heading, height, climb } = known;
        let ([g0, g1, g2], [u0, u1, u2], [p0, p1]) = (gyro_bias, up, push);
        [
            weight,
            g0,
            g1,
            g2,
            ground_pressure,
            climb_bias,
            u0,
            u1,
            u2,
            heading,
            height,
            climb,
            lift,
            p0,
            p1,
            wanted_height,
        ]
    }

    /// From numbers; nothing if one of them cannot be: whoever may publish the topic is not believed further than that.
    pub fn from_values(values: [f64; VALUES]) -> Option<Self> {
        let [weight, g0, g1, g2, ground_pressure, climb_bias, u0, u1, u2, rest @ ..] = values;
        let [heading, height, climb, lift, p0, p1, wanted_height] = rest;
        let (gyro_bias, up) = ([g0, g1, g2], [u0, u1, u2]);
        let known = Known { weight, gyro_bias, ground_pressure, climb_bias, up, heading, height, climb };
        let state = Self { known, lift, push: [p0, p1], wanted_height };
        state.can_be().then_some(state)
    }

    /// Whether each of them is a number that a flight can come to.
    fn can_be(&self) -> bool {
        let within = |values: &[f64], most: f64| values.iter().all(|value| value.abs() <= most);
        let known = &self.known;
        let [x, y, z] = known.up;
        (8.0..=12.0).contains(&known.weight)
            && within(&known.gyro_bias, 0.5)
            && (50_000.0..=110_000.0).contains(&known.ground_pressure)
            && within(&[known.climb_bias], 5.0)
            // Not lying on its side, and of length one.
            && z > 0.1
            && (0.99..=1.01).contains(&(x * x + y * y + z * z))
            && within(&[known.heading], 1_000.0)
            && within(&[known.height], 1_000.0)
            && within(&[known.climb], 30.0)
            && within(&[self.lift], crate::control::LIFT_SUM_MAX)
            && within(&self.push, crate::control::PUSH_MAX)
            && (0.0..=crate::HEIGHT_MAX).contains(&self.wanted_height)
    }

    /// What its predecessor was to do: its height, and to stay where it is until somebody says more.
    pub const fn wanted(&self) -> Wanted {
        Wanted { velocity: [0.0; 2], height: self.wanted_height }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: State = State {
        known: Known {
            weight: 9.81,
            gyro_bias: [0.01, -0.02, 0.03],
            ground_pressure: 101_325.0,
            climb_bias: 0.1,
            up: [0.0, 0.6, 0.8],
            heading: -0.2,
            height: 2.0,
            climb: -0.3,
        },
        lift: 0.4,
        push: [0.5, -0.6],
        wanted_height: 2.5,
    };

    #[test]
    fn it_is_understood_as_it_was_said() {
        assert_eq!(State::from_values(STATE.values()), Some(STATE));
        assert_eq!(STATE.wanted(), Wanted { velocity: [0.0; 2], height: 2.5 });
    }

    #[test]
    fn what_cannot_be_is_nothing() {
        for place in 0..VALUES {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e9, 1e9] {
                let mut values = STATE.values();
                values[place] = bad;
                assert_eq!(State::from_values(values), None, "{place}: {bad}");
            }
        }
        assert_eq!(State::from_values([0.0; VALUES]), None);
    }
}
