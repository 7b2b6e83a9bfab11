// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What outputs do from a tick to the next.

use cofferdam_device_protocol::ACTUATOR_COUNT;
use cofferdam_device_protocol::actuator::Output;
use cofferdam_device_protocol::outputs::Moving;
use cofferdam_plant_protocol::TICK_US;

/// The stage between `actuator_guard` and a vehicle that takes a value once a tick, as the electronics of a motor do.
///
/// A moving output's value at the tick depends on the microsecond in which it was sent where it goes, and that on whatever else
/// ran then. Where it goes and how fast do not. So this follows those two, from tick to tick: it is no faster than the output,
/// gets to the same place within a tick of it, and is the same in each run in which the same was written in the same ticks.
#[derive(Clone, Debug, Default)]
pub struct Latch {
    values: Option<[f64; ACTUATOR_COUNT]>,
}

impl Latch {
    /// Follows nothing yet: it begins where the outputs are then.
    pub const fn new() -> Self {
        Self { values: None }
    }

    /// One tick on.
    pub fn step(&mut self, outputs: &[Moving; ACTUATOR_COUNT]) -> [Output; ACTUATOR_COUNT] {
        let mut values = self.values.unwrap_or_else(|| outputs.map(|output| output.value));
        for (value, output) in values.iter_mut().zip(outputs) {
            let way = output.target - *value;
            let most = output.per_second * (TICK_US as f64 / 1e6);
            // What has no speed is where it is at once: a safe state that does not wait, or the driver's demand.
            let arrives = output.per_second == 0.0 || way.abs() <= most;
            *value = if arrives { output.target } else { *value + most.copysign(way) };
        }
        self.values = Some(values);
        let mut latched = outputs.map(|output| Output { value: output.value, holder: output.holder });
        for (output, value) in latched.iter_mut().zip(values) {
            output.value = value;
        }
        latched
    }
}
