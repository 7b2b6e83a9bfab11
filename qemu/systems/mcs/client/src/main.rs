// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Has one millisecond of every hundred, and judges: what a server with time of its own does for it in a few
//! milliseconds takes a passive server, which works on its caller's time, several of the caller's periods; and a
//! passive server wakes on notifications and serves calls again afterwards. Each check prints a line; the first
//! that fails ends the test.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::fmt::Write;

use sel4_microkit::{
    Channel, ChannelSet, Handler, MESSAGE_WORDS_MAX, MessageInfo, channel, get_mr, memory_region, now_us,
    protection_domain, set_mr,
};
use system_tests_support::Serial;

/// This protection domain's period in `system.xml`.
const PERIOD_US: u64 = 100_000;

#[protection_domain]
fn init() -> impl Handler {
    let mut client = Client {
        serial: Serial::new(memory_region!(uart: uart_size)),
        active: channel!(active_server),
        passive: channel!(passive_server),
    };
    let active_us = client.work_us(client.active);
    client.say(format_args!("5 ms of an active server took {active_us} us"));
    client.check("an active server works on its own time", active_us < 2 * PERIOD_US);
    // The first event that a passive server serves is still on its own time (see the runtime's event loop).
    client.words();
    client.passive_works();
    // The answer comes as an event.
    client.passive.notify();
    client
}

struct Client {
    serial: Serial,
    active: Channel,
    passive: Channel,
}

impl Client {
    fn say(&mut self, line: core::fmt::Arguments<'_>) {
        // Writing never fails.
        let _ = writeln!(self.serial, "mcs: {line}");
    }

    #[expect(clippy::panic, reason = "how this test fails")]
    fn check(&mut self, name: &str, holds: bool) {
        if holds {
            self.say(format_args!("ok: {name}"));
        } else {
            self.say(format_args!("FAILED: {name}"));
            panic!("mcs: {name}");
        }
    }

    /// How long the server takes for its 5 ms of work.
    fn work_us(&self, server: Channel) -> u64 {
        let begun = now_us();
        server.pp_call(MessageInfo::new(1, 0));
        now_us() - begun
    }

    fn passive_works(&mut self) {
        let passive_us = self.work_us(self.passive);
        self.say(format_args!("5 ms of a passive server took {passive_us} us"));
        // Five budgets, of which the first may have begun before and the last may end early.
        let right = (3 * PERIOD_US..7 * PERIOD_US).contains(&passive_us);
        self.check("a passive server works on its caller's time", right);
    }

    fn words(&mut self) {
        (0..MESSAGE_WORDS_MAX).for_each(|index| set_mr(index, index as u64));
        let answer = self.passive.pp_call(MessageInfo::new(2, MESSAGE_WORDS_MAX));
        let right = answer == MessageInfo::new(2, MESSAGE_WORDS_MAX)
            && (0..MESSAGE_WORDS_MAX).all(|index| get_mr(index) == !(index as u64));
        self.check("a passive server answers with all words", right);
    }
}

impl Handler for Client {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        self.check("a passive server wakes on a notification", channels.contains(self.passive));
        self.passive_works();
        self.say(format_args!("all checks passed"));
        Ok(())
    }
}
