// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A lithium battery: its voltage falls with charge, and sags under load.

/// What it is like.
#[derive(Clone, Copy, Debug)]
pub struct BatteryParameters {
    /// Charge when full, ampere seconds.
    pub capacity_as: f64,
    /// Voltage without load when full, V.
    pub full_v: f64,
    /// Voltage without load when empty, V.
    pub empty_v: f64,
    /// Internal resistance, Ω.
    pub resistance_ohm: f64,
}

impl Default for BatteryParameters {
    /// Four cells, 3 Ah.
    fn default() -> Self {
        Self { capacity_as: 3.0 * 3_600.0, full_v: 16.8, empty_v: 13.2, resistance_ohm: 0.03 }
    }
}

/// The battery.
#[derive(Clone, Debug)]
pub struct Battery {
    parameters: BatteryParameters,
    used_as: f64,
    current_a: f64,
}

impl Battery {
    /// A full one.
    pub const fn new(parameters: BatteryParameters) -> Self {
        Self { parameters, used_as: 0.0, current_a: 0.0 }
    }

    /// Draws `current_a` for `step_s`. An empty battery gives what voltage it has left.
    pub fn draw(&mut self, current_a: f64, step_s: f64) {
        self.current_a = current_a;
        self.used_as = (self.used_as + current_a * step_s).min(self.parameters.capacity_as);
    }

    /// From 0 to 1.
    pub fn charge(&self) -> f64 {
        1.0 - self.used_as / self.parameters.capacity_as
    }

    /// The current that was drawn last, A.
    pub const fn current_a(&self) -> f64 {
        self.current_a
    }

    /// The voltage under that current, V.
    pub fn voltage_v(&self) -> f64 {
        let BatteryParameters { full_v, empty_v, resistance_ohm, .. } = self.parameters;
        (empty_v + (full_v - empty_v) * self.charge() - self.current_a * resistance_ohm).max(0.0)
    }

    /// Voltage of a full battery without load, V.
    pub const fn full_v(&self) -> f64 {
        self.parameters.full_v
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charge_counts_down_and_load_sags() {
        let mut battery = Battery::new(BatteryParameters::default());
        assert_eq!(battery.voltage_v(), 16.8);
        battery.draw(10.0, 0.0);
        assert!((battery.voltage_v() - 16.5).abs() < 1e-12, "10 A through 0.03 Ω");
        for _ in 0..540 {
            battery.draw(10.0, 1.0);
        }
        assert!((battery.charge() - 0.5).abs() < 1e-12, "half of 3 Ah after 9 minutes at 10 A");
        assert!((battery.voltage_v() - (15.0 - 0.3)).abs() < 1e-9);
        battery.draw(1e9, 1.0);
        assert_eq!((battery.charge(), battery.voltage_v()), (0.0, 0.0), "never below nothing");
    }
}
