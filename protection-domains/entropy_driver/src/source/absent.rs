// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A board without an entropy source, or with one that nobody has written a driver for.

use core::convert::Infallible;

use sel4_microkit::Channel;

/// There is none.
pub enum Source {}

impl Source {
    /// Fills `bytes`.
    pub fn fill(&mut self, _bytes: &mut [u8], _in_time: impl Fn() -> bool) -> Result<(), Infallible> {
        match *self {}
    }

    /// Tells it that its interrupt was seen.
    pub fn acknowledge_interrupt(&mut self) {
        match *self {}
    }
}

/// Says that there is none.
pub fn find() -> Option<Source> {
    log::warn!("no entropy: this image has no driver for an entropy source of this board");
    None
}

/// It does not interrupt.
pub fn interrupt() -> Option<Channel> {
    None
}
