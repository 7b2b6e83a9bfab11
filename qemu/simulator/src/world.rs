// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A plant in its scenario, tick by tick.

use cofferdam_device_protocol::ACTUATOR_COUNT;
use cofferdam_device_protocol::actuator::Output;
use cofferdam_plant_protocol::{Outputs, Samples, TICK_US};
use cofferdam_plants::{Actuation, Measure, Plant, Recording, Scenario, Vehicle};
use sha2::{Digest, Sha256};

/// When the scenario's time begins. Until then the vehicle is as it is at the start, and its sensors stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// With the first tick.
    AtOnce,
    /// With the first tick in which somebody holds this actuator. A controller that is pushed at any time sees the same from its
    /// first activation on.
    WhenHeld(usize),
}

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The plant, and what it goes through.
    pub scenario: &'static Scenario,
    /// Where all chance comes from.
    pub seed: u64,
    /// When time begins.
    pub begin: Begin,
}

/// What the outputs did in a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tick {
    /// Of the device's clock, in its ticks.
    pub tick: u64,
    /// By actuator.
    pub outputs: [Output; ACTUATOR_COUNT],
}

/// A plant, its scenario, and what was seen of it.
#[derive(Debug)]
pub struct World {
    setup: Setup,
    vehicle: Vehicle,
    shown: Samples,
    /// What moves it until the next tick.
    actuation: Actuation,
    begun: Option<u64>,
    over: bool,
    last: Option<u64>,
    /// What the device last said of late ticks, and when that has grown since time began.
    late_told: u64,
    late: Vec<u64>,
    ticks: Vec<Tick>,
    recording: Recording,
    digest: Sha256,
}

/// What was seen of a whole run.
#[derive(Clone, Debug)]
pub struct Flight {
    /// What was simulated.
    pub scenario: &'static Scenario,
    /// From the scenario's beginning to its end.
    pub recording: Recording,
    /// Every tick, also those before and after.
    pub ticks: Vec<Tick>,
    /// The tick with which the scenario's time began.
    pub begun: Option<u64>,
    /// Ticks since the scenario's beginning before which the device did not wait long enough, or could not tell one: if there are
    /// any, a flight does not repeat.
    pub late: Vec<u64>,
    /// SHA-256 of every output and every sample from the scenario's beginning to its end.
    pub digest: [u8; 32],
}

/// Twice the scenario's: something happens before and after, too.
fn ticks_expected(scenario: &Scenario) -> usize {
    usize::try_from(2 * scenario.duration_us / TICK_US).unwrap_or_default()
}

impl Flight {
    /// Figures of the whole run, as the scenario judges it.
    pub fn judge(&self) -> Vec<Measure> {
        self.scenario.judge(&self.recording)
    }

    /// When it was on the device's clock, s of the scenario's time; nothing before the beginning.
    pub fn time_s(&self, device_us: u64) -> Option<f64> {
        let begun_us = self.begun?.saturating_mul(TICK_US);
        Some(device_us.checked_sub(begun_us)? as f64 / 1e6)
    }
}

impl World {
    /// At its start.
    pub fn new(setup: Setup) -> Self {
        let mut vehicle = setup.scenario.build(setup.seed);
        let shown = vehicle.sample();
        Self {
            setup,
            vehicle,
            shown,
            actuation: Actuation::default(),
            begun: None,
            over: false,
            last: None,
            late_told: 0,
            late: Vec::new(),
            // Growing later would move megabytes while the device waits.
            ticks: Vec::with_capacity(ticks_expected(setup.scenario)),
            recording: Recording::new(),
            digest: Sha256::new(),
        }
    }

    /// Whether the scenario's time has begun.
    pub const fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Whether nothing will happen any more.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// The plant as it is now.
    pub const fn vehicle(&self) -> &Vehicle {
        &self.vehicle
    }

    /// How many ticks the device has told.
    pub const fn tick_count(&self) -> usize {
        self.ticks.len()
    }

    /// Since the scenario's beginning, µs.
    pub fn time_us(&self) -> u64 {
        self.vehicle.time_us()
    }

    /// What the plant is like, as [`Plant::columns`] names it.
    pub fn value(&self, column: &str) -> Option<f64> {
        self.vehicle.columns().into_iter().find(|(name, _)| *name == column).map(|(_, value)| value)
    }

    /// What the plant is like: the name and unit of each column, and its value now.
    pub fn columns(&self) -> Vec<(&'static str, f64)> {
        self.vehicle.columns()
    }

    /// The device has come to a tick: lets the time since the one before pass, with the outputs of that, and gives what sensors
    /// show now.
    pub fn tick(&mut self, told: &Outputs) -> Samples {
        let passed = self.last.map_or(0, |last| told.tick.saturating_sub(last));
        self.last = Some(told.tick);
        let late = told.late > self.late_told;
        self.late_told = told.late;
        self.ticks.push(Tick { tick: told.tick, outputs: told.outputs });
        if self.begun.is_some() {
            if late {
                self.late.push(told.tick);
            }
            self.setup.scenario.steer(&mut self.vehicle);
            self.vehicle.step(self.actuation, passed.saturating_mul(TICK_US));
            self.shown = self.vehicle.sample();
        } else if self.begins(told) {
            self.begun = Some(told.tick);
        }
        self.actuation = Actuation::from_outputs(&told.outputs.map(|output| output.value));
        self.keep(told);
        self.shown
    }

    fn begins(&self, told: &Outputs) -> bool {
        match self.setup.begin {
            Begin::AtOnce => true,
            Begin::WhenHeld(id) => told.outputs.get(id).is_some_and(|output| output.holder.is_some()),
        }
    }

