// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Figures of a run, each with the bounds that it has to keep.

use std::fmt;

use crate::Recording;
use crate::scenario::{BRAKES_AT_S, GUST_AT_S, Kind};

/// A figure and its bounds. A figure that is no number keeps none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// What it is.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What it was.
    pub value: f64,
    /// At least.
    pub min: f64,
    /// At most.
    pub max: f64,
}

impl Measure {
    /// Whether it is within its bounds.
    pub fn is_kept(&self) -> bool {
        (self.min..=self.max).contains(&self.value)
    }

    /// How many of these are not within their bounds, in words; nothing if all are.
    pub fn broken(measures: &[Self]) -> Option<String> {
        let broken = measures.iter().filter(|measure| !measure.is_kept()).count();
        (broken > 0).then(|| format!("{broken} of {} bounds not kept", measures.len()))
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, unit, value, min, max } = self;
        let verdict = if self.is_kept() { "kept" } else { "NOT KEPT" };
        write!(f, "{name}: {value:.3} {unit} (bound: {min} to {max}): {verdict}")
    }
}

/// When it has had the time to rise, s, and how far it should be up.
const RISEN_AT_S: f64 = 8.0;
const HEIGHT_M: f64 = 2.0;
/// Height while it holds still, and while a gust passes, off by at most, m.
const HOLDS_WITHIN_M: f64 = 0.4;
const GUST_LASTS_S: f64 = 8.0;

/// Where the way ends, m, and how far from there it may land.
pub(super) const WAY: [f64; 2] = [5.0, 4.0];
const LANDS_WITHIN_M: f64 = 1.5;
/// When the way begins, at the earliest, s.
const WAY_FROM_S: f64 = 17.0;

pub(super) fn judge(kind: Kind, recording: &Recording) -> Vec<Measure> {
    match kind {
        Kind::Hover { .. } => hover(recording),
        Kind::Flight { .. } => flight(recording),
        Kind::Stop { speed, way_max, .. } => stop(recording, speed, way_max),
        Kind::Cruise { to, .. } => cruise(recording, to),
    }
}

/// The largest, or NaN if there is none: a column without a row keeps no bound.
fn most(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::NAN, |most, value| if value > most || most.is_nan() { value } else { most })
}

fn last(recording: &Recording, name: &str) -> f64 {
    recording.column(name).last().map_or(f64::NAN, |(_, value)| value)
}

fn hover(recording: &Recording) -> Vec<Measure> {
    let off = |height: f64| (height - HEIGHT_M).abs();
    let calm = recording
        .column("z m")
        .filter(|(time_s, _)| {
            *time_s >= RISEN_AT_S && !(GUST_AT_S..GUST_AT_S + GUST_LASTS_S).contains(time_s)
        })
        .map(|(_, height)| off(height));
    let tilt = recording.since("roll rad", 0.0).chain(recording.since("pitch rad", 0.0)).map(f64::abs);
    let moving = libm::hypot(last(recording, "velocity-x m/s"), last(recording, "velocity-y m/s"));
    vec![
        Measure {
            name: "height off while it holds",
            unit: "m",
            value: most(calm),
            min: 0.0,
            max: HOLDS_WITHIN_M,
        },
        Measure {
            name: "height off in the gust",
            unit: "m",
            value: most(recording.since("z m", RISEN_AT_S).map(off)),
            min: 0.0,
            max: 0.8,
        },
        Measure {
            name: "highest point",
            unit: "m",
            value: most(recording.since("z m", 0.0)),
            min: HEIGHT_M - HOLDS_WITHIN_M,
            max: 2.8,
        },
        Measure { name: "largest tilt", unit: "rad", value: most(tilt), min: 0.0, max: 0.5 },
        Measure { name: "speed over ground at the end", unit: "m/s", value: moving, min: 0.0, max: 0.8 },
    ]
}

