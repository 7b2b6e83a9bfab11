// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Messages that say how a plant is.
//!
//! Whole numbers take what they can: what lies beyond their ends is at their ends.

use cofferdam_plant_protocol::Samples;
use cofferdam_plants::Vehicle;
use glam::DVec3;
use mavlink::dialects::common::{
    ATTITUDE_DATA, GLOBAL_POSITION_INT_DATA, HEARTBEAT_DATA, HIL_GPS_DATA, HIL_SENSOR_DATA,
    HIL_STATE_QUATERNION_DATA, HilSensorUpdatedFlags, LOCAL_POSITION_NED_DATA, MavAutopilot, MavModeFlag,
    MavState, MavSysStatusSensor, MavType, SYS_STATUS_DATA,
};

use crate::axes::{attitude_to_ned, body, euler_of, world};
use crate::place::{Home, Scaled};
use crate::truth::Truth;

/// What stands for a number that is not known.
const UNKNOWN: u16 = u16::MAX;
/// A fix of a receiver in three dimensions.
pub(crate) const FIX_3D: u8 = 3;
pub(crate) const PA_PER_HPA: f64 = 100.0;
/// Fields of HIL_SENSOR that are filled in: accelerations, rates, pressure and temperature.
const FILLED: u32 = 0b1_0010_0011_1111;

/// m/s in steps of a cm/s.
fn cm_per_s(value: f64) -> i16 {
    (value * 100.0).round() as i16
}

/// HIL_SENSOR: what inertial sensors and the barometer show. There is no compass.
pub fn sensor(time_usec: u64, samples: &Samples) -> HIL_SENSOR_DATA {
    let [[ax, ay, az, gx, gy, gz], [pressure, temperature, ..], ..] = *samples;
    let [accel, gyro] = [DVec3::new(ax, ay, az), DVec3::new(gx, gy, gz)].map(|own| body(own).as_vec3());
    HIL_SENSOR_DATA {
        time_usec,
        xacc: accel.x,
        yacc: accel.y,
        zacc: accel.z,
        xgyro: gyro.x,
        ygyro: gyro.y,
        zgyro: gyro.z,
        abs_pressure: (pressure / PA_PER_HPA) as f32,
        temperature: temperature as f32,
        fields_updated: HilSensorUpdatedFlags::from_bits_truncate(FILLED),
        ..HIL_SENSOR_DATA::default()
    }
}

/// HIL_GPS: what the position sensor shows.
pub fn gps(time_usec: u64, home: &Home, samples: &Samples) -> HIL_GPS_DATA {
    let [.., [x, y, z, vx, vy, vz], _] = *samples;
    let Scaled { lat, lon, alt } = home.place(world(home.heading, DVec3::new(x, y, z)));
    let moving = world(home.heading, DVec3::new(vx, vy, vz));
    HIL_GPS_DATA {
        time_usec,
        lat,
        lon,
        alt,
        eph: UNKNOWN,
        epv: UNKNOWN,
        vel: (moving.x.hypot(moving.y) * 100.0).round() as u16,
        vn: cm_per_s(moving.x),
        ve: cm_per_s(moving.y),
        vd: cm_per_s(moving.z),
        cog: UNKNOWN,
        fix_type: FIX_3D,
        satellites_visible: u8::MAX,
        ..HIL_GPS_DATA::default()
    }
}

/// HIL_STATE_QUATERNION: how it really is. Without accelerations, for simulators do not agree on what is meant.
pub fn state(time_usec: u64, home: &Home, truth: &Truth) -> HIL_STATE_QUATERNION_DATA {
    let turn = attitude_to_ned(home.heading, truth.attitude).as_quat();
    let rates = body(truth.rates).as_vec3();
    let Scaled { lat, lon, alt } = home.place(world(home.heading, truth.position));
    let moving = world(home.heading, truth.velocity);
    HIL_STATE_QUATERNION_DATA {
        time_usec,
        attitude_quaternion: [turn.w, turn.x, turn.y, turn.z],
        rollspeed: rates.x,
        pitchspeed: rates.y,
        yawspeed: rates.z,
        lat,
        lon,
        alt,
        vx: cm_per_s(moving.x),
        vy: cm_per_s(moving.y),
        vz: cm_per_s(moving.z),
        ..HIL_STATE_QUATERNION_DATA::default()
    }
}

/// SYS_STATUS: what the battery sensor shows.
pub fn battery(samples: &Samples) -> SYS_STATUS_DATA {
    let [_, _, _, [volts, amperes, charge, ..], ..] = *samples;
    SYS_STATUS_DATA {
        onboard_control_sensors_present: MavSysStatusSensor::MAV_SYS_STATUS_SENSOR_BATTERY,
        onboard_control_sensors_enabled: MavSysStatusSensor::MAV_SYS_STATUS_SENSOR_BATTERY,
        onboard_control_sensors_health: MavSysStatusSensor::MAV_SYS_STATUS_SENSOR_BATTERY,
        voltage_battery: (volts * 1e3).round() as u16,
        current_battery: (amperes * 100.0).round() as i16,
        battery_remaining: (charge * 100.0).round() as i8,
        ..SYS_STATUS_DATA::default()
    }
}

