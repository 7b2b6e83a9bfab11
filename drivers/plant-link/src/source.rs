// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Where `sensor_hub`'s readings come from.

use core::fmt;

use cofferdam_plant_protocol::samples::{ReadError, Sample};

/// Readings come from elsewhere from now on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// From a simulator.
    Simulator,
    /// From the hub's own vehicle.
    Own(ReadError),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulator => f.write_str("sensors show what a simulator says"),
            Self::Own(error) => write!(f, "sensors are synthetic: {error}"),
        }
    }
}

/// The choice, and the sample that it fell on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Source {
    sample: Option<Sample>,
}

impl Source {
    /// The hub's own vehicle.
    pub const fn new() -> Self {
        Self { sample: None }
    }

    /// The simulator's sample to show, if there is one.
    pub const fn sample(&self) -> Option<&Sample> {
        self.sample.as_ref()
    }

    /// Chooses by what was just read from `plant_link`; says when that changes where readings come from.
    pub fn choose(&mut self, read: Result<Sample, ReadError>) -> Option<Change> {
        match (read, self.sample.is_some()) {
            (Ok(sample), before) => {
                self.sample = Some(sample);
                (!before).then_some(Change::Simulator)
            }
            // Between two samples: the one before still counts.
            (Err(ReadError::Busy), _) | (Err(_), false) => None,
            (Err(error), true) => {
                self.sample = None;
                Some(Change::Own(error))
            }
        }
    }
}