fn flight(recording: &Recording) -> Vec<Measure> {
    let holding = recording.column("z m").filter(|(time_s, _)| (RISEN_AT_S..WAY_FROM_S).contains(time_s));
    let tilt = recording.since("roll rad", 0.0).chain(recording.since("pitch rad", 0.0)).map(f64::abs);
    let [x, y] = ["x m", "y m"].map(|name| last(recording, name));
    let motors = ["motor-0", "motor-1", "motor-2", "motor-3"].map(|name| last(recording, name));
    // How fast it came down when its height was last above a hand's breadth.
    let heights: Vec<f64> = recording.since("z m", 0.0).collect();
    let down = heights.iter().rposition(|height| *height > 0.02);
    let speed = recording.since("velocity-z m/s", 0.0).nth(down.unwrap_or(usize::MAX));
    vec![
        Measure {
            name: "height off while it holds, gust included",
            unit: "m",
            value: most(holding.map(|(_, height)| (height - HEIGHT_M).abs())),
            min: 0.0,
            max: 0.8,
        },
        Measure {
            name: "highest point",
            unit: "m",
            value: most(heights.iter().copied()),
            min: HEIGHT_M,
            max: 3.3,
        },
        Measure { name: "largest tilt", unit: "rad", value: most(tilt), min: 0.0, max: 0.5 },
        Measure {
            name: "lands off by",
            unit: "m",
            value: libm::hypot(x - WAY[0], y - WAY[1]),
            min: 0.0,
            max: LANDS_WITHIN_M,
        },
        Measure {
            name: "touches down at",
            unit: "m/s",
            value: speed.map_or(f64::NAN, |speed| -speed),
            min: 0.0,
            max: 1.0,
        },
        Measure { name: "height at the end", unit: "m", value: last(recording, "z m"), min: 0.0, max: 0.0 },
        Measure {
            name: "fastest motor at the end",
            unit: "1",
            value: most(motors.into_iter()),
            min: 0.0,
            max: 0.02,
        },
    ]
}

fn stop(recording: &Recording, speed: f64, way_max: f64) -> Vec<Measure> {
    let braked_from = recording.since("travelled m", BRAKES_AT_S).next().unwrap_or(f64::NAN);
    let mut locked_s = 0.0;
    let wheels = ["wheel-0 m/s", "wheel-1 m/s", "wheel-2 m/s", "wheel-3 m/s"];
    let speeds: Vec<(f64, f64)> = recording.column("speed m/s").collect();
    let turning: Vec<Vec<f64>> = wheels.iter().map(|wheel| recording.since(wheel, 0.0).collect()).collect();
    for (index, pair) in speeds.windows(2).enumerate() {
        let [(from_s, moving), (to_s, _)] = pair else { continue };
        let locked = turning.iter().any(|wheel| wheel.get(index).is_some_and(|turns| *turns < 0.1 * moving));
        if *moving > 3.0 && locked {
            locked_s += to_s - from_s;
        }
    }
    vec![
        Measure {
            name: "stopping distance",
            unit: "m",
            value: last(recording, "travelled m") - braked_from,
            min: speed,
            max: way_max,
        },
        Measure {
            name: "speed at the end",
            unit: "m/s",
            value: last(recording, "speed m/s"),
            min: 0.0,
            max: 0.0,
        },
        Measure { name: "a wheel was locked for", unit: "s", value: locked_s, min: 0.0, max: 0.1 },
        Measure { name: "steered aside by", unit: "m", value: last(recording, "y m"), min: 2.0, max: 80.0 },
    ]
}

fn cruise(recording: &Recording, to: f64) -> Vec<Measure> {
    let off = recording.since("speed m/s", 30.0).map(|speed| (speed - to).abs());
    vec![
        Measure { name: "speed off after 30 s", unit: "m/s", value: most(off), min: 0.0, max: 0.4 },
        Measure {
            name: "highest speed",
            unit: "m/s",
            value: most(recording.since("speed m/s", 0.0)),
            min: to - 0.4,
            max: to + 1.5,
        },
    ]
}
