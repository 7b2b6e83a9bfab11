// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a key may do, and whether a manifest stays within it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use cofferdam_device_protocol::topic::{TOPICS_MAX, TopicName, TopicPermission};
use cofferdam_device_protocol::{ACTUATOR_COUNT, actuator_by_name, permission, sensor_by_name, topic};
use cofferdam_package::Manifest;
use cofferdam_package::manifest::{
    ActuatorPermission, List, NAME_BYTES_MAX, Resource, TOPICS_MAX as MANIFEST_TOPICS_MAX,
};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// How many actuators a [`Permitted`] has room for: all that there are.
pub const ACTUATORS: usize = ACTUATOR_COUNT;

/// Stands for every sensor, or every actuator, that the device has, and for every component.
pub const ALL: &str = "*";

/// What a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
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
    /// Sensors that its packages may read, by name, or [`ALL`]; with a rate, no oftener than that.
    #[n(4)]
    pub sensors: Vec<Resource>,
    /// Actuators that its packages may set.
    #[n(5)]
    pub actuators: Vec<ActuatorGrant>,
    /// Most fuel a second that one of its packages may use.
    #[n(6)]
    pub fuel_per_second_max: u64,
    /// Most linear memory that one of its packages may use, in pages of 64 KiB.
    #[n(7)]
    pub memory_pages_max: u32,
    /// Topics that its packages may publish: names, beginnings of names and `*`, or [`ALL`]; with a rate, no oftener than
    /// that. Left out: none.
    #[n(8)]
    pub publish: Option<Vec<Resource>>,
    /// Topics that its packages may receive, likewise.
    #[n(9)]
    pub receive: Option<Vec<Resource>>,
    /// Most log output that one of its packages may ask for, in bytes a second. Left out: no bound but the slot's.
    #[n(10)]
    pub log_bytes_per_second_max: Option<u32>,
}

/// An actuator and the range within which packages may set it.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
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
    /// Most writes a second. Left out: no bound but the app's own.
    #[n(4)]
    pub rate_hz: Option<u32>,
}

/// The permissions of an accepted manifest by device number, as a slot's orders hold them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Permitted {
    /// Sensors: bit = number.
    pub sensors: u64,
    /// Actuators by number.
    pub actuators: [Option<PermittedRange>; ACTUATORS],
    /// The same, with rates and topics, as sensor_hub, actuator_guard and topic_hub are told it.
    pub devices: permission::Permissions,
}

impl Permitted {
    /// The topic's place: the one that it has, or the next free one. A manifest that follows its rules never has more
    /// topics than there are places.
    fn add_topic(&mut self, list: List, name: &str, rate: u32) {
        let Some(name) = TopicName::new(name.as_bytes()) else { return };
        let topics = &mut self.devices.topics;
        let has = |topic: &Option<TopicPermission>| topic.is_none_or(|topic| topic.name == name);
        let Some(place) = topics.iter().position(has).and_then(|place| topics.get_mut(place)) else { return };
        let topic =
            place.get_or_insert(TopicPermission { name, publishes_per_second: 0, receives_per_second: 0 });
        match list {
            List::Publish => topic.publishes_per_second = rate,
            List::Receive => topic.receives_per_second = rate,
            List::Sensors | List::Actuators => {}
        }
    }
}

// Every topic that a manifest can name has a place and a name there.
const _: () = assert!(MANIFEST_TOPICS_MAX <= TOPICS_MAX && NAME_BYTES_MAX <= topic::NAME_BYTES);

/// A range of values, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PermittedRange {
    /// Lowest value.
    pub min: f64,
    /// Highest value.
    pub max: f64,
}

/// A line of the manifest's permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which list.
    pub list: List,
    /// The place in it, from 0.
    pub index: usize,
    /// What it names.
    pub name: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] \"{}\"", self.list, self.index, self.name)
    }
}

