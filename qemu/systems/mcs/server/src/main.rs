// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Works for its callers: label 1 works for as long as 5 ms are when nobody interrupts, label 2 answers with the
//! words inverted. A notification is answered by a notification.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::hint::black_box;

use sel4_microkit::{Channel, ChannelSet, Handler, MessageInfo, now_us, protection_domain, with_message};

/// How long label 1 works.
const WORK_US: u64 = 5_000;
/// Steps between two looks at the clock.
const STEPS: u64 = 1_000;

#[protection_domain]
fn init() -> impl Handler {
    // Here every protection domain still has time of its own.
    let end_us = now_us() + WORK_US;
    let mut rounds = 0;
    while now_us() < end_us {
        work(1);
        rounds += 1;
    }
    Server { rounds }
}

/// Computes something, never looking at the clock.
fn work(rounds: u64) {
    for step in 0..rounds * STEPS {
        black_box(step);
    }
}

struct Server {
    /// How much work takes [`WORK_US`].
    rounds: u64,
}

impl Handler for Server {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        channels.iter().for_each(Channel::notify);
        Ok(())
    }

    fn protected(&mut self, _channel: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        let count = message.count();
        if message.label() == 1 {
            work(self.rounds);
        } else {
            with_message(|words| words.iter_mut().take(count).for_each(|word| *word = !*word));
        }
        Ok(message)
    }
}
