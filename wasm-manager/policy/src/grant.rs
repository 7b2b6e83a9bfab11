// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a key may do, and whether a manifest stays within it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use cofferdam_device_protocol::{ACTUATOR_COUNT, actuator_by_name, sensor_by_name};
use cofferdam_package::Manifest;
use minicbor::{Decode, Encode};
use serde::Deserialize;

/// How many actuators a [`Permitted`] has room for: all that there are.
pub const ACTUATORS: usize = ACTUATOR_COUNT;

/// Stands for every sensor, or every actuator, that the device has, and for every component.
pub const ALL: &str = "*";

/// What a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looking: status, list, logs, stats, keys, audit.
    #[n(0)]
    Read,
    /// Starting and stopping.
    #[n(1)]
    Control,
    /// Installing, replacing and removing.
    #[n(2)]
    Install,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Control => "control",
            Self::Install => "install",
        })
    }
}

/// What a key may do. In CBOR: a map with these numbers.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Grant {
    /// Commands that it may sign.
    #[n(1)]
    pub commands: Vec<Role>,
    /// Whether it may sign packages at all.
    #[n(2)]
    pub sign_packages: bool,
    /// Which components its packages may be, and which ones its commands may install, remove, start and stop: a
    /// name, a beginning of names and `*`, or [`ALL`].
    #[n(3)]
    pub components: Vec<String>,
    /// Sensors that its packages may read, by name, or [`ALL`].
    #[n(4)]
    pub sensors: Vec<String>,
    /// Actuators that its packages may set.
    #[n(5)]
    pub actuators: Vec<ActuatorGrant>,
    /// Most fuel a second that one of its packages may use.
    #[n(6)]
    pub fuel_per_second_max: u64,
    /// Most linear memory that one of its packages may use, in pages of 64 KiB.
    #[n(7)]
    pub memory_pages_max: u32,
}

/// An actuator and the range within which packages may set it.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct ActuatorGrant {
    /// Its name, or [`ALL`].
    #[n(1)]
    pub name: String,
    /// Lowest value.
    #[n(2)]
    pub min: f64,
    /// Highest value.
    #[n(3)]
    pub max: f64,
}

/// The permissions of an accepted manifest by device number, as a slot's orders hold them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Permitted {
    /// Sensors: bit = number.
    pub sensors: u64,
    /// Actuators by number.
    pub actuators: [Option<PermittedRange>; ACTUATORS],
}

/// A range of values, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PermittedRange {
    /// Lowest value.
    pub min: f64,
    /// Highest value.
    pub max: f64,
}

/// Why a manifest asks for too much.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyError {
    /// The key signs commands, not packages.
    MayNotSignPackages,
    /// The key may not sign packages of this component.
    ComponentNotGranted(String),
    /// The device has no sensor of this name.
    UnknownSensor(String),
    /// The device has no actuator of this name.
    UnknownActuator(String),
    /// The signer may not let apps read this sensor.
    SensorNotGranted(String),
    /// The signer may not let apps set this actuator, or not in the whole range.
    ActuatorNotGranted {
        /// Which.
        name: String,
        /// What the manifest asks for.
        asked: PermittedRange,
        /// What could be had, if anything.
        granted: Option<PermittedRange>,
    },
    /// More fuel a second than the signer may grant.
    Fuel {
        /// What the manifest asks for.
        per_second: u64,
        /// What could be had.
        max: u64,
    },
    /// More memory than the signer may grant.
    Memory {
        /// What the manifest asks for.
        pages: u32,
        /// What could be had.
        max: u32,
    },
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MayNotSignPackages => f.write_str("this key may not sign packages"),
            Self::ComponentNotGranted(name) => write!(f, "component {name}"),
            Self::UnknownSensor(name) => write!(f, "sensor {name}"),
            Self::UnknownActuator(name) => write!(f, "actuator {name}"),
            Self::SensorNotGranted(name) => write!(f, "sensor {name}"),
            Self::ActuatorNotGranted { name, asked, granted: Some(range) } => {
                write!(f, "actuator {name} from {asked}, granted {range}")
            }
            Self::ActuatorNotGranted { name, asked, granted: None } => {
                write!(f, "actuator {name} from {asked}")
            }
            Self::Fuel { per_second, max } => write!(f, "{per_second} fuel a second, at most {max}"),
            Self::Memory { pages, max } => write!(f, "{pages} pages of memory, at most {max}"),
        }
    }
}

