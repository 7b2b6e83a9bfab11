// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: topics, by which slots pass each other their latest messages.
//!
//! Serves `cofferdam_device_protocol::topic`. It shares no memory with anybody: messages come and go in the registers of
//! protected procedure calls, and who calls is known by the channel.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::convert::Infallible;

use cofferdam_device_protocol::permission::CLIENTS;
use cofferdam_device_protocol::topic::{WORDS_MAX, done, refusal};
use cofferdam_device_protocol::{Status, pd};
use cofferdam_topic_hub::Hub;
use sel4_microkit::{Channel, Handler, MessageInfo, channel, now_us, protection_domain};

/// The shortest time between two complaints.
const QUIET_US: u64 = 1_000_000;

struct TopicHub {
    hub: Hub,
    /// By slot.
    clients: [Channel; CLIENTS],
    manager: Channel,
    refused: u64,
    last_complaint_us: u64,
}

#[protection_domain]
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    TopicHub {
        hub: Hub::new(),
        clients: [
            channel!(slot_0_channel),
            channel!(slot_1_channel),
            channel!(slot_2_channel),
            channel!(slot_3_channel),
        ],
        manager: channel!(manager_channel),
        refused: 0,
        last_complaint_us: 0,
    }
}

impl TopicHub {
    fn complain(&mut self, now_us: u64) {
        self.refused += 1;
        if now_us >= self.last_complaint_us + QUIET_US {
            self.last_complaint_us = now_us;
            log::warn!("{} requests refused", core::mem::take(&mut self.refused));
        }
    }
}

impl Handler for TopicHub {
    type Error = Infallible;

    fn protected(&mut self, channel: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        let mut buffer = [0; WORDS_MAX + 1];
        let words = pd::receive(message, &mut buffer);
        let now_us = now_us();
        let answer = if channel == self.manager {
            self.hub.obey(message.label(), words).map(|()| done())
        } else {
            match self.clients.iter().position(|client| *client == channel) {
                Some(client) => self.hub.serve(client, message.label(), words, now_us),
                None => Err(Status::NotAClient),
            }
        };
        // Nothing to read yet is no misbehaviour.
        if answer.is_err_and(|status| status != Status::NotReady) {
            self.complain(now_us);
        }
        Ok(pd::answer(&answer.unwrap_or_else(refusal)))
    }
}