    fn keep(&mut self, told: &Outputs) {
        let Some(begun) = self.begun.filter(|_| !self.over) else { return };
        self.recording.add(&self.vehicle);
        self.digest.update(told.tick.saturating_sub(begun).to_le_bytes());
        for output in told.outputs {
            self.digest.update(output.value.to_bits().to_le_bytes());
            self.digest.update([output.holder.map_or(0, |holder| holder.saturating_add(1))]);
        }
        for value in self.shown.as_flattened() {
            self.digest.update(value.to_bits().to_le_bytes());
        }
        self.over = self.setup.scenario.is_over(&self.vehicle);
    }

    /// What was seen.
    pub fn into_flight(self) -> Flight {
        Flight {
            scenario: self.setup.scenario,
            recording: self.recording,
            ticks: self.ticks,
            begun: self.begun,
            late: self.late,
            digest: self.digest.finalize().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use cofferdam_plants::SCENARIOS;

    use super::*;
    use crate::testing;

    const MOTOR: usize = 0;

    fn world() -> World {
        let scenario = Scenario::find("quad", Some("calm")).unwrap();
        World::new(Setup { scenario, seed: 3, begin: Begin::WhenHeld(MOTOR) })
    }

    fn told(tick: u64, motor: f64, holder: Option<u8>) -> Outputs {
        Outputs { tick, late: 0, outputs: testing::outputs([motor; 4], holder) }
    }

    #[test]
    fn time_begins_with_a_holder_whenever_that_is() {
        let run = |first: u64, waits: u64| {
            let mut world = world();
            let parked = world.tick(&told(first, 0.0, None));
            for tick in 1..waits {
                assert_eq!(world.tick(&told(first + tick, 0.0, None)), parked, "sensors stand still");
            }
            assert!(!world.has_begun());
            let begun = first + waits;
            assert_eq!(world.tick(&told(begun, 0.0, Some(0))), parked, "from its first sample on");
            assert!(world.has_begun());
            let mut last = parked;
            for tick in 1..3_000 {
                last = world.tick(&told(begun + tick, 0.75, Some(0)));
            }
            assert!(world.value("z m").unwrap() > 1.0, "it flies");
            (last, world.into_flight())
        };
        let (first, second) = (run(10, 1), run(77_000, 40));
        assert_eq!(first.0, second.0);
        assert_eq!(first.1.digest, second.1.digest);
        assert_eq!((first.1.begun, second.1.begun), (Some(11), Some(77_040)));
        assert_eq!((first.1.time_s(12_000), first.1.time_s(10_999)), (Some(0.001), None));
        assert_eq!(first.1.recording.rows(), second.1.recording.rows());
    }

    #[test]
    fn an_output_moves_it_from_its_tick_to_the_next() {
        let mut world = world();
        world.tick(&told(0, 1.0, Some(0)));
        assert_eq!(world.value("motor-0"), Some(0.0), "it was told just now");
        world.tick(&told(1, 0.0, Some(0)));
        let after_one = world.value("motor-0").unwrap();
        assert!(after_one > 0.0);
        // Five ticks untold: the last outputs stay.
        world.tick(&told(6, 0.0, Some(0)));
        assert!(world.value("motor-0").unwrap() < after_one);
        assert_eq!(world.into_flight().ticks.len(), 3);
    }

    /// Also when it hits the ground: the device takes nothing else.
    #[test]
    fn every_sample_is_one_that_a_sensor_shows() {
        for scenario in SCENARIOS {
            let mut world = World::new(Setup { scenario, seed: 1, begin: Begin::AtOnce });
            let mut tick = 0;
            while !world.is_over() {
                // Up for three seconds, and down without a motor.
                let motor = if tick < 3_000 { 0.9 } else { 0.0 };
                let samples = world.tick(&told(tick, motor, Some(0)));
                assert_eq!(cofferdam_plant_protocol::check(&samples), Ok(()), "{} at {tick}", scenario.name);
                tick += 1;
            }
        }
    }

    #[test]
    fn what_was_late_before_the_beginning_does_not_count() {
        let mut world = world();
        for (tick, late, holder) in
            [(0, 0, None), (1, 2, None), (2, 3, Some(0)), (3, 3, Some(0)), (4, 5, Some(0))]
        {
            world.tick(&Outputs { late, ..told(tick, 0.5, holder) });
        }
        assert_eq!(world.into_flight().late, [4]);
    }

    #[test]
    fn another_output_is_another_flight() {
        let digest = |motor: f64| {
            let mut world = world();
            for tick in 0..100 {
                world.tick(&told(tick, motor, Some(0)));
            }
            world.into_flight().digest
        };
        assert_eq!(digest(0.5), digest(0.5));
        assert_ne!(digest(0.5), digest(0.5 + f64::EPSILON));
    }

    #[test]
    fn it_is_over_when_the_scenario_is() {
        let scenario = Scenario::find("car", Some("dry")).unwrap();
        let mut world = World::new(Setup { scenario, seed: 1, begin: Begin::AtOnce });
        let mut outputs = told(0, 0.0, None);
        outputs.outputs[4].value = 1.0;
        let mut tick = 0;
        while !world.is_over() {
            world.tick(&Outputs { tick, ..outputs });
            tick += 1;
            assert!(tick < 7_000, "it never stops");
        }
        let rows = world.recording.rows().len();
        world.tick(&Outputs { tick, ..outputs });
        assert_eq!(world.recording.rows().len(), rows, "what comes later is not judged");
    }
}