/// HEARTBEAT of a vehicle; armed is whether somebody holds its motors.
pub fn heartbeat(vehicle: Option<&Vehicle>, armed: bool) -> HEARTBEAT_DATA {
    let mavtype = match vehicle {
        Some(Vehicle::Car(_)) => MavType::MAV_TYPE_GROUND_ROVER,
        Some(Vehicle::Quad(_)) | None => MavType::MAV_TYPE_QUADROTOR,
    };
    let (mode, status) = match armed {
        true => (MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED, MavState::MAV_STATE_ACTIVE),
        false => (MavModeFlag::empty(), MavState::MAV_STATE_STANDBY),
    };
    HEARTBEAT_DATA {
        custom_mode: 0,
        mavtype,
        autopilot: MavAutopilot::MAV_AUTOPILOT_GENERIC,
        base_mode: mode | MavModeFlag::MAV_MODE_FLAG_HIL_ENABLED,
        system_status: status,
        mavlink_version: 3,
    }
}

/// ATTITUDE, for a ground station.
pub fn attitude(time_boot_ms: u32, home: &Home, truth: &Truth) -> ATTITUDE_DATA {
    let euler = euler_of(attitude_to_ned(home.heading, truth.attitude)).map(|angle| angle as f32);
    let rates = body(truth.rates).as_vec3();
    ATTITUDE_DATA {
        time_boot_ms,
        roll: euler[0],
        pitch: euler[1],
        yaw: euler[2],
        rollspeed: rates.x,
        pitchspeed: rates.y,
        yawspeed: rates.z,
    }
}

/// LOCAL_POSITION_NED, for a ground station: from home.
pub fn local_position(time_boot_ms: u32, home: &Home, truth: &Truth) -> LOCAL_POSITION_NED_DATA {
    let [at, moving] = [truth.position, truth.velocity].map(|own| world(home.heading, own).as_vec3());
    LOCAL_POSITION_NED_DATA {
        time_boot_ms,
        x: at.x,
        y: at.y,
        z: at.z,
        vx: moving.x,
        vy: moving.y,
        vz: moving.z,
    }
}

/// GLOBAL_POSITION_INT, for a ground station's map.
pub fn global_position(time_boot_ms: u32, home: &Home, truth: &Truth) -> GLOBAL_POSITION_INT_DATA {
    let Scaled { lat, lon, alt } = home.place(world(home.heading, truth.position));
    let moving = world(home.heading, truth.velocity);
    let [.., yaw] = euler_of(attitude_to_ned(home.heading, truth.attitude));
    GLOBAL_POSITION_INT_DATA {
        time_boot_ms,
        lat,
        lon,
        alt,
        relative_alt: (truth.position.z * 1e3).round() as i32,
        vx: cm_per_s(moving.x),
        vy: cm_per_s(moving.y),
        vz: cm_per_s(moving.z),
        hdg: (yaw.to_degrees().rem_euclid(360.0) * 100.0).round() as u16 % 36_000,
    }
}

#[cfg(test)]
mod tests {
    use glam::DQuat;

    use super::*;

    const EAST: f64 = std::f64::consts::FRAC_PI_2;

    fn home() -> Home {
        Home::new(47.0, 8.0, 500.0, EAST).unwrap()
    }

    /// Three metres ahead, which is east, and two metres up; nose up by 0.1 rad, turned to the left by 0.5 rad.
    fn truth() -> Truth {
        Truth {
            position: DVec3::new(3.0, 0.0, 2.0),
            velocity: DVec3::new(1.0, 0.5, -0.25),
            attitude: DQuat::from_rotation_z(0.5) * DQuat::from_rotation_y(-0.1),
            rates: DVec3::new(0.1, 0.2, 0.3),
        }
    }

    #[test]
    fn a_ground_station_is_told_in_its_own_axes() {
        let at = local_position(5, &home(), &truth());
        for (seen, expected) in
            [at.x, at.y, at.z, at.vx, at.vy, at.vz].into_iter().zip([0.0, 3.0, -2.0, 0.5, 1.0, 0.25])
        {
            assert!((seen - expected).abs() < 1e-6, "{at:?}");
        }
        let turned = attitude(5, &home(), &truth());
        for (seen, expected) in
            [turned.roll, turned.pitch, turned.yaw].into_iter().zip([0.0, 0.1, EAST as f32 - 0.5])
        {
            assert!((seen - expected).abs() < 1e-6, "{turned:?}");
        }
        assert_eq!([turned.rollspeed, turned.pitchspeed, turned.yawspeed], [0.1, -0.2, -0.3]);
        let on_map = global_position(5, &home(), &truth());
        assert_eq!((on_map.lat, on_map.alt, on_map.relative_alt), (470_000_000, 502_000, 2_000));
        // 3 m of 76.06 km a degree.
        assert!((on_map.lon - 80_000_394).abs() <= 2, "{}", on_map.lon);
        assert_eq!((on_map.vx, on_map.vy, on_map.vz), (50, 100, 25));
        assert_eq!(on_map.hdg, ((EAST - 0.5).to_degrees() * 100.0).round() as u16);
    }

    #[test]
    fn what_does_not_fit_is_at_its_end() {
        let fast = Truth { velocity: DVec3::splat(1e6), position: DVec3::new(0.0, 0.0, 1e9), ..truth() };
        let said = state(0, &home(), &fast);
        assert_eq!((said.vx, said.vz, said.alt), (i16::MAX, i16::MIN, i32::MAX));
    }
}
