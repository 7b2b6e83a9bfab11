// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a protection domain does with events.

use core::fmt::Display;

use sel4::Fault;

use crate::{Channel, ChannelSet, Child, DeferredAction, MessageInfo, debug_println};

/// The label of the answer that the default [`Handler::protected`] gives: nobody serves here.
pub const LABEL_NOT_SERVED: u64 = 0xfffff;

/// What a protection domain does with events. An error is printed (debug kernel) and the loop goes on.
pub trait Handler {
    /// Why an event could not be handled.
    type Error: Display;

    /// These channels and interrupts have notified, each at least once.
    fn notified(&mut self, channels: ChannelSet) -> Result<(), Self::Error> {
        debug_println!("{}: notification {:#x} that nobody expects", crate::pd_name(), channels.bits());
        Ok(())
    }

    /// Serves a protected procedure call; the message words are in [`crate::get_mr`], those of the answer go to
    /// [`crate::set_mr`]. On an error the caller gets an answer with label 0xfffff and no words.
    fn protected(&mut self, channel: Channel, message: MessageInfo) -> Result<MessageInfo, Self::Error> {
        let _ = (channel, message);
        Ok(MessageInfo::new(LABEL_NOT_SERVED, 0))
    }

    /// A child has faulted. `Some` answers the fault, which lets the child go on; `None` leaves it stopped (it
    /// may have been restarted meanwhile). The default stops it.
    fn fault(&mut self, child: Child, fault: Fault) -> Result<Option<MessageInfo>, Self::Error> {
        debug_println!("{}: child {} stopped: {fault}", crate::pd_name(), child.id());
        if let Err(error) = child.stop() {
            debug_println!("{}: child {} cannot be stopped: {error}", crate::pd_name(), child.id());
        }
        Ok(None)
    }

    /// Asked after each event: what the event loop is to do right before it answers or waits, in the same system call if
    /// the kernel has one for that. At most one action for each event; do further ones at once.
    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        None
    }

    /// A child has used up its budget ([`Child::report_exhaustion`]): the protection domain with this index in the
    /// system description. It waits until this returns, and goes on when it has time again.
    fn exhausted(&mut self, index: u64) -> Result<(), Self::Error> {
        let _ = index;
        Ok(())
    }
}

/// Who has used up a budget, as the badge of a scheduling context tells: Microkit numbers protection domains in the
/// order of the system description, parents before their children, from this number on.
pub(crate) const SCHEDULING_BADGE_BASE: u64 = 0x100;

/// A handler for protection domains that do everything in `init`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullHandler;

impl Handler for NullHandler {
    type Error = core::convert::Infallible;
}
