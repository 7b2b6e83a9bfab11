// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Drives the conformance test and judges: calls, notifications, interrupts, the heap, physical addresses, floating
//! point, and above all what happens to a child. Each check prints a line, the same ones in the same order on every
//! kernel: qemu/e2e has the list. The first that fails ends the test.
#![no_std]
#![no_main]

extern crate alloc;

mod checks;
mod eager;
mod life;
mod signals;
mod timer;

use core::fmt::Write;

use sel4_microkit::{
    Channel, ChannelSet, Child, DeferredAction, Fault, Handler, MessageInfo, channel, child, memory_region,
    now_us, poll_notification, protection_domain, setvar,
};
use system_tests_support::{Serial, orders};

use crate::eager::Eager;
use crate::life::Life;
use crate::signals::Signals;

/// Channels without a symbol in system.xml.
const CHILD_CHANNEL: Channel = Channel::new(26);
const EAGER_CHANNEL: Channel = Channel::new(25);
/// The other end of the client's channel to itself.
const ITS_OTHER_END: Channel = Channel::new(51);
/// How long to look out for an interrupt that should not come.
const QUIET_US: u64 = 3_000;

#[protection_domain]
fn init() -> impl Handler {
    let mut report = Report(Serial::new(memory_region!(uart: uart_size)));
    system_tests_support::heap(memory_region!(heap: heap_size));
    let orders = system_tests_support::shared(memory_region!(orders: orders_size));
    let eager_orders = system_tests_support::shared(memory_region!(eager_orders: eager_orders_size));
    let dma = system_tests_support::shared(memory_region!(dma: dma_size));
    let code = system_tests_support::shared(memory_region!(code: code_size));
    let record = system_tests_support::shared(memory_region!(record: record_size));
    let server = channel!(server);
    report.say(format_args!("started as '{}'", sel4_microkit::pd_name()));
    let early = poll_notification();
    let eager_first = early == Some(ChannelSet::from_bits(1 << EAGER_CHANNEL.id()));
    report.check("a child above its parent has run", eager_first);
    channel!(itself).notify();
    let echo = poll_notification();
    report
        .check("a channel to oneself notifies", echo == Some(ChannelSet::from_bits(1 << ITS_OTHER_END.id())));
    // The region is a page: the offset is inside.
    let _ = code.store_u64_release(0, orders::FUNCTION.0);
    checks::calls(&mut report, server);
    checks::heap(&mut report);
    checks::physical_address(&mut report, &dma, setvar!(dma_paddr));
    checks::time(&mut report);
    let client = Client {
        report,
        server,
        timer: channel!(timer_irq),
        uart: channel!(uart_irq),
        signals: Signals::new([channel!(listener), channel!(listener_too)], record),
        deferred: None,
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

    /// A check that is made often: it prints only if it fails.
    fn expect(&mut self, name: &str, holds: bool) {
        if !holds {
            self.check(name, false);
        }
    }
}

struct Client {
    report: Report,
    server: Channel,
    timer: Channel,
    uart: Channel,
    signals: Signals,
    deferred: Option<DeferredAction>,
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
                self.signals.send(&mut self.report);
            } else if self.signals.is(channel) {
                self.signals.answered(&mut self.report);
                timer::start();
            } else if channel == self.uart {
                self.report.0.interrupt_off();
                self.uart.irq_ack()?;
                self.report.check("an interrupt that is not the processor's own comes", true);
                self.eager.provoke(&mut self.report, EAGER_CHANNEL)?;
            } else if channel == self.timer {
                self.timer_ticked()?;
            } else if channel == CHILD_CHANNEL {
                self.life.reported(&mut self.report)?;
            } else if channel == EAGER_CHANNEL {
                self.report.check("what polling took does not come again", false);
            } else if self.floats.contains(&channel) {
                self.floats_done = self.floats_done.union(ChannelSet::from_bits(1 << channel.id()));
            } else {
                self.report.check("only channels of system.xml notify", false);
            }
        }
        if self.life.is_over() && self.floats.iter().all(|float| self.floats_done.contains(*float)) {
            self.report.check("floating point registers survive preemption", true);
            self.signals.end(&mut self.report);
            self.report.say(format_args!("all checks passed"));
        }
        Ok(())
    }

    fn fault(&mut self, child: Child, fault: Fault) -> Result<Option<MessageInfo>, Self::Error> {
        if self.eager.is(child) {
            self.eager.faulted(&mut self.report, &fault)?;
            self.life.begin(&mut self.report)?;
            Ok(None)
        } else {
            self.life.faulted(&mut self.report, child, &fault)
        }
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.deferred.take()
    }
}

impl Client {
    /// Tick one is acknowledged later, tick two too late; after tick three the UART's turn comes. A later one says that the
    /// child has had time to hang.
    fn timer_ticked(&mut self) -> Result<(), sel4_microkit::Error> {
        self.timer_ticks += 1;
        match self.timer_ticks {
            1 => {
                self.report.check("an interrupt comes", true);
                timer::start();
                self.deferred = Some(DeferredAction::new_irq_ack(self.timer));
                return Ok(());
            }
            2 => {
                self.report.check("an interrupt comes again after a deferred acknowledgement", true);
                // The timer goes on asking.
                let end_us = now_us() + QUIET_US;
                let mut quiet = true;
                while now_us() < end_us {
                    quiet &= poll_notification().is_none();
                }
                self.report.check("an interrupt stays away until it is acknowledged", quiet);
            }
            3 => {
                timer::stop();
                self.report.check("an interrupt that still asks comes once acknowledged", true);
                // The next character raises it.
                self.report.0.interrupt_on();
                self.report.say(format_args!("waiting for the UART"));
            }
            _ => {
                timer::stop();
                self.life.waited(&mut self.report)?;
            }
        }
        self.timer.irq_ack()
    }
}
