// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Actions that wait until an entry point has returned.

use crate::{Channel, Error};

/// A notification or an acknowledgement that the event loop makes after the entry point that asked for it has returned
/// ([`crate::Handler::take_deferred_action`]): with MCS in the system call that waits for the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeferredAction {
    channel: Channel,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Notify,
    IrqAck,
}

impl DeferredAction {
    /// [`Channel::notify`], later.
    pub const fn new_notify(channel: Channel) -> Self {
        Self { channel, what: What::Notify }
    }

    /// [`Channel::irq_ack`], later; that this channel has no interrupt is not told then.
    pub const fn new_irq_ack(channel: Channel) -> Self {
        Self { channel, what: What::IrqAck }
    }

    /// Does it at once.
    pub fn execute_now(self) -> Result<(), Error> {
        match self.what {
            What::Notify => {
                self.channel.notify();
                Ok(())
            }
            What::IrqAck => self.channel.irq_ack(),
        }
    }

    /// The message that does it, and to which capability.
    pub(crate) const fn message(self) -> (sel4::CPtr, sel4::MessageInfo) {
        match self.what {
            What::Notify => (self.channel.notification(), sel4::MessageInfo::new(0, 0, 0, 0)),
            What::IrqAck => (self.channel.interrupt().0, sel4::IrqHandler::ACKNOWLEDGEMENT),
        }
    }
}
