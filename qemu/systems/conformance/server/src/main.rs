// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Serves calls: label 1 answers with the number of words and their sum, label 2 with the words inverted, label 3 with
//! as many words as the first one says, label 4 as label 2 and with a deferred notification; anything else is an
//! error. A notification is answered by a notification.
#![no_std]
#![no_main]

use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, Handler, MessageInfo, get_mr, protection_domain, set_mr,
    with_message,
};

#[protection_domain]
fn init() -> impl Handler {
    Server { deferred: None }
}

struct Server {
    deferred: Option<DeferredAction>,
}

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

    fn protected(&mut self, channel: Channel, message: MessageInfo) -> Result<MessageInfo, UnknownLabel> {
        let count = message.count();
        match message.label() {
            1 => {
                let sum = (0..count).map(get_mr).fold(0, u64::wrapping_add);
                set_mr(0, count as u64);
                set_mr(1, sum);
                Ok(MessageInfo::new(1, 2))
            }
            label @ (2 | 4) => {
                with_message(|words| words.iter_mut().take(count).for_each(|word| *word = !*word));
                if label == 4 {
                    self.deferred = Some(DeferredAction::new_notify(channel));
                }
                Ok(MessageInfo::new(label, count))
            }
            3 => {
                let answer = MessageInfo::new(3, usize::try_from(get_mr(0)).unwrap_or(usize::MAX));
                (0..answer.count()).for_each(|index| set_mr(index, index as u64 + 7));
                Ok(answer)
            }
            label => Err(UnknownLabel(label)),
        }
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}
