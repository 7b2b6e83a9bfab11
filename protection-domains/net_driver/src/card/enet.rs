// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The i.MX's own network card.

use cofferdam_imx_enet::Enet;
use sel4_microkit::{Channel, channel};

use crate::regions;

/// The card.
pub type Card = Enet<'static>;

/// The chip's card, if firmware has set it up.
pub fn find() -> Option<Card> {
    regions::enet().inspect_err(|error| log::error!("no network: {error}")).ok()
}

/// Its interrupt.
pub fn interrupt() -> Option<Channel> {
    Some(channel!(virtio_irq))
}
