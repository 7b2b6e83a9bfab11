// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Both sides inside a protection domain: [`Sensors`], [`Actuators`] and [`Topics`] for clients, [`Pedal`] for who knows the
//! driver; [`receive`] and [`answer`] for the servers.

use sel4_microkit::{Channel, MessageInfo};

use crate::actuator::{self, Applied, Lease, Output};
use crate::demand::Demand;
use crate::permission::{ActuatorOrder, Permissions, SensorOrder};
use crate::sensor::{self, Info, Reading};
use crate::swap::{HandOver, SwapOrder, SwapReport, SwapTerms};
use crate::topic::{self, Payload, Published, Received};
use crate::{CallError, Message, Status, WORDS_MAX};

/// `sensor_hub`, seen by a client.
#[derive(Clone, Copy, Debug)]
pub struct Sensors {
    channel: Channel,
}

impl Sensors {
    /// The hub behind `channel`.
    pub const fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// The channel, for who calls past this client.
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// The latest sample of sensor `id`.
    ///
    /// # Errors
    /// [`CallError::Refused`] with the server's reason, [`CallError::BadReply`] if it is not to be understood.
    pub fn read(&self, id: usize) -> Result<Reading, CallError> {
        call(self.channel, sensor::Request::Read { id }.encode(), Reading::decode)
    }

    /// What sensor `id` is like.
    ///
    /// # Errors
    /// As [`Sensors::read`].
    pub fn info(&self, id: usize) -> Result<Info, CallError> {
        call(self.channel, sensor::Request::Info { id }.encode(), Info::decode)
    }
}

/// `actuator_guard`, seen by a client.
#[derive(Clone, Copy, Debug)]
pub struct Actuators {
    channel: Channel,
}

impl Actuators {
    /// The guard behind `channel`.
    pub const fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// The channel, for who calls past this client.
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// Takes or renews the lease on actuator `id` for `duration_us` from now.
    ///
    /// # Errors
    /// [`CallError::Refused`] with the guard's reason, [`CallError::BadReply`] if it is not to be understood.
    pub fn lease_acquire(&self, id: usize, duration_us: u64) -> Result<Lease, CallError> {
        call(self.channel, actuator::Request::LeaseAcquire { id, duration_us }.encode(), Lease::decode)
    }

    /// Moves actuator `id`. Returns what it does now.
    ///
    /// # Errors
    /// As [`Actuators::lease_acquire`].
    pub fn write(&self, id: usize, value: f64) -> Result<f64, CallError> {
        call(self.channel, actuator::Request::Write { id, value }.encode(), Applied::decode)
            .map(|applied| applied.value)
    }

    /// Gives the lease on actuator `id` back.
    ///
    /// # Errors
    /// As [`Actuators::lease_acquire`].
    pub fn lease_release(&self, id: usize) -> Result<(), CallError> {
        call(self.channel, actuator::Request::LeaseRelease { id }.encode(), actuator::decode_done)
    }

    /// Gives every lease of this client back.
    ///
    /// # Errors
    /// As [`Actuators::lease_acquire`].
    pub fn release_all(&self) -> Result<(), CallError> {
        call(self.channel, actuator::Request::ReleaseAll.encode(), actuator::decode_done)
    }

    /// What actuator `id` is doing.
    ///
    /// # Errors
    /// As [`Actuators::lease_acquire`].
    pub fn read(&self, id: usize) -> Result<Output, CallError> {
        call(self.channel, actuator::Request::Read { id }.encode(), Output::decode)
    }
}

/// `topic_hub`, seen by a client.
#[derive(Clone, Copy, Debug)]
pub struct Topics {
    channel: Channel,
}

impl Topics {
    /// The hub behind `channel`.
    pub const fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// The channel, for who calls past this client.
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// Makes `payload` the latest message of the topic at `place`.
    ///
    /// # Errors
    /// [`CallError::Refused`] with the hub's reason, [`CallError::BadReply`] if it is not to be understood.
    pub fn publish(&self, place: usize, payload: Payload) -> Result<Published, CallError> {
        topic_call(self.channel, topic::Request::Publish { place, payload }.encode(), Published::decode)
    }

    /// The latest message of the topic at `place`.
    ///
    /// # Errors
    /// As [`Topics::publish`].
    pub fn receive(&self, place: usize) -> Result<Received, CallError> {
        topic_call(self.channel, topic::Request::Receive { place }.encode(), Received::decode)
    }
}

/// `actuator_guard`, seen by who knows the driver.
#[derive(Clone, Copy, Debug)]
pub struct Pedal {
    channel: Channel,
}

