// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the console.
//!
//! Prints every protection domain's log ring on the UART. It writes as much as the UART takes and then waits
//! for its interrupt, so that a slow line never keeps the protection domains below waiting.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod regions;
mod uart;

use cofferdam_console::{Console, Output, Progress, Source};
use cofferdam_domain_figures::{Figure, Kind, Writer};
use cofferdam_log_ring::Reader;
use cofferdam_uart::Uart as _;
use sel4_microkit::{Channel, ChannelSet, Error, Handler, SDK, channel, now_us, protection_domain};

struct Uart(uart::Device);

impl Output for Uart {
    fn try_write(&mut self, byte: u8) -> bool {
        self.0.try_write(byte)
    }
}

struct ConsolePrinter {
    console: Console<{ regions::RINGS }>,
    uart: Uart,
    interrupt: Channel,
    figures: Writer,
    /// What was lost of each ring.
    lost: [Option<Figure>; regions::RINGS],
}

#[protection_domain]
fn init() -> impl Handler {
    let own_ring = cofferdam_log_ring::pd::init_without_waking();
    // On our own kernel the initialiser has said so.
    if let Some(sdk) = SDK {
        log::info!("cofferdam {} on the seL4 of Microkit SDK {sdk}", env!("CARGO_PKG_VERSION"));
    }
    let sources = regions::rings(own_ring).map(|(name, region)| {
        #[allow(clippy::expect_used)] // Sizes stand in `system.xml`.
        let reader = Reader::new(region).expect("system.xml: a log ring is too small");
        Source::new(name, reader)
    });
    let mut uart = Uart(regions::uart());
    uart.0.set_up();
    #[allow(clippy::expect_used)] // Sizes stand in `system.xml`.
    let mut figures = Writer::new(regions::figures()).expect("system.xml: figures_console is too small");
    let console = Console::new(sources);
    let lost = console.sources().each_ref().map(|source| figures.add(source.name(), Kind::LogLostBytes));
    let mut printer = ConsolePrinter { console, uart, interrupt: channel!(uart_irq), figures, lost };
    printer.print();
    printer
}

impl ConsolePrinter {
    fn print(&mut self) {
        // Before writing: what is written from here on raises the interrupt again once it has drained.
        self.uart.0.acknowledge();
        let progress = self.console.pump(&mut self.uart, now_us());
        self.uart.0.interrupt_when_drained(progress == Progress::More);
        for (source, figure) in self.console.sources().iter().zip(&self.lost) {
            figure.iter().for_each(|figure| self.figures.set(*figure, source.lost_total_bytes()));
        }
    }
}

impl Handler for ConsolePrinter {
    type Error = Error;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Error> {
        self.print();
        if channels.contains(self.interrupt) { self.interrupt.irq_ack() } else { Ok(()) }
    }
}
