// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A car with four wheels: a body that moves in the plane, loads that shift, tyres that slip, a brake that lags.
//!
//! Each wheel has a motor of its own, and a share of one brake circuit from which a valve can release it.

#[cfg(test)]
mod tests;

use cofferdam_device_protocol::{SENSOR_COUNT, VALUES_MAX};

use crate::{Actuation, Battery, BatteryParameters, GRAVITY, Noise, Plant, Samples, TyreCurve, atmosphere};

/// The step within which wheels, which are light, stay stable.
const STEP_S: f64 = 0.000_1;
const STEP_US: u64 = 100;
/// The way on which a tyre's slip builds up, m.
const RELAXATION_M: f64 = 0.15;
/// Below this speed a braked car stands, m/s.
const STANDS_BELOW: f64 = 0.05;
/// A wheel slower than this shows nothing, m/s: its sensor counts teeth.
const WHEEL_SENSED_FROM: f64 = 0.2;

/// What it is like.
#[derive(Clone, Copy, Debug)]
pub struct CarParameters {
    /// kg.
    pub mass: f64,
    /// About the vertical, kg m².
    pub yaw_inertia: f64,
    /// From the centre of mass to the front axle and to the rear axle, m.
    pub axles: [f64; 2],
    /// Between the wheels of an axle, m.
    pub track: f64,
    /// Of the centre of mass, m.
    pub height: f64,
    /// Of a wheel, m.
    pub wheel_radius: f64,
    /// Of a wheel, kg m².
    pub wheel_inertia: f64,
    /// Of all wheels together, brake fully on, N m.
    pub brake_torque: f64,
    /// The part of it that is at the front.
    pub brake_front: f64,
    /// Time constant of the brake's pressure, s.
    pub brake_lag_s: f64,
    /// Of one motor at full output, N m.
    pub motor_torque: f64,
    /// Of all motors together, W.
    pub motor_power: f64,
    /// Force for each (m/s)², N s²/m².
    pub drag: f64,
    /// Rolling resistance, as part of the weight.
    pub rolling: f64,
    /// The road.
    pub road: TyreCurve,
    /// How much the road rises, as the sine of its angle.
    pub slope: f64,
    /// Standard deviations of what sensors get wrong; zero for exact ones.
    pub noise: f64,
}

impl Default for CarParameters {
    /// A family car on a dry, level road.
    fn default() -> Self {
        Self {
            mass: 1_500.0,
            yaw_inertia: 2_600.0,
            axles: [1.25, 1.45],
            track: 1.55,
            height: 0.5,
            wheel_radius: 0.31,
            wheel_inertia: 1.2,
            brake_torque: 7_000.0,
            brake_front: 0.62,
            brake_lag_s: 0.02,
            motor_torque: 350.0,
            motor_power: 120_000.0,
            drag: 0.4,
            rolling: 0.01,
            road: TyreCurve::DRY,
            slope: 0.0,
            noise: 1.0,
        }
    }
}

/// What somebody at the wheel wants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DriverDemand {
    /// Brake pedal, 0 to 1.
    pub brake: f64,
    /// Accelerator, 0 to 1.
    pub accelerator: f64,
    /// Angle of the front wheels, rad; to the left is positive.
    pub steering: f64,
    /// Speed to hold, m/s; zero if none was set.
    pub set_speed: f64,
}

/// Where it is and how it moves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CarState {
    /// In the world, m.
    pub x: f64,
    /// In the world, m.
    pub y: f64,
    /// rad.
    pub heading: f64,
    /// Forward, m/s.
    pub forward: f64,
    /// To the left, m/s.
    pub sideways: f64,
    /// rad/s.
    pub yaw_rate: f64,
    /// Of each wheel: front left, front right, rear left, rear right, rad/s.
    pub wheels: [f64; 4],
    /// The brake's pressure at each wheel, 0 to 1.
    pub pressures: [f64; 4],
    /// Distance travelled, m.
    pub travelled: f64,
}

/// The car, its sensors and its driver.
#[derive(Clone, Debug)]
pub struct Car {
    parameters: CarParameters,
    state: CarState,
    /// Slip of each wheel along and across, as it has built up.
    slips: [(f64, f64); 4],
    driver: DriverDemand,
    /// What an accelerometer feels, along its own axes, m/s².
    felt: (f64, f64),
    battery: Battery,
    noise: Noise,
    gyro_bias: f64,
    accel_bias: f64,
    time_us: u64,
}

