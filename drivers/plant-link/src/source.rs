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
#[derive(Clone, Copy, Debug)]
pub struct Source {
    sample: Sample,
    /// Whether `sample` is to be shown.
    attached: bool,
}

impl Default for Source {
    fn default() -> Self {
        Self::new()
    }
}

impl Source {
    /// The hub's own vehicle.
    pub const fn new() -> Self {
        Self { sample: Sample::EMPTY, attached: false }
    }

    /// The simulator's sample to show, if there is one.
    pub fn sample(&self) -> Option<&Sample> {
        self.attached.then_some(&self.sample)
    }

    /// Chooses by what `read` takes from `plant_link`; says when that changes where readings come from. After an error the
    /// sample has to be as it was.
    pub fn choose(&mut self, read: impl FnOnce(&mut Sample) -> Result<(), ReadError>) -> Option<Change> {
        match (read(&mut self.sample), self.attached) {
            (Ok(()), before) => {
                self.attached = true;
                (!before).then_some(Change::Simulator)
            }
            // Between two samples: the one before still counts.
            (Err(ReadError::Busy), _) | (Err(_), false) => None,
            (Err(error), true) => {
                self.attached = false;
                Some(Change::Own(error))
            }
        }
    }
}
