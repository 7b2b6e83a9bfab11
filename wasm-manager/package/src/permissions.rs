// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What an app may touch, as its manifest lists it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use minicbor::data::Type;
use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize, Serializer};

use crate::manifest::{ManifestError, is_name};

/// Most entries in one list of permissions.
pub const PERMISSIONS_MAX: usize = 32;
/// Most topics that one app may have to do with: those that it publishes and those that it receives.
pub const TOPICS_MAX: usize = 8;
/// Highest rate that can be asked for, in times a second.
pub const RATE_HZ_MAX: u32 = 1_000_000;

/// What an app may touch. What is not named here, it may not.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Permissions {
    /// Sensors it may read.
    #[n(0)]
    pub sensors: Vec<Resource>,
    /// Actuators it may lease and write.
    #[n(1)]
    pub actuators: Vec<ActuatorPermission>,
    /// Topics it may publish. Left out if there are none.
    #[n(2)]
    pub publish: Option<Vec<Resource>>,
    /// Topics it may receive. Left out if there are none.
    #[n(3)]
    pub receive: Option<Vec<Resource>>,
}

/// Something by name, and how often it may be used. In CBOR: the name alone as a text, or with a rate the map
/// `{ 0: name, 1: times a second }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// Most times a second, from 1 to [`RATE_HZ_MAX`]. Left out: as often as the app's other bounds allow.
    pub rate_hz: Option<u32>,
}

/// One actuator, the range within which the app may set it, and how often.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct ActuatorPermission {
    /// The actuator's name.
    #[n(0)]
    pub name: String,
    /// Lowest value, included.
    #[n(1)]
    pub min: f64,
    /// Highest value, included.
    #[n(2)]
    pub max: f64,
    /// Most writes a second, and as many leases taken or renewed. As [`Resource::rate_hz`].
    #[n(3)]
    pub rate_hz: Option<u32>,
}

/// The lists of [`Permissions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// [`Permissions::sensors`]
    Sensors,
    /// [`Permissions::actuators`]
    Actuators,
    /// [`Permissions::publish`]
    Publish,
    /// [`Permissions::receive`]
    Receive,
}

impl List {
    /// As it is called in `cofferdam.toml`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Sensors => "sensors",
            Self::Actuators => "actuators",
            Self::Publish => "publish",
            Self::Receive => "receive",
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "permissions.{}", self.key())
    }
}

impl Permissions {
    /// Topics it may publish.
    #[must_use]
    pub fn publish(&self) -> &[Resource] {
        self.publish.as_deref().unwrap_or_default()
    }

    /// Topics it may receive.
    #[must_use]
    pub fn receive(&self) -> &[Resource] {
        self.receive.as_deref().unwrap_or_default()
    }

    /// Checks the rules that need no policy.
    pub(crate) fn check(&self) -> Result<(), ManifestError> {
        check_list(List::Sensors, &self.sensors)?;
        self.check_actuators()?;
        for (list, topics) in [(List::Publish, &self.publish), (List::Receive, &self.receive)] {
            match topics.as_deref() {
                None => {}
                Some([]) => return Err(ManifestError::Field("topics: an empty list is left out")),
                Some(topics) => check_list(list, topics)?,
            }
        }
        let received_only = self
            .receive()
            .iter()
            .filter(|topic| !self.publish().iter().any(|other| other.name == topic.name));
        if received_only.count().saturating_add(self.publish().len()) > TOPICS_MAX {
            return Err(ManifestError::Field("topics: at most 8"));
        }
        Ok(())
    }

    fn check_actuators(&self) -> Result<(), ManifestError> {
        let actuators = &self.actuators;
        check_length(List::Actuators, actuators.len())?;
        for (index, actuator) in actuators.iter().enumerate() {
            let earlier = actuators.iter().take(index).any(|other| other.name == actuator.name);
            check_entry(List::Actuators, index, &actuator.name, actuator.rate_hz, earlier)?;
            if !(actuator.min.is_finite() && actuator.max.is_finite() && actuator.min <= actuator.max) {
                let rule = "min and max must be finite, min at most max";
                return Err(ManifestError::Permission { list: List::Actuators, index, rule });
            }
        }
        Ok(())
    }
}

fn check_list(list: List, resources: &[Resource]) -> Result<(), ManifestError> {
    check_length(list, resources.len())?;
    for (index, resource) in resources.iter().enumerate() {
        let earlier = resources.iter().take(index).any(|other| other.name == resource.name);
        check_entry(list, index, &resource.name, resource.rate_hz, earlier)?;
    }
    Ok(())
}

fn check_length(list: List, length: usize) -> Result<(), ManifestError> {
    if length > PERMISSIONS_MAX {
        return Err(ManifestError::Permission { list, index: PERMISSIONS_MAX, rule: "at most 32 entries" });
    }
    Ok(())
}

fn check_entry(
    list: List,
    index: usize,
    name: &str,
    rate_hz: Option<u32>,
    named_before: bool,
) -> Result<(), ManifestError> {
    let rules = [
        (is_name(name), "not a name: 1 to 32 of a-z, 0-9 and '-', beginning with a letter"),
        (!named_before, "named twice"),
        (rate_hz.is_none_or(|rate| (1..=RATE_HZ_MAX).contains(&rate)), "rate_hz: from 1 to 1,000,000"),
    ];
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, rule)) => Err(ManifestError::Permission { list, index, rule }),
        None => Ok(()),
    }
}

impl From<&str> for Resource {
    fn from(name: &str) -> Self {
        Self { name: name.into(), rate_hz: None }
    }
}

impl From<String> for Resource {
    fn from(name: String) -> Self {
        Self { name, rate_hz: None }
    }
}

impl<C> Encode<C> for Resource {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        match self.rate_hz {
            None => e.str(&self.name)?,
            Some(rate_hz) => e.map(2)?.u8(0)?.str(&self.name)?.u8(1)?.u32(rate_hz)?,
        };
        Ok(())
    }
}

/// [`Resource`] where it is a map.
#[derive(Decode)]
#[cbor(map)]
struct Rated {
    #[n(0)]
    name: String,
    #[n(1)]
    rate_hz: u32,
}

impl<'b, C> Decode<'b, C> for Resource {
    fn decode(d: &mut Decoder<'b>, context: &mut C) -> Result<Self, decode::Error> {
        if d.datatype()? == Type::Map {
            let Rated { name, rate_hz } = Rated::decode(d, context)?;
            return Ok(Self { name, rate_hz: Some(rate_hz) });
        }
        Ok(Self { name: d.str()?.into(), rate_hz: None })
    }
}

/// Where nobody reads it: name and rate.
impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.name, self.rate_hz).serialize(serializer)
    }
}

/// In TOML: a name, or `{ name = "…", rate_hz = … }`.
mod text {
    use serde::de::value::MapAccessDeserializer;
    use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

    use super::*;

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        name: String,
        rate_hz: Option<u32>,
    }

    struct NameOrTable;

    impl<'de> Visitor<'de> for NameOrTable {
        type Value = Resource;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a name, or a table of `name` and `rate_hz`")
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<Resource, E> {
            Ok(name.into())
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Resource, A::Error> {
            let Table { name, rate_hz } = Table::deserialize(MapAccessDeserializer::new(map))?;
            Ok(Resource { name, rate_hz })
        }
    }

    impl<'de> Deserialize<'de> for Resource {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            if deserializer.is_human_readable() {
                return deserializer.deserialize_any(NameOrTable);
            }
            let (name, rate_hz) = Deserialize::deserialize(deserializer)?;
            Ok(Self { name, rate_hz })
        }
    }
}
