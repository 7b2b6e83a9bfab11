// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the network card. It moves frames between the card of the board ([`card`]) and gateway's queues
//! (contract: `cofferdam-net-protocol`) and looks at nothing in them.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod card;
mod regions;

use core::convert::Infallible;

use cofferdam_domain_figures::QueueFigures;
use cofferdam_net_protocol::Link;
use cofferdam_virtio_net::Pump;
use sel4_microkit::{Channel, ChannelSet, Handler, channel, protection_domain};

use crate::card::Card;

/// Ethernet's usual payload. (Devices that offer less or more are not asked.)
const PAYLOAD_BYTES_MAX: u16 = 1500;

struct NetDriver {
    /// None: there is no card, or it has failed.
    pump: Option<Pump<Card>>,
    interrupt: Option<Channel>,
    gateway: Channel,
    figures: QueueFigures,
}

#[protection_domain]
#[allow(clippy::expect_used)] // of the system description
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    let (to_gateway, from_gateway) = regions::queues().expect("regions net_receive and net_transmit");
    let pump = card::find().map(|card| {
        let link = Link { hardware_address: card.hardware_address(), payload_bytes_max: PAYLOAD_BYTES_MAX };
        log::info!("network card {:02x?}", link.hardware_address);
        Pump::new(card, to_gateway, from_gateway, &link)
    });
    let figures = QueueFigures::new(regions::figures(), "net_driver").expect("region figures_net_driver");
    let (interrupt, gateway) = (card::interrupt(), channel!(gateway_channel));
    let mut driver = NetDriver { pump, interrupt, gateway, figures };
    driver.gateway.notify(); // it may look for the link already
    driver.run();
    driver
}

impl NetDriver {
    /// Moves frames until there is nothing more to move, or no room, and tells how that went.
    fn run(&mut self) {
        self.move_frames();
        if let Some(pump) = &self.pump {
            let counters = pump.counters();
            let dropped = counters.received_bad.saturating_add(counters.sent_bad);
            self.figures.set(dropped, counters.held_back, counters.misbehaviour);
        }
    }

    fn move_frames(&mut self) {
        let Some(pump) = &mut self.pump else { return };
        loop {
            match pump.run() {
                Ok(work) => {
                    if work.notify_gateway {
                        self.gateway.notify();
                    }
                    if let Some(misbehaviour) = pump.take_misbehaviour() {
                        log::warn!("gateway: {misbehaviour}");
                    }
                    // gateway has a lower priority, so its queue fills up and this loop ends.
                    if !work.more {
                        return;
                    }
                }
                Err(error) => {
                    log::error!("no network any more: {error}; {:?}", pump.counters());
                    self.pump = None; // dropping it resets the device
                    return;
                }
            }
        }
    }
}

impl Handler for NetDriver {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        if let Some(interrupt) = self.interrupt.filter(|interrupt| channels.contains(*interrupt)) {
            // First the device, then the interrupt controller, then the work: what comes in between
            // interrupts again.
            if let Some(pump) = &mut self.pump {
                pump.card().acknowledge_interrupt();
            }
            if let Err(error) = interrupt.irq_ack() {
                log::error!("interrupt: {error}");
            }
        }
        self.run();
        Ok(())
    }
}
