// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the sensors of a device show, from what an outside simulator says.
//!
//! The simulator is not trusted: whatever a message holds ends in samples that sensors can show, or in a [`Refusal`].

use std::fmt;

use cofferdam_device_protocol::{SENSOR_COUNT, VALUES_MAX};
use cofferdam_plant_protocol::{BadSample, Samples, check};
use cofferdam_plants::GRAVITY;
use glam::{DQuat, DVec3};
use mavlink::dialects::common::{
    HIL_GPS_DATA, HIL_SENSOR_DATA, HIL_STATE_QUATERNION_DATA, HilSensorUpdatedFlags, MavMessage,
    SYS_STATUS_DATA,
};

use crate::axes::{body, heading_of, world};
use crate::place::{Home, Scaled};
use crate::signals::{FIX_3D, PA_PER_HPA};

/// What an inertial sensor shows at most, m/s² and rad/s: beyond, as when it hits the ground, it shows that.
const ACCEL_MAX: f64 = 16.0 * GRAVITY;
const GYRO_MAX: f64 = 34.9;
/// A simulator's time goes no further than this in one step, µs.
pub const STEP_MAX_US: u64 = 1_000_000;
/// How far from one the length of a quaternion may be that turns something.
const UNIT_WITHIN: f64 = 0.01;

/// Where position and velocity come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Position {
    /// HIL_GPS, as a receiver has them.
    #[default]
    Gps,
    /// HIL_STATE_QUATERNION, as they really are.
    State,
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    /// It holds what is no number.
    NotANumber(&'static str),
    /// It holds what no sensor shows.
    Bad(BadSample),
    /// It is from before the one before it, µs.
    TimeGoesBack {
        /// From then.
        from_us: u64,
        /// To then.
        to_us: u64,
    },
    /// It is from so long after the one before it, µs: more than [`STEP_MAX_US`].
    TimeLeaps(u64),
    /// It turns nothing: its quaternion has another length than one.
    NoAttitude,
    /// No vehicle can be switched on there.
    NoHome,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber(message) => write!(f, "{message} holds what is no number"),
            Self::Bad(bad) => write!(f, "{bad}"),
            Self::TimeGoesBack { from_us, to_us } => {
                write!(f, "its time goes back from {from_us} to {to_us} us")
            }
            Self::TimeLeaps(us) => write!(f, "its time leaps by {us} us, at most {STEP_MAX_US}"),
            Self::NoAttitude => f.write_str("HIL_STATE_QUATERNION holds no attitude"),
            Self::NoHome => f.write_str("no vehicle can be switched on at its place"),
        }
    }
}

impl std::error::Error for Refusal {}

/// The device's sensors.
#[derive(Clone, Debug)]
pub struct Instruments {
    from: Position,
    heading: Option<f64>,
    home: Option<Home>,
    time_us: Option<u64>,
    samples: Samples,
    missing: HilSensorUpdatedFlags,
}

impl Instruments {
    /// They show nothing yet. `heading` is how the vehicle points at first, rad clockwise from north; without it
    /// HIL_STATE_QUATERNION tells.
    pub fn new(from: Position, heading: Option<f64>) -> Self {
        let mut samples = [[0.0; VALUES_MAX]; SENSOR_COUNT];
        // A pressure that there is; nobody is shown it before another was said.
        samples[1][0] = cofferdam_plants::atmosphere::SEA_LEVEL_PA;
        Self {
            from,
            heading,
            home: None,
            time_us: None,
            samples,
            missing: HilSensorUpdatedFlags::HIL_SENSOR_UPDATED_XACC
                | HilSensorUpdatedFlags::HIL_SENSOR_UPDATED_YACC
                | HilSensorUpdatedFlags::HIL_SENSOR_UPDATED_ZACC
                | HilSensorUpdatedFlags::HIL_SENSOR_UPDATED_XGYRO
                | HilSensorUpdatedFlags::HIL_SENSOR_UPDATED_YGYRO
                | HilSensorUpdatedFlags::HIL_SENSOR_UPDATED_ZGYRO
                | HilSensorUpdatedFlags::HIL_SENSOR_UPDATED_ABS_PRESSURE,
        }
    }

    /// What they show.
    pub const fn samples(&self) -> &Samples {
        &self.samples
    }

