// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Drives the conformance test and judges: calls, notifications, interrupts, the heap, physical addresses, and
//! above all what happens to a child. Each check prints a line; the first that fails ends the test.
#![no_std]
#![no_main]

extern crate alloc;

mod checks;
mod eager;
mod life;
mod timer;

use core::fmt::Write;

use sel4_microkit::{
    Channel, ChannelSet, Child, Fault, Handler, MessageInfo, channel, child, memory_region,
    protection_domain, setvar,
};
use system_tests_support::Serial;

use crate::eager::Eager;
use crate::life::Life;

/// Channels without a symbol in system.xml.
const CHILD_CHANNEL: Channel = Channel::new(26);
const EAGER_CHANNEL: Channel = Channel::new(25);

#[protection_domain]
fn init() -> impl Handler {
    let mut report = Report(Serial::new(memory_region!(uart: uart_size)));
    system_tests_support::heap(memory_region!(heap: heap_size));
    let orders = system_tests_support::shared(memory_region!(orders: orders_size));
    let eager_orders = system_tests_support::shared(memory_region!(eager_orders: eager_orders_size));
    let dma = system_tests_support::shared(memory_region!(dma: dma_size));
    let server = channel!(server);
    report.say(format_args!("started as '{}'", sel4_microkit::pd_name()));
    checks::calls(&mut report, server);
    checks::heap(&mut report);
    checks::physical_address(&mut report, &dma, setvar!(dma_paddr));
    checks::time(&mut report);
    let client = Client {
        report,
        server,
        timer: channel!(timer_irq),
        floats: [channel!(float_one), channel!(float_two)],
        floats_done: ChannelSet::default(),
        life: Life::new(child!(child), orders),
        eager: Eager::new(child!(eager), eager_orders),
        timer_ticks: 0,
    };
    // The answer comes as an event.
    server.notify();
    client
}

/// Prints the outcome of each check.
pub(crate) struct Report(Serial);

impl Report {
    fn say(&mut self, line: core::fmt::Arguments<'_>) {
        // Writing never fails.
        let _ = writeln!(self.0, "conformance: {line}");
    }

    #[expect(clippy::panic, reason = "how this test fails")]
    fn check(&mut self, name: &str, holds: bool) {
        if holds {
            self.say(format_args!("ok: {name}"));
        } else {
            self.say(format_args!("FAILED: {name}"));
            panic!("conformance: {name}");
        }
    }
}

struct Client {
    report: Report,
    server: Channel,
    timer: Channel,
    floats: [Channel; 2],
    floats_done: ChannelSet,
    life: Life,
    eager: Eager,
    timer_ticks: u32,
}

impl Handler for Client {
    type Error = sel4_microkit::Error;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        for channel in channels.iter() {
            if channel == self.server {
                self.report.check("a notification comes back", true);
                timer::start();
            } else if channel == self.timer {
                self.timer_ticked()?;
            } else if channel == CHILD_CHANNEL {
                self.life.reported(&mut self.report)?;
            } else if channel == EAGER_CHANNEL {
                self.report.check("a child above its parent has run", !self.eager.has_faulted());
            } else if self.floats.contains(&channel) {
                self.floats_done = self.floats_done.union(ChannelSet::from_bits(1 << channel.id()));
                if self.floats.iter().all(|float| self.floats_done.contains(*float)) {
                    self.report.check("floating point registers survive preemption", true);
                    self.report.say(format_args!("all checks passed"));
                }
            } else {
                self.report.check("only channels of system.xml notify", false);
            }
        }
        Ok(())
    }

    fn fault(&mut self, child: Child, fault: Fault) -> Result<Option<MessageInfo>, Self::Error> {
        if self.eager.is(child) {
            self.eager.faulted(&mut self.report, &fault)?;
            self.life.begin(&mut self.report)?;
        } else {
            self.life.faulted(&mut self.report, child, &fault)?;
        }
        Ok(None)
    }
}

impl Client {
    /// Ticks one to three re-arm; then the child's turn comes, and a tick later it is stopped if it hangs.
    fn timer_ticked(&mut self) -> Result<(), sel4_microkit::Error> {
        self.timer_ticks += 1;
        match self.timer_ticks {
            1 | 2 => timer::start(),
            3 => {
                timer::stop();
                self.report.check("three timer interrupts came", true);
                self.eager.provoke(&mut self.report, EAGER_CHANNEL)?;
            }
            _ => {
                timer::stop();
                self.life.waited(&mut self.report)?;
            }
        }
        self.timer.irq_ack()
    }
}