impl core::error::Error for PolicyError {}

impl fmt::Display for PermittedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.min, self.max)
    }
}

impl Grant {
    /// All there is: for development keys and tests.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            commands: alloc::vec![Role::Read, Role::Control, Role::Install],
            sign_packages: true,
            components: alloc::vec![ALL.to_string()],
            sensors: alloc::vec![ALL.to_string()],
            actuators: alloc::vec![ActuatorGrant { name: ALL.to_string(), min: f64::MIN, max: f64::MAX }],
            fuel_per_second_max: u64::MAX,
            memory_pages_max: u32::MAX,
        }
    }

    /// Whether the key may sign commands of this kind.
    #[must_use]
    pub fn allows(&self, role: Role) -> bool {
        self.commands.contains(&role)
    }

    /// Whether the key may have to do with this component.
    #[must_use]
    pub fn covers(&self, component: &str) -> bool {
        self.components.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => component.starts_with(beginning),
            None => component == pattern,
        })
    }

    /// What the manifest's permissions come to, if the key may grant all of them.
    ///
    /// # Errors
    /// The first thing that it may not grant: nothing is cut down silently.
    pub fn permit(&self, manifest: &Manifest) -> Result<Permitted, PolicyError> {
        if !self.sign_packages {
            return Err(PolicyError::MayNotSignPackages);
        }
        if !self.covers(&manifest.common.name) {
            return Err(PolicyError::ComponentNotGranted(manifest.common.name.clone()));
        }
        let app = &manifest.app;
        let per_second = fuel_per_second(app.fuel_per_activation, app.period_us);
        if per_second > self.fuel_per_second_max {
            return Err(PolicyError::Fuel { per_second, max: self.fuel_per_second_max });
        }
        if app.memory_pages > self.memory_pages_max {
            return Err(PolicyError::Memory { pages: app.memory_pages, max: self.memory_pages_max });
        }
        let mut permitted = Permitted::default();
        for name in &manifest.permissions.sensors {
            let sensor = sensor_by_name(name).ok_or_else(|| PolicyError::UnknownSensor(name.clone()))?;
            if !self.sensors.iter().any(|granted| granted == ALL || granted == name) {
                return Err(PolicyError::SensorNotGranted(name.clone()));
            }
            permitted.sensors |=
                u32::try_from(sensor.id).ok().and_then(|id| 1u64.checked_shl(id)).unwrap_or(0);
        }
        for asked in &manifest.permissions.actuators {
            let actuator = actuator_by_name(&asked.name)
                .ok_or_else(|| PolicyError::UnknownActuator(asked.name.clone()))?;
            // What the actuator can do, cut down to what the signer may grant.
            let granted = self.actuators.iter().find(|grant| grant.name == ALL || grant.name == asked.name);
            let granted = granted.map(|grant| PermittedRange {
                min: grant.min.max(actuator.min),
                max: grant.max.min(actuator.max),
            });
            let range = PermittedRange { min: asked.min, max: asked.max };
            if !granted.is_some_and(|granted| granted.min <= range.min && range.max <= granted.max) {
                return Err(PolicyError::ActuatorNotGranted {
                    name: asked.name.clone(),
                    asked: range,
                    granted,
                });
            }
            if let Some(place) = permitted.actuators.get_mut(actuator.id) {
                *place = Some(range);
            }
        }
        Ok(permitted)
    }
}

/// Fuel a second at one activation each period; rounded up, so that nothing slips below a bound.
fn fuel_per_second(fuel_per_activation: u64, period_us: u64) -> u64 {
    if period_us == 0 {
        return u64::MAX; // such manifests are refused before
    }
    let per_second =
        u128::from(fuel_per_activation).saturating_mul(1_000_000).div_ceil(u128::from(period_us));
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