/// Why a manifest asks for too much.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyError {
    /// The key signs commands, not packages.
    MayNotSignPackages,
    /// The key may not sign packages of this component.
    ComponentNotGranted(String),
    /// The device has no sensor of this name.
    UnknownSensor(Line),
    /// The device has no actuator of this name.
    UnknownActuator(Line),
    /// The signer may not let apps read this sensor.
    SensorNotGranted(Line),
    /// The signer may not let apps set this actuator, or not in the whole range.
    ActuatorNotGranted {
        /// Where it stands.
        line: Line,
        /// What the manifest asks for.
        asked: PermittedRange,
        /// What could be had, if anything.
        granted: Option<PermittedRange>,
    },
    /// The signer may not let apps publish, or receive, this topic.
    TopicNotGranted(Line),
    /// The signer may let apps do it, but not as often.
    TooOften {
        /// Where it stands.
        line: Line,
        /// What the manifest asks for, in times a second; nothing if it names no rate.
        asked: Option<u32>,
        /// What could be had.
        granted: u32,
    },
    /// More log output a second than the signer may grant.
    Log {
        /// What the manifest asks for, in bytes.
        per_second: u32,
        /// What could be had.
        max: u32,
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
            Self::UnknownSensor(line) => write!(f, "{line}: this device has no such sensor"),
            Self::UnknownActuator(line) => write!(f, "{line}: this device has no such actuator"),
            Self::SensorNotGranted(line) => write!(f, "{line}: not granted"),
            Self::ActuatorNotGranted { line, asked, granted: Some(range) } => {
                write!(f, "{line}: {asked}, granted {range}")
            }
            Self::ActuatorNotGranted { line, asked, granted: None } => {
                write!(f, "{line}: {asked}, not granted")
            }
            Self::TopicNotGranted(line) => write!(f, "{line}: not granted"),
            Self::TooOften { line, asked: Some(asked), granted } => {
                write!(f, "{line}: {asked} times a second, granted {granted}")
            }
            Self::TooOften { line, asked: None, granted } => {
                write!(f, "{line}: names no rate_hz, granted {granted} times a second")
            }
            Self::Log { per_second, max } => {
                write!(f, "app.log_bytes_per_second: {per_second}, granted {max}")
            }
            Self::Fuel { per_second, max } => {
                write!(f, "app.fuel_per_activation: {per_second} fuel a second, granted {max}")
            }
            Self::Memory { pages, max } => write!(f, "app.memory_pages: {pages}, granted {max}"),
        }
    }
}

impl core::error::Error for PolicyError {}

