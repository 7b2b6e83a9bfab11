// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The devices of this vehicle. A device's id is its place in the table: entries may be added at the end,
//! never moved.

/// One of the values of a sensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    /// What it is called.
    pub name: &'static str,
    /// Its unit; `1` for a plain ratio.
    pub unit: &'static str,
}

/// A sensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensor {
    /// Its place in [`SENSORS`].
    pub id: usize,
    /// What manifests and apps call it.
    pub name: &'static str,
    /// What a reading holds, in this order.
    pub values: &'static [Value],
}

/// An actuator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Actuator {
    /// Its place in [`ACTUATORS`].
    pub id: usize,
    /// What manifests and apps call it.
    pub name: &'static str,
    /// The unit of its value; `1` for a plain ratio.
    pub unit: &'static str,
    /// The lowest value that `actuator_guard` applies.
    pub min: f64,
    /// The highest value that `actuator_guard` applies.
    pub max: f64,
    /// The value that `actuator_guard` applies whenever nobody holds a lease.
    pub safe: f64,
}

const fn value(name: &'static str, unit: &'static str) -> Value {
    Value { name, unit }
}

const fn ratio(id: usize, name: &'static str) -> Actuator {
    Actuator { id, name, unit: "1", min: 0.0, max: 1.0, safe: 0.0 }
}

/// Every sensor, by id.
///
/// Axes: a vehicle's own are x forward, y to the left, z up; the world's are x, y and z (up) from where the vehicle was
/// switched on, x where it pointed then.
pub const SENSORS: [Sensor; 6] = [
    Sensor {
        id: 0,
        name: "imu",
        values: &[
            value("accel-x", "m/s2"),
            value("accel-y", "m/s2"),
            value("accel-z", "m/s2"),
            value("gyro-x", "rad/s"),
            value("gyro-y", "rad/s"),
            value("gyro-z", "rad/s"),
        ],
    },
    Sensor { id: 1, name: "barometer", values: &[value("pressure", "Pa"), value("temperature", "degC")] },
    Sensor {
        id: 2,
        name: "wheel-speed",
        values: &[
            value("front-left", "m/s"),
            value("front-right", "m/s"),
            value("rear-left", "m/s"),
            value("rear-right", "m/s"),
        ],
    },
    Sensor {
        id: 3,
        name: "battery",
        values: &[value("voltage", "V"), value("current", "A"), value("charge", "1")],
    },
    Sensor {
        id: 4,
        name: "position",
        values: &[
            value("x", "m"),
            value("y", "m"),
            value("z", "m"),
            value("velocity-x", "m/s"),
            value("velocity-y", "m/s"),
            value("velocity-z", "m/s"),
        ],
    },
    // What the driver demands: pedals from 0 to 1, the angle of the front wheels, the speed that was set (0: none).
    Sensor {
        id: 5,
        name: "driver",
        values: &[
            value("brake", "1"),
            value("accelerator", "1"),
            value("steering", "rad"),
            value("set-speed", "m/s"),
        ],
    },
];

/// Every actuator, by id. Wheels and motors are counted front left, front right, rear left, rear right. A release takes
/// that part of the brake's pressure away from one wheel, as the valves of an anti-lock system do.
pub const ACTUATORS: [Actuator; 9] = [
    ratio(0, "motor-0"),
    ratio(1, "motor-1"),
    ratio(2, "motor-2"),
    ratio(3, "motor-3"),
    ratio(4, "brake"),
    ratio(5, "brake-release-0"),
    ratio(6, "brake-release-1"),
    ratio(7, "brake-release-2"),
    ratio(8, "brake-release-3"),
];

/// The sensor of this name.
pub fn sensor_by_name(name: &str) -> Option<&'static Sensor> {
    const { &SENSORS }.iter().find(|sensor| sensor.name == name)
}

/// The actuator of this name.
pub fn actuator_by_name(name: &str) -> Option<&'static Actuator> {
    const { &ACTUATORS }.iter().find(|actuator| actuator.name == name)
}