    /// What was never said, though nothing can fly without it; nothing if all was.
    pub fn missing(&self) -> Option<&'static str> {
        if !self.missing.is_empty() {
            return Some("HIL_SENSOR with accelerations, rates and pressure");
        }
        match (self.home, self.heading, self.from) {
            (Some(_), ..) => None,
            (None, None, _) => Some("HIL_STATE_QUATERNION or --heading: how the vehicle points"),
            (None, _, Position::Gps) => Some("HIL_GPS with a fix"),
            (None, _, Position::State) => Some("HIL_STATE_QUATERNION"),
        }
    }

    /// Takes a message. Gives the simulator's time, µs, if it is one with which time goes on: HIL_SENSOR.
    ///
    /// # Errors
    /// [`Refusal`]; what is shown has not changed then. Messages of other kinds change nothing.
    pub fn hear(&mut self, message: &MavMessage) -> Result<Option<u64>, Refusal> {
        let mut next = self.clone();
        let time_us = match message {
            MavMessage::HIL_SENSOR(said) if said.id == 0 => next.inertial(said)?,
            MavMessage::HIL_GPS(said) if said.id == 0 => next.receiver(said).map(|()| None)?,
            MavMessage::HIL_STATE_QUATERNION(said) => next.state(said).map(|()| None)?,
            MavMessage::SYS_STATUS(said) => next.battery(said),
            _ => return Ok(None),
        };
        check(&next.samples).map_err(Refusal::Bad)?;
        *self = next;
        Ok(time_us)
    }

    fn inertial(&mut self, said: &HIL_SENSOR_DATA) -> Result<Option<u64>, Refusal> {
        let HIL_SENSOR_DATA { xacc, yacc, zacc, xgyro, ygyro, zgyro, abs_pressure, temperature, .. } = *said;
        let values = [xacc, yacc, zacc, xgyro, ygyro, zgyro, abs_pressure, temperature];
        if values.iter().any(|value| !value.is_finite()) {
            return Err(Refusal::NotANumber("HIL_SENSOR"));
        }
        let goes_on = self.goes_on(said.time_usec)?;
        let accel = body(DVec3::new(xacc.into(), yacc.into(), zacc.into()));
        let gyro = body(DVec3::new(xgyro.into(), ygyro.into(), zgyro.into()));
        let shown = [
            accel.clamp(DVec3::splat(-ACCEL_MAX), DVec3::splat(ACCEL_MAX)).to_array(),
            gyro.clamp(DVec3::splat(-GYRO_MAX), DVec3::splat(GYRO_MAX)).to_array(),
        ];
        let [imu, [pressure, celsius, ..], ..] = &mut self.samples;
        // The flags' first six bits are these six, in this order.
        for (bit, (to, value)) in imu.iter_mut().zip(shown.as_flattened()).enumerate() {
            if said.fields_updated.bits() & (1 << bit) != 0 {
                *to = *value;
            }
        }
        if said.fields_updated.contains(HilSensorUpdatedFlags::HIL_SENSOR_UPDATED_ABS_PRESSURE) {
            *pressure = f64::from(abs_pressure) * PA_PER_HPA;
        }
        if said.fields_updated.contains(HilSensorUpdatedFlags::HIL_SENSOR_UPDATED_TEMPERATURE) {
            *celsius = temperature.into();
        }
        self.missing -= said.fields_updated;
        Ok(goes_on.then_some(said.time_usec))
    }

    /// Whether time is later than it was; the same twice is one step.
    fn goes_on(&mut self, to_us: u64) -> Result<bool, Refusal> {
        let before = self.time_us.replace(to_us);
        let Some(from_us) = before else { return Ok(true) };
        match to_us.checked_sub(from_us) {
            None => Err(Refusal::TimeGoesBack { from_us, to_us }),
            Some(step_us @ 0..=STEP_MAX_US) => Ok(step_us > 0),
            Some(step_us) => Err(Refusal::TimeLeaps(step_us)),
        }
    }

    fn receiver(&mut self, said: &HIL_GPS_DATA) -> Result<(), Refusal> {
        if self.from != Position::Gps || said.fix_type < FIX_3D {
            return Ok(());
        }
        let place = Scaled { lat: said.lat, lon: said.lon, alt: said.alt };
        self.position(place, [said.vn, said.ve, said.vd])
    }

    fn state(&mut self, said: &HIL_STATE_QUATERNION_DATA) -> Result<(), Refusal> {
        let [w, x, y, z] = said.attitude_quaternion.map(f64::from);
        let turn = DQuat::from_xyzw(x, y, z, w);
        if !turn.is_finite() || (turn.length() - 1.0).abs() > UNIT_WITHIN {
            return Err(Refusal::NoAttitude);
        }
        self.heading.get_or_insert(heading_of(turn));
        if self.from != Position::State {
            return Ok(());
        }
        let place = Scaled { lat: said.lat, lon: said.lon, alt: said.alt };
        self.position(place, [said.vx, said.vy, said.vz])
    }

    /// A place, and a velocity to the north, to the east and down, cm/s.
    fn position(&mut self, place: Scaled, velocity: [i16; 3]) -> Result<(), Refusal> {
        let Some(heading) = self.heading else { return Ok(()) };
        let home = match self.home {
            Some(home) => home,
            None => Home::at(place, heading).ok_or(Refusal::NoHome)?,
        };
        self.home = Some(home);
        let at = world(heading, home.away(place));
        let moving = world(heading, DVec3::from_array(velocity.map(|cm| f64::from(cm) / 100.0)));
        let [.., shown, _] = &mut self.samples;
        *shown = [at.x, at.y, at.z, moving.x, moving.y, moving.z];
        Ok(())
    }

    fn battery(&mut self, said: &SYS_STATUS_DATA) -> Option<u64> {
        let [_, _, _, [volts, amperes, charge, ..], ..] = &mut self.samples;
        if said.voltage_battery != u16::MAX {
            *volts = f64::from(said.voltage_battery) / 1e3;
        }
        // Both have -1 for what is not known.
        if said.current_battery >= 0 {
            *amperes = f64::from(said.current_battery) / 100.0;
        }
        if said.battery_remaining >= 0 {
            *charge = f64::from(said.battery_remaining) / 100.0;
        }
        None
    }
}

#[cfg(test)]
mod tests;
