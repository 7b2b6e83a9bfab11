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
    /// Where its safe state ends if nothing else is demanded.
    pub safe: f64,
    /// What `actuator_guard` does whenever nobody holds a lease.
    pub safe_state: SafeState,
    /// Its value changes by so much a second at most, whatever it is sent.
    pub slew_per_second: f64,
    /// A lease on it ends when no new value has come for so long.
    pub fresh_us: u64,
    /// Actuators of the same group are held by one client at a time.
    pub group: u8,
    /// It drives the vehicle: cut while the driver brakes.
    pub drives: bool,
}

/// What an actuator does while nobody holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SafeState {
    /// A controlled descent, then stop. All of its group go, at their slew limits, to one and the same value, which tilts nothing:
    /// this share of what they were sent to on average of late, or what they were sent to last if that was less. It stays there
    /// for a time, and goes to its safe value after it.
    Descent {
        /// In thousandths.
        share_permille: u32,
        /// So long from the end of the lease.
        lasts_us: u64,
        /// From then on in this time.
        stop_us: u64,
    },
    /// It is at its safe value at once.
    AtOnce,
    /// It does what the driver demands, at once and exactly.
    Demand,
}

/// Above this demand of the driver on the brake, what drives is cut.
pub const DEMAND_CUTS_ABOVE: f64 = 0.05;

const fn value(name: &'static str, unit: &'static str) -> Value {
    Value { name, unit }
}

/// A value that a loop of 100 Hz has missed 25 times is no value any more.
const FRESH_US: u64 = 250_000;

/// A ratio that moves over its whole range in `travel_us` at the fastest.
const fn ratio(id: usize, name: &'static str, group: u8, travel_us: u64, safe_state: SafeState) -> Actuator {
    Actuator {
        id,
        name,
        unit: "1",
        min: 0.0,
        max: 1.0,
        safe: 0.0,
        safe_state,
        slew_per_second: 1e6 / travel_us as f64,
        fresh_us: FRESH_US,
        group,
        drives: false,
    }
}

/// A propeller follows no faster than in some 50 ms. Thrust goes with the square of what it does: nine tenths of what carries the
/// vehicle let it sink by a tenth of gravity, which from two metres is a landing at two metres a second. After four seconds,
/// which is from seven metres, it stops wherever it is.
const fn motor(id: usize, name: &'static str) -> Actuator {
    let descent = SafeState::Descent { share_permille: 950, lasts_us: 4_000_000, stop_us: 2_000_000 };
    Actuator { drives: true, ..ratio(id, name, 0, 50_000, descent) }
}

/// A valve at a wheel: without a controller the brake acts unmodulated.
const fn release(id: usize, name: &'static str) -> Actuator {
    ratio(id, name, 2, 5_000, SafeState::AtOnce)
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
    motor(0, "motor-0"),
    motor(1, "motor-1"),
    motor(2, "motor-2"),
    motor(3, "motor-3"),
    ratio(4, "brake", 1, 50_000, SafeState::Demand),
    release(5, "brake-release-0"),
    release(6, "brake-release-1"),
    release(7, "brake-release-2"),
    release(8, "brake-release-3"),
];

/// The sensor of this name.
pub fn sensor_by_name(name: &str) -> Option<&'static Sensor> {
    const { &SENSORS }.iter().find(|sensor| sensor.name == name)
}

/// The actuator of this name.
pub fn actuator_by_name(name: &str) -> Option<&'static Actuator> {
    const { &ACTUATORS }.iter().find(|actuator| actuator.name == name)
}
