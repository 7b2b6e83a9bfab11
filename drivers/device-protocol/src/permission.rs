// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What `wasm_manager` tells `sensor_hub` and `actuator_guard`: which devices each slot may touch. What it tells `topic_hub`:
//! [`crate::topic`].
//!
//! At boot no slot may touch anything. Before a slot starts, its app's permissions are given, device by device; before it
//! is stopped they are revoked, which also ends its leases. The servers take these messages on the manager's channel alone.
//! They hold a slot to them whatever runs in it: an interpreter with a bug gains nothing.

use crate::topic::{self, TOPICS_MAX, TopicPermission};
use crate::{ACTUATOR_COUNT, ACTUATORS, Message, SENSOR_COUNT, Status};

/// How many clients there are; a client is a slot, by its number.
pub const CLIENTS: usize = 4;

const LABEL_REVOKE: u64 = 32;
const LABEL_PERMIT: u64 = 33;

/// What a slot may do with one sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SensorPermission {
    /// Most readings in one second of the device's clock; at least one.
    pub reads_per_second: u32,
}

/// What a slot may do with one actuator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActuatorPermission {
    /// Lowest value; not below what the actuator can do.
    pub min: f64,
    /// Highest value; not above what the actuator can do.
    pub max: f64,
    /// Most writes, and most leases taken or renewed, in one second of the device's clock; at least one.
    pub writes_per_second: u32,
}

impl ActuatorPermission {
    /// Whether this is a permission on the actuator `id`.
    fn fits(&self, id: usize) -> bool {
        // Comparisons with a value that is not a number are false.
        const { &ACTUATORS }.get(id).is_some_and(|actuator| {
            actuator.min <= self.min && self.min <= self.max && self.max <= actuator.max
        }) && self.writes_per_second > 0
    }
}

/// All that one slot may touch, by device number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Permissions {
    /// Sensors.
    pub sensors: [Option<SensorPermission>; SENSOR_COUNT],
    /// Actuators.
    pub actuators: [Option<ActuatorPermission>; ACTUATOR_COUNT],
    /// Topics, by the slot's own places.
    pub topics: [Option<TopicPermission>; TOPICS_MAX],
}

impl Permissions {
    /// The orders that give them to slot `client` at `sensor_hub`.
    pub fn sensor_orders(&self, client: usize) -> impl Iterator<Item = SensorOrder> {
        self.sensors
            .into_iter()
            .enumerate()
            .filter_map(move |(id, asked)| Some(SensorOrder::Permit { client, id, permission: asked? }))
    }

    /// The orders that give them to slot `client` at `actuator_guard`.
    pub fn actuator_orders(&self, client: usize) -> impl Iterator<Item = ActuatorOrder> {
        self.actuators
            .into_iter()
            .enumerate()
            .filter_map(move |(id, asked)| Some(ActuatorOrder::Permit { client, id, permission: asked? }))
    }

    /// The orders that give them to slot `client` at `topic_hub`.
    pub fn topic_orders(&self, client: usize) -> impl Iterator<Item = topic::Order> {
        self.topics.into_iter().enumerate().filter_map(move |(place, asked)| {
            Some(topic::Order::Permit { client, place, permission: asked? })
        })
    }
}

/// An order to `sensor_hub`; the answer is [`crate::actuator::done`] or a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SensorOrder {
    /// Slot `client` may touch nothing any more.
    Revoke {
        /// Which slot.
        client: usize,
    },
    /// Slot `client` may read sensor `id`.
    Permit {
        /// Which slot.
        client: usize,
        /// Which sensor.
        id: usize,
        /// How often.
        permission: SensorPermission,
    },
}

/// An order to `actuator_guard`; the answer is [`crate::actuator::done`] or a refusal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ActuatorOrder {
    /// Slot `client` may touch nothing any more; its leases end.
    Revoke {
        /// Which slot.
        client: usize,
    },
    /// Slot `client` may lease and write actuator `id`; a lease that it holds on it ends.
    Permit {
        /// Which slot.
        client: usize,
        /// Which actuator.
        id: usize,
        /// In what range, how often.
        permission: ActuatorPermission,
    },
}

