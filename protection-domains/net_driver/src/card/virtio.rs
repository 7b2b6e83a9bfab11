// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A virtio network card.

use cofferdam_virtio_net::VirtioCard;
use sel4_microkit::{Channel, channel};
use virtio_drivers::transport::DeviceType;
use virtio_drivers::transport::mmio::MmioTransport;

use crate::regions;

/// The card.
pub type Card = VirtioCard<MmioTransport<'static>>;

/// The machine's card, if it has one that works.
#[allow(clippy::expect_used)] // of the system description
pub fn find() -> Option<Card> {
    regions::initialise_dma().expect("region net_dma");
    // virtio-drivers tells details of the device as information, which are for nobody here.
    log::set_max_level(log::LevelFilter::Warn);
    let card = match regions::transports().find(DeviceType::Network) {
        Ok(transport) => {
            VirtioCard::new(transport).inspect_err(|error| log::error!("no network: {error}")).ok()
        }
        Err(error) => {
            log::error!("no network: {error}");
            None
        }
    };
    log::set_max_level(log::LevelFilter::Info);
    card
}

/// Its interrupt.
pub fn interrupt() -> Option<Channel> {
    Some(channel!(virtio_irq))
}