impl PolicyError {
    /// The line of the permissions that it is about, if it is about one.
    #[must_use]
    pub const fn line(&self) -> Option<&Line> {
        match self {
            Self::UnknownSensor(line)
            | Self::UnknownActuator(line)
            | Self::SensorNotGranted(line)
            | Self::ActuatorNotGranted { line, .. }
            | Self::TopicNotGranted(line)
            | Self::TooOften { line, .. } => Some(line),
            Self::MayNotSignPackages
            | Self::ComponentNotGranted(_)
            | Self::Log { .. }
            | Self::Fuel { .. }
            | Self::Memory { .. } => None,
        }
    }
}

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
            sensors: alloc::vec![ALL.into()],
            actuators: alloc::vec![ActuatorGrant {
                name: ALL.to_string(),
                min: f64::MIN,
                max: f64::MAX,
                rate_hz: None
            }],
            fuel_per_second_max: u64::MAX,
            memory_pages_max: u32::MAX,
            publish: Some(alloc::vec![ALL.into()]),
            receive: Some(alloc::vec![ALL.into()]),
            log_bytes_per_second_max: None,
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
        self.components.iter().any(|pattern| covers(pattern, component))
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
        if let Some(max) = self.log_bytes_per_second_max
            && app.log_bytes_per_second > max
        {
            return Err(PolicyError::Log { per_second: app.log_bytes_per_second, max });
        }
        let mut permitted = Permitted::default();
        let calls_per_second = calls_per_second(app.host_calls_per_activation, app.period_us);
        for (index, asked) in manifest.permissions.sensors.iter().enumerate() {
            self.permit_sensor(index, asked, calls_per_second, &mut permitted)?;
        }
        for (index, asked) in manifest.permissions.actuators.iter().enumerate() {
            self.permit_actuator(index, asked, calls_per_second, &mut permitted)?;
        }
        for (list, topics, grants) in [
            (List::Publish, manifest.permissions.publish(), &self.publish),
            (List::Receive, manifest.permissions.receive(), &self.receive),
        ] {
            for (index, asked) in topics.iter().enumerate() {
                permit_topic(list, index, asked, grants.as_deref().unwrap_or_default())?;
                let rate = asked.rate_hz.unwrap_or(u32::MAX).min(calls_per_second);
                permitted.add_topic(list, &asked.name, rate);
            }
        }
        Ok(permitted)
    }

    fn permit_sensor(
        &self,
        index: usize,
        asked: &Resource,
        calls_per_second: u32,
        permitted: &mut Permitted,
    ) -> Result<(), PolicyError> {
        let line = Line { list: List::Sensors, index, name: asked.name.clone() };
        let Some(sensor) = sensor_by_name(&asked.name) else { return Err(PolicyError::UnknownSensor(line)) };
        let granted = self.sensors.iter().find(|granted| granted.name == ALL || granted.name == asked.name);
        let Some(granted) = granted else { return Err(PolicyError::SensorNotGranted(line)) };
        check_rate(line, asked.rate_hz, granted.rate_hz)?;
        permitted.sensors |= u32::try_from(sensor.id).ok().and_then(|id| 1u64.checked_shl(id)).unwrap_or(0);
        if let Some(place) = permitted.devices.sensors.get_mut(sensor.id) {
            let reads_per_second = asked.rate_hz.unwrap_or(u32::MAX).min(calls_per_second);
            *place = Some(permission::SensorPermission { reads_per_second });
        }
        Ok(())
    }

    fn permit_actuator(
        &self,
        index: usize,
        asked: &ActuatorPermission,
        calls_per_second: u32,
        permitted: &mut Permitted,
    ) -> Result<(), PolicyError> {
        let line = Line { list: List::Actuators, index, name: asked.name.clone() };
        let Some(actuator) = actuator_by_name(&asked.name) else {
            return Err(PolicyError::UnknownActuator(line));
        };
        // What the actuator can do, cut down to what the signer may grant.
        let grant = self.actuators.iter().find(|grant| grant.name == ALL || grant.name == asked.name);
        let granted = grant.map(|grant| PermittedRange {
            min: grant.min.max(actuator.min),
            max: grant.max.min(actuator.max),
        });
        let range = PermittedRange { min: asked.min, max: asked.max };
        if !granted.is_some_and(|granted| granted.min <= range.min && range.max <= granted.max) {
            return Err(PolicyError::ActuatorNotGranted { line, asked: range, granted });
        }
        check_rate(line, asked.rate_hz, grant.and_then(|grant| grant.rate_hz))?;
        if let Some(place) = permitted.actuators.get_mut(actuator.id) {
            *place = Some(range);
        }
        if let Some(place) = permitted.devices.actuators.get_mut(actuator.id) {
            let PermittedRange { min, max } = range;
            let writes_per_second = asked.rate_hz.unwrap_or(u32::MAX).min(calls_per_second);
            *place = Some(permission::ActuatorPermission { min, max, writes_per_second });
        }
        Ok(())
    }
}

fn permit_topic(list: List, index: usize, asked: &Resource, grants: &[Resource]) -> Result<(), PolicyError> {
    let line = Line { list, index, name: asked.name.clone() };
    match grants.iter().find(|granted| covers(&granted.name, &asked.name)) {
        Some(granted) => check_rate(line, asked.rate_hz, granted.rate_hz),
        None => Err(PolicyError::TopicNotGranted(line)),
    }
}

/// A bound on a rate must be met by a rate: nothing is cut down silently.
fn check_rate(line: Line, asked: Option<u32>, granted: Option<u32>) -> Result<(), PolicyError> {
    match granted {
        Some(granted) if asked.is_none_or(|asked| asked > granted) => {
            Err(PolicyError::TooOften { line, asked, granted })
        }
        _ => Ok(()),
    }
}

/// Whether a pattern, which is a name, a beginning of names and `*`, or [`ALL`], covers a name.
fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
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

/// Most host calls in one second: what an interpreter that works lets an app do. Of a second's activations the first may
/// have been released before it, and init comes before them all.
fn calls_per_second(calls_per_activation: u32, period_us: u64) -> u32 {
    let activations = 1_000_000u64.div_ceil(period_us.max(1)).saturating_add(2);
    let calls = activations.saturating_mul(calls_per_activation.into()).max(1);
    u32::try_from(calls).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