impl Car {
    /// On the road at this speed, m/s, wheels rolling. All chance comes from `seed`.
    pub fn new(parameters: CarParameters, speed: f64, seed: u64) -> Self {
        let state =
            CarState { forward: speed, wheels: [speed / parameters.wheel_radius; 4], ..CarState::default() };
        let battery = BatteryParameters { capacity_as: 3_600.0 * 60.0, ..BatteryParameters::default() };
        let mut noise = Noise::new(seed);
        let accel_bias = noise.normal(0.05 * parameters.noise);
        let gyro_bias = noise.normal(0.005 * parameters.noise);
        Self {
            parameters,
            state,
            slips: [(0.0, 0.0); 4],
            driver: DriverDemand::default(),
            felt: (0.0, 0.0),
            battery: Battery::new(battery),
            noise,
            gyro_bias,
            accel_bias,
            time_us: 0,
        }
    }

    /// What the driver wants from now on.
    pub const fn demand(&mut self, driver: DriverDemand) {
        self.driver = driver;
    }

    /// Another road from now on.
    pub const fn drive_onto(&mut self, road: TyreCurve) {
        self.parameters.road = road;
    }

    /// Where it is and how it moves.
    pub const fn state(&self) -> &CarState {
        &self.state
    }

    /// How fast it moves over the ground, m/s.
    pub fn speed(&self) -> f64 {
        libm::hypot(self.state.forward, self.state.sideways)
    }

    /// Slip of each wheel along the car: -1 is locked.
    pub fn slips(&self) -> [f64; 4] {
        let forward = self.state.forward.max(0.5);
        self.state.wheels.map(|wheel| wheel * self.parameters.wheel_radius / forward - 1.0)
    }

    /// Load of each wheel, N: what weight, braking and turning put on it.
    fn loads(&self) -> [f64; 4] {
        let p = &self.parameters;
        let base = p.axles[0] + p.axles[1];
        let weight = p.mass * GRAVITY;
        let pitch = p.mass * self.felt.0 * p.height / base;
        let front = weight * p.axles[1] / base - pitch;
        let rear = weight * p.axles[0] / base + pitch;
        let roll = |axle: f64| axle / weight * p.mass * self.felt.1 * p.height / p.track;
        let (front_roll, rear_roll) = (roll(front), roll(rear));
        [front / 2.0 - front_roll, front / 2.0 + front_roll, rear / 2.0 - rear_roll, rear / 2.0 + rear_roll]
            .map(|load| load.max(0.0))
    }

    fn step_once(&mut self, actuation: Actuation) {
        let p = self.parameters;
        let mut s = self.state;
        let follows = 1.0 - libm::exp(-STEP_S / p.brake_lag_s);
        for (pressure, release) in s.pressures.iter_mut().zip(actuation.releases) {
            *pressure += (actuation.brake * (1.0 - release) - *pressure) * follows;
        }
        let loads = self.loads();
        let (mut force_x, mut force_y, mut moment) = (0.0, 0.0, 0.0);
        let shaft: f64 =
            s.wheels.iter().zip(actuation.motors).map(|(w, m)| w.max(0.0) * m * p.motor_torque).sum();
        let limited = if shaft > p.motor_power { p.motor_power / shaft } else { 1.0 };
        for (index, load) in loads.into_iter().enumerate() {
            let at_front = index < 2;
            let x = if at_front { p.axles[0] } else { -p.axles[1] };
            let y = if index % 2 == 0 { p.track / 2.0 } else { -p.track / 2.0 };
            let angle = if at_front { self.driver.steering } else { 0.0 };
            let (sin, cos) = (libm::sin(angle), libm::cos(angle));
            // The wheel's own velocity, along and across it.
            let (vx, vy) = (s.forward - s.yaw_rate * y, s.sideways + s.yaw_rate * x);
            let (along, across) = (vx * cos + vy * sin, vy * cos - vx * sin);
            let (Some(slip), Some(wheel)) = (self.slips.get_mut(index), s.wheels.get_mut(index)) else {
                continue;
            };
            // Slip builds up on the way that the tyre rolls; at standstill it stays bounded.
            let speed = along.abs();
            let builds = |slip: f64, sliding: f64| {
                (slip + STEP_S / RELAXATION_M * sliding) / (1.0 + STEP_S / RELAXATION_M * speed)
            };
            *slip = (
                builds(slip.0, *wheel * p.wheel_radius - along).clamp(-1.5, 1.5),
                builds(slip.1, across).clamp(-1.5, 1.5),
            );
            let (grip, side) = p.road.combined(slip.0, slip.1);
            let (push, pull) = (grip * load, side * load);
            // The brake takes away what turns, and turns nothing back.
            let drive = actuation.motors.get(index).map_or(0.0, |motor| motor * p.motor_torque * limited);
            let share = if at_front { p.brake_front } else { 1.0 - p.brake_front };
            let pressure = s.pressures.get(index).copied().unwrap_or(0.0);
            let brake = pressure * p.brake_torque * share / 2.0 + p.rolling * load * p.wheel_radius;
            let free = *wheel + STEP_S / p.wheel_inertia * (drive - push * p.wheel_radius);
            let braked = (free.abs() - STEP_S / p.wheel_inertia * brake).max(0.0);
            *wheel = if free < 0.0 { -braked } else { braked };
            let (fx, fy) = (push * cos - pull * sin, push * sin + pull * cos);
            force_x += fx;
            force_y += fy;
            moment += x * fy - y * fx;
        }
        force_x -= p.drag * s.forward * s.forward.abs();
        let weight_along = p.mass * GRAVITY * p.slope;
        // An accelerometer feels everything but weight.
        self.felt = (force_x / p.mass, force_y / p.mass);
        let accel_x = (force_x - weight_along) / p.mass + s.yaw_rate * s.sideways;
        let accel_y = force_y / p.mass - s.yaw_rate * s.forward;
        s.forward += accel_x * STEP_S;
        s.sideways += accel_y * STEP_S;
        s.yaw_rate += moment / p.yaw_inertia * STEP_S;
        let stands = s.pressures.iter().sum::<f64>() > 0.05
            && s.forward.abs() < STANDS_BELOW
            && s.sideways.abs() < STANDS_BELOW;
        if stands {
            (s.forward, s.sideways, s.yaw_rate, s.wheels) = (0.0, 0.0, 0.0, [0.0; 4]);
            self.slips = [(0.0, 0.0); 4];
            self.felt = (GRAVITY * p.slope, 0.0);
        }
        s.heading += s.yaw_rate * STEP_S;
        let (sin, cos) = (libm::sin(s.heading), libm::cos(s.heading));
        s.x += (s.forward * cos - s.sideways * sin) * STEP_S;
        s.y += (s.forward * sin + s.sideways * cos) * STEP_S;
        s.travelled += libm::hypot(s.forward, s.sideways) * STEP_S;
        self.state = s;
        let power: f64 = shaft.min(p.motor_power);
        self.battery.draw(1.0 + power / 400.0, STEP_S);
    }
}

