// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What `topic_hub` decides: which slot may publish and receive which topic, how often, and what its latest message is.
//!
//! Contract: `cofferdam_device_protocol::topic`. [`Hub`] has room for every place of every slot, so nothing that one slot
//! does takes room from another. The rules, which tests hold against random clients and orders:
//! - at boot nobody has a topic; `wasm_manager` gives each slot its places and revokes them;
//! - what a slot receives was published by a slot that was permitted to publish a topic of that name at that time;
//! - a request that is refused changes nothing;
//! - a topic that no slot has any more is forgotten, its message with it;
//! - what a slot without a voice publishes is answered as ever and reaches nobody: of two versions of an app side by side one
//!   speaks at any time.
//!
//! Several slots may publish one topic, if all their signers may grant it: the latest message counts.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

use cofferdam_device_protocol::permission::{CLIENTS, Rate};
use cofferdam_device_protocol::topic::{
    Order, Payload, Published, Received, Request, TOPICS_MAX, TopicName, TopicPermission, WORDS_MAX, refusal,
};
use cofferdam_device_protocol::{Message, Status};

/// As many as there are places: there is always room for one more name.
const TOPICS: usize = CLIENTS * TOPICS_MAX;

#[derive(Clone, Copy, Debug)]
struct Topic {
    name: TopicName,
    /// Messages so far; 0: none yet.
    sequence: u64,
    time_us: u64,
    payload: Payload,
}

/// A slot's topic.
#[derive(Clone, Copy, Debug)]
struct Place {
    topic: usize,
    to: TopicPermission,
    published: Rate,
    received: Rate,
}

/// All topics, and who has which.
#[derive(Clone, Debug)]
pub struct Hub {
    topics: [Option<Topic>; TOPICS],
    places: [[Option<Place>; TOPICS_MAX]; CLIENTS],
    /// From when until when what each slot publishes counts.
    voices: [(u64, u64); CLIENTS],
}

/// All the time.
const ALWAYS: (u64, u64) = (0, u64::MAX);

impl Hub {
    /// Nobody has a topic.
    pub const fn new() -> Self {
        Self { topics: [None; TOPICS], places: [[None; TOPICS_MAX]; CLIENTS], voices: [ALWAYS; CLIENTS] }
    }

    /// Obeys one message of `wasm_manager`.
    ///
    /// # Errors
    /// As [`Order::decode`].
    pub fn obey(&mut self, label: u64, words: &[u64]) -> Result<(), Status> {
        match Order::decode(label, words)? {
            Order::Revoke { client } => {
                self.places.get_mut(client).ok_or(Status::NotAClient)?.fill(None);
                *self.voices.get_mut(client).ok_or(Status::NotAClient)? = ALWAYS;
                self.forget_unused();
            }
            Order::Voice { client, from_us, until_us } => {
                *self.voices.get_mut(client).ok_or(Status::NotAClient)? = (from_us, until_us);
            }
            Order::Permit { client, place, permission } => {
                *self.place_mut(client, place)? = None;
                self.forget_unused();
                let topic = self.find_or_add(permission.name)?;
                *self.place_mut(client, place)? = Some(Place {
                    topic,
                    to: permission,
                    published: Rate::default(),
                    received: Rate::default(),
                });
            }
        }
        Ok(())
    }

    /// Serves one message of slot `client`.
    ///
    /// # Errors
    /// As [`Request::decode`]; [`Status::NotAClient`], [`Status::NotPermitted`], [`Status::TooOften`], [`Status::NotReady`]
    /// before the first message.
    pub fn serve(
        &mut self,
        client: usize,
        label: u64,
        words: &[u64],
        now_us: u64,
    ) -> Result<Message<WORDS_MAX>, Status> {
        match Request::decode(label, words)? {
            Request::Publish { place, payload } => {
                self.publish(client, place, payload, now_us).map(|published| published.encode())
            }
            Request::Receive { place } => {
                self.receive(client, place, now_us).map(|received| received.encode())
            }
        }
    }

    /// As [`Hub::serve`], with a refusal as the message that it becomes.
    pub fn answer(&mut self, client: usize, label: u64, words: &[u64], now_us: u64) -> Message<WORDS_MAX> {
        self.serve(client, label, words, now_us).unwrap_or_else(refusal)
    }

    fn publish(
        &mut self,
        client: usize,
        place: usize,
        payload: Payload,
        now_us: u64,
    ) -> Result<Published, Status> {
        let Self { topics, places, voices } = self;
        let place = permitted(places, client, place)?;
        match place.to.publishes_per_second {
            0 => return Err(Status::NotPermitted),
            limit if !place.published.allows(limit, now_us) => return Err(Status::TooOften),
            _ => place.published.count(now_us),
        }
        // A place's topic is there as long as the place.
        let topic = topics.get_mut(place.topic).and_then(Option::as_mut).ok_or(Status::NotReady)?;
        let (from_us, until_us) = voices.get(client).copied().unwrap_or(ALWAYS);
        if !(from_us..until_us).contains(&now_us) {
            return Ok(Published { sequence: topic.sequence });
        }
        let sequence = topic.sequence.saturating_add(1);
        *topic = Topic { sequence, time_us: now_us, payload, ..*topic };
        Ok(Published { sequence })
    }

    fn receive(&mut self, client: usize, place: usize, now_us: u64) -> Result<Received, Status> {
        let Self { topics, places, .. } = self;
        let place = permitted(places, client, place)?;
        match place.to.receives_per_second {
            0 => return Err(Status::NotPermitted),
            limit if !place.received.allows(limit, now_us) => return Err(Status::TooOften),
            _ => place.received.count(now_us),
        }
        match topics.get(place.topic) {
            Some(Some(Topic { sequence: sequence @ 1.., time_us, payload, .. })) => {
                Ok(Received { time_us: *time_us, sequence: *sequence, payload: *payload })
            }
            _ => Err(Status::NotReady),
        }
    }

    fn place_mut(&mut self, client: usize, place: usize) -> Result<&mut Option<Place>, Status> {
        let places = self.places.get_mut(client).ok_or(Status::NotAClient)?;
        places.get_mut(place).ok_or(Status::UnknownDevice)
    }

    fn find_or_add(&mut self, name: TopicName) -> Result<usize, Status> {
        let called = |topic: &Option<Topic>| topic.is_some_and(|topic| topic.name == name);
        if let Some(found) = self.topics.iter().position(called) {
            return Ok(found);
        }
        let free = self.topics.iter().position(Option::is_none).ok_or(Status::BadPermission)?;
        if let Some(topic) = self.topics.get_mut(free) {
            *topic = Some(Topic { name, sequence: 0, time_us: 0, payload: Payload::EMPTY });
        }
        Ok(free)
    }

    fn forget_unused(&mut self) {
        let Self { topics, places, .. } = self;
        for (number, topic) in topics.iter_mut().enumerate() {
            if !places.iter().flatten().flatten().any(|place| place.topic == number) {
                *topic = None;
            }
        }
    }
}

fn permitted(
    places: &mut [[Option<Place>; TOPICS_MAX]; CLIENTS],
    client: usize,
    place: usize,
) -> Result<&mut Place, Status> {
    let places = places.get_mut(client).ok_or(Status::NotAClient)?;
    places.get_mut(place).ok_or(Status::UnknownDevice)?.as_mut().ok_or(Status::NotPermitted)
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}