impl Pedal {
    /// The guard behind `channel`.
    pub const fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// The driver demands this of the brake from now on, 0 to 1.
    ///
    /// # Errors
    /// As [`Actuators::lease_acquire`].
    pub fn demand(&self, brake: f64) -> Result<(), CallError> {
        call(self.channel, Demand { brake }.encode(), actuator::decode_done)
    }
}

/// `sensor_hub`, `actuator_guard` and `topic_hub`, seen by `wasm_manager`.
#[derive(Clone, Copy, Debug)]
pub struct Permitting {
    /// `sensor_hub`
    pub sensors: Channel,
    /// `actuator_guard`
    pub actuators: Channel,
    /// `topic_hub`
    pub topics: Channel,
}

impl Permitting {
    /// Slot `client` may touch nothing any more; its leases end and its outputs are safe when this returns.
    ///
    /// # Errors
    /// [`CallError::Refused`] with a server's reason, [`CallError::BadReply`] if one is not to be understood. The other
    /// servers have been told all the same.
    pub fn revoke(&self, client: usize) -> Result<(), CallError> {
        let moved = call(self.actuators, ActuatorOrder::Revoke { client }.encode(), actuator::decode_done);
        let read = call(self.sensors, SensorOrder::Revoke { client }.encode(), actuator::decode_done);
        topic_call(self.topics, topic::Order::Revoke { client }.encode(), actuator::decode_done)?;
        read.and(moved)
    }

    /// Slot `client` may touch `permissions` and nothing else.
    ///
    /// # Errors
    /// As [`Permitting::revoke`]; the slot may have some of the permissions then.
    pub fn permit(&self, client: usize, permissions: &Permissions) -> Result<(), CallError> {
        self.revoke(client)?;
        for order in permissions.sensor_orders(client) {
            call(self.sensors, order.encode(), actuator::decode_done)?;
        }
        for order in permissions.actuator_orders(client) {
            call(self.actuators, order.encode(), actuator::decode_done)?;
        }
        for order in permissions.topic_orders(client) {
            topic_call(self.topics, order.encode(), actuator::decode_done)?;
        }
        Ok(())
    }

    /// Two slots are two versions of an app from now on; the new one is a shadow.
    ///
    /// # Errors
    /// As [`Permitting::revoke`].
    pub fn swap_begin(&self, terms: &SwapTerms) -> Result<(), CallError> {
        call(self.actuators, SwapOrder::Begin(*terms).encode(), actuator::decode_done)
    }

    /// The new one is to have authority from the next tick on: gives when that is, or nothing if the two do not agree just now.
    ///
    /// # Errors
    /// As [`Permitting::revoke`].
    pub fn swap_hand_over(&self) -> Result<Option<u64>, CallError> {
        match call(self.actuators, SwapOrder::HandOver.encode(), HandOver::decode) {
            Ok(HandOver { at_us }) => Ok(Some(at_us)),
            Err(CallError::Refused(Status::NotAgreed)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How the two do, or did last.
    ///
    /// # Errors
    /// As [`Permitting::revoke`].
    pub fn swap_report(&self) -> Result<SwapReport, CallError> {
        call(self.actuators, SwapOrder::Report.encode(), SwapReport::decode)
    }

    /// What slot `client` publishes counts from `from_us` on and before `until_us`.
    ///
    /// # Errors
    /// As [`Permitting::revoke`].
    pub fn voice(&self, client: usize, from_us: u64, until_us: u64) -> Result<(), CallError> {
        let order = topic::Order::Voice { client, from_us, until_us };
        topic_call(self.topics, order.encode(), actuator::decode_done)
    }
}

fn call<T>(
    channel: Channel,
    request: Message,
    decode: fn(u64, &[u64]) -> Result<T, CallError>,
) -> Result<T, CallError> {
    let answer = channel.pp_call(MessageInfo::with_words(request.label, request.words()));
    decode(answer.label(), answer.words(&mut [0; WORDS_MAX + 1]))
}

/// The same where messages are longer.
fn topic_call<T>(
    channel: Channel,
    request: Message<{ topic::WORDS_MAX }>,
    decode: fn(u64, &[u64]) -> Result<T, CallError>,
) -> Result<T, CallError> {
    let answer = channel.pp_call(MessageInfo::with_words(request.label, request.words()));
    decode(answer.label(), answer.words(&mut [0; topic::WORDS_MAX + 1]))
}

/// The words of a message that a client sent, into a buffer of one more than any request has, so that decoding sees
/// what is too long.
pub fn receive<const WORDS: usize>(message: MessageInfo, buffer: &mut [u64; WORDS]) -> &[u64] {
    message.words(buffer)
}

/// Puts a reply where the kernel takes it from.
pub fn answer<const WORDS: usize>(reply: &Message<WORDS>) -> MessageInfo {
    MessageInfo::with_words(reply.label, reply.words())
}