pub(crate) fn number(word: u64, count: usize, otherwise: Status) -> Result<usize, Status> {
    usize::try_from(word).ok().filter(|number| *number < count).ok_or(otherwise)
}

fn rate(word: u64) -> Result<u32, Status> {
    u32::try_from(word).ok().filter(|rate| *rate > 0).ok_or(Status::BadPermission)
}

impl SensorOrder {
    /// The message that carries this order.
    pub fn encode(&self) -> Message {
        match *self {
            Self::Revoke { client } => Message::new(LABEL_REVOKE, &[client as u64]),
            Self::Permit { client, id, permission } => {
                Message::new(LABEL_PERMIT, &[client as u64, id as u64, permission.reads_per_second.into()])
            }
        }
    }

    /// The order in a message; client, sensor and rate of a decoded order are within their ranges.
    ///
    /// # Errors
    /// [`Status::UnknownRequest`], [`Status::BadLength`], [`Status::NotAClient`], [`Status::UnknownDevice`],
    /// [`Status::BadPermission`].
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, Status> {
        match (label, words) {
            (LABEL_REVOKE, &[client]) => {
                Ok(Self::Revoke { client: number(client, CLIENTS, Status::NotAClient)? })
            }
            (LABEL_PERMIT, &[client, id, reads]) => Ok(Self::Permit {
                client: number(client, CLIENTS, Status::NotAClient)?,
                id: number(id, SENSOR_COUNT, Status::UnknownDevice)?,
                permission: SensorPermission { reads_per_second: rate(reads)? },
            }),
            (LABEL_REVOKE | LABEL_PERMIT, _) => Err(Status::BadLength),
            _ => Err(Status::UnknownRequest),
        }
    }
}

impl ActuatorOrder {
    /// The message that carries this order.
    pub fn encode(&self) -> Message {
        match *self {
            Self::Revoke { client } => Message::new(LABEL_REVOKE, &[client as u64]),
            Self::Permit { client, id, permission: ActuatorPermission { min, max, writes_per_second } } => {
                let words =
                    [client as u64, id as u64, min.to_bits(), max.to_bits(), writes_per_second.into()];
                Message::new(LABEL_PERMIT, &words)
            }
        }
    }

    /// The order in a message; client, actuator, range and rate of a decoded order are within their ranges.
    ///
    /// # Errors
    /// As [`SensorOrder::decode`].
    pub fn decode(label: u64, words: &[u64]) -> Result<Self, Status> {
        match (label, words) {
            (LABEL_REVOKE, &[client]) => {
                Ok(Self::Revoke { client: number(client, CLIENTS, Status::NotAClient)? })
            }
            (LABEL_PERMIT, &[client, id, min, max, writes]) => {
                let client = number(client, CLIENTS, Status::NotAClient)?;
                let id = number(id, ACTUATOR_COUNT, Status::UnknownDevice)?;
                let permission = ActuatorPermission {
                    min: f64::from_bits(min),
                    max: f64::from_bits(max),
                    writes_per_second: rate(writes)?,
                };
                if !permission.fits(id) {
                    return Err(Status::BadPermission);
                }
                Ok(Self::Permit { client, id, permission })
            }
            (LABEL_REVOKE | LABEL_PERMIT, _) => Err(Status::BadLength),
            _ => Err(Status::UnknownRequest),
        }
    }
}

/// Counts what happens in the current second of the device's clock, up to a limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    second: u64,
    used: u32,
}

impl Rate {
    /// Whether it may happen once more at `now_us`, if it may happen `limit` times a second. It is not counted yet.
    pub const fn allows(&self, limit: u32, now_us: u64) -> bool {
        self.second != now_us / 1_000_000 || self.used < limit
    }

