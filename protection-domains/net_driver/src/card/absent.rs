// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A board without a network card, or with one that nobody has written a driver for.

use core::convert::Infallible;

use sel4_microkit::Channel;

/// There is none.
pub enum Card {}

impl cofferdam_virtio_net::Card for Card {
    type Error = Infallible;

    fn receive(&mut self, _with: impl FnOnce(&[u8])) -> Result<bool, Infallible> {
        match *self {}
    }

    fn can_send(&mut self) -> Result<bool, Infallible> {
        match *self {}
    }

    fn send(&mut self, _frame: &[u8]) -> Result<bool, Infallible> {
        match *self {}
    }
}

impl Card {
    /// Its address.
    pub fn hardware_address(&self) -> [u8; 6] {
        match *self {}
    }

    /// Tells it that its interrupt was seen.
    pub fn acknowledge_interrupt(&mut self) {
        match *self {}
    }
}

/// Says that there is none.
pub fn find() -> Option<Card> {
    log::warn!("no network: this image has no driver for a network card of this board");
    None
}

/// It does not interrupt.
pub fn interrupt() -> Option<Channel> {
    None
}