impl Plant for Car {
    fn step(&mut self, actuation: Actuation, step_us: u64) {
        self.time_us += step_us;
        for _ in 0..step_us.div_ceil(STEP_US) {
            self.step_once(actuation);
        }
    }

    fn sample(&mut self) -> Samples {
        let noise = self.parameters.noise;
        let mut noisy = |exact: f64, deviation: f64| exact + self.noise.normal(deviation * noise);
        let state = self.state;
        let imu = [
            noisy(self.felt.0 + self.accel_bias, 0.08),
            noisy(self.felt.1, 0.08),
            noisy(GRAVITY, 0.08),
            noisy(0.0, 0.003),
            noisy(0.0, 0.003),
            noisy(state.yaw_rate + self.gyro_bias, 0.003),
        ];
        let wheels = state.wheels.map(|wheel| {
            let shown = noisy(wheel * self.parameters.wheel_radius, 0.02);
            if shown < WHEEL_SENSED_FROM { 0.0 } else { shown }
        });
        let height = state.travelled * self.parameters.slope;
        let pressure = noisy(atmosphere::pressure_pa(height), 2.0);
        let (sin, cos) = (libm::sin(state.heading), libm::cos(state.heading));
        let position = [
            noisy(state.x, 0.15),
            noisy(state.y, 0.15),
            noisy(height, 0.15),
            noisy(state.forward * cos - state.sideways * sin, 0.05),
            noisy(state.forward * sin + state.sideways * cos, 0.05),
            noisy(state.forward * self.parameters.slope, 0.05),
        ];
        let mut samples = [[0.0; VALUES_MAX]; SENSOR_COUNT];
        samples[0] = crate::imu(imu);
        samples[1] = [pressure, 15.0, 0.0, 0.0, 0.0, 0.0];
        samples[2] = [wheels[0], wheels[1], wheels[2], wheels[3], 0.0, 0.0];
        samples[3] =
            [self.battery.voltage_v(), self.battery.current_a(), self.battery.charge(), 0.0, 0.0, 0.0];
        samples[4] = position;
        let DriverDemand { brake, accelerator, steering, set_speed } = self.driver;
        samples[5] = [brake, accelerator, steering, set_speed, 0.0, 0.0];
        samples
    }

    fn time_us(&self) -> u64 {
        self.time_us
    }

    fn columns(&self) -> Vec<(&'static str, f64)> {
        let CarState { x, y, heading, forward, wheels, pressures, travelled, .. } = self.state;
        let [a, b, c, d] = wheels.map(|wheel| wheel * self.parameters.wheel_radius);
        vec![
            ("x m", x),
            ("y m", y),
            ("heading rad", heading),
            ("speed m/s", forward),
            ("wheel-0 m/s", a),
            ("wheel-1 m/s", b),
            ("wheel-2 m/s", c),
            ("wheel-3 m/s", d),
            ("pressure-0", pressures[0]),
            ("pressure-1", pressures[1]),
            ("pressure-2", pressures[2]),
            ("pressure-3", pressures[3]),
            ("driver-brake", self.driver.brake),
            ("travelled m", travelled),
        ]
    }
}