    /// Counts it once at `now_us`.
    pub const fn count(&mut self, now_us: u64) {
        let second = now_us / 1_000_000;
        if self.second != second {
            *self = Self { second, used: 0 };
        }
        self.used = self.used.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_orders() {
        let permission = SensorPermission { reads_per_second: 100 };
        let sensors = [
            (SensorOrder::Revoke { client: 3 }, 32, [3].as_slice()),
            (SensorOrder::Permit { client: 0, id: 2, permission }, 33, &[0, 2, 100]),
        ];
        for (order, label, words) in sensors {
            assert_eq!((order.encode().label, order.encode().words()), (label, words));
            assert_eq!(SensorOrder::decode(label, words), Ok(order));
        }
        let permission = ActuatorPermission { min: 0.0, max: 1.0, writes_per_second: 7 };
        let actuators = [
            (ActuatorOrder::Revoke { client: 0 }, 32, [0].as_slice()),
            (ActuatorOrder::Permit { client: 1, id: 4, permission }, 33, &[1, 4, 0, 0x3ff0 << 48, 7]),
        ];
        for (order, label, words) in actuators {
            assert_eq!((order.encode().label, order.encode().words()), (label, words));
            assert_eq!(ActuatorOrder::decode(label, words), Ok(order));
        }
    }

    #[test]
    fn bad_orders_are_refused() {
        for (label, words, status) in [
            (32, [4].as_slice(), Status::NotAClient),
            (32, &[], Status::BadLength),
            (33, &[4, 0, 1], Status::NotAClient),
            (33, &[0, 6, 1], Status::UnknownDevice),
            (33, &[0, 0, 0], Status::BadPermission),
            (33, &[0, 0, 1 << 32], Status::BadPermission),
            (1, &[0], Status::UnknownRequest),
        ] {
            assert_eq!(SensorOrder::decode(label, words), Err(status), "{label} {words:?}");
        }
        let bits = f64::to_bits;
        for (min, max, writes) in [
            (0.0, 1.1, 1),
            (-0.1, 1.0, 1),
            (0.6, 0.5, 1),
            (f64::NAN, 1.0, 1),
            (0.0, f64::NAN, 1),
            (0.0, 1.0, 0),
        ] {
            let words = [0, 4, bits(min), bits(max), writes];
            assert_eq!(ActuatorOrder::decode(33, &words), Err(Status::BadPermission), "{min} {max}");
        }
        assert_eq!(ActuatorOrder::decode(33, &[0, 9, 0, 0, 1]), Err(Status::UnknownDevice));
        assert_eq!(ActuatorOrder::decode(33, &[0, 4, 0, 0]), Err(Status::BadLength));
    }

    proptest! {
        #[test]
        fn any_order_decodes_or_is_refused(
            label in 31u64..35,
            words in proptest::collection::vec(prop_oneof![0u64..6, any::<u64>(), Just(0x3ff0 << 48)], 0..7),
        ) {
            if let Ok(order) = SensorOrder::decode(label, &words) {
                let message = order.encode();
                prop_assert_eq!((message.label, message.words()), (label, words.as_slice()));
            }
            if let Ok(order) = ActuatorOrder::decode(label, &words) {
                let message = order.encode();
                prop_assert_eq!((message.label, message.words()), (label, words.as_slice()));
            }
        }

        #[test]
        fn no_second_has_more_than_the_limit(limit in 1u32..20, waits in proptest::collection::vec(0u64..400_000, 1..200)) {
            let mut rate = Rate::default();
            let mut now_us = 0u64;
            let mut counts = std::collections::BTreeMap::<u64, u32>::new();
            for wait_us in waits {
                now_us += wait_us;
                let allowed = rate.allows(limit, now_us);
                let count = counts.entry(now_us / 1_000_000).or_default();
                prop_assert_eq!(allowed, *count < limit);
                if allowed {
                    rate.count(now_us);
                    *count += 1;
                }
            }
        }
    }
}
