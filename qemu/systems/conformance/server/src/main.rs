// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Serves calls: label 1 answers with the number of words and their sum, label 2 with the words
//! inverted, anything else is an error. A notification is answered by a notification.
#![no_std]
#![no_main]

use sel4_microkit::{
    Channel, ChannelSet, Handler, MessageInfo, get_mr, protection_domain, set_mr, with_message,
};

#[protection_domain]
fn init() -> impl Handler {
    Server
}

struct Server;

/// A label that this server does not know.
struct UnknownLabel(u64);

impl core::fmt::Display for UnknownLabel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "unknown label {}", self.0)
    }
}

impl Handler for Server {
    type Error = UnknownLabel;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), UnknownLabel> {
        channels.iter().for_each(Channel::notify);
        Ok(())
    }

    fn protected(&mut self, _channel: Channel, message: MessageInfo) -> Result<MessageInfo, UnknownLabel> {
        let count = message.count();
        match message.label() {
            1 => {
                let sum = (0..count).map(get_mr).fold(0, u64::wrapping_add);
                set_mr(0, count as u64);
                set_mr(1, sum);
                Ok(MessageInfo::new(1, 2))
            }
            2 => {
                with_message(|words| words.iter_mut().take(count).for_each(|word| *word = !*word));
                Ok(MessageInfo::new(2, count))
            }
            label => Err(UnknownLabel(label)),
        }
    }
}
