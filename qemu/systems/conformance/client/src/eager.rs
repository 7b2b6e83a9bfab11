// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A child that outranks its parent: its notification and its fault are there before the parent looks, so
//! that polling for notifications meets both.

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::{Channel, Child, Error, Fault, poll_notification};

use system_tests_support::orders::{Order, word};

use crate::Report;

pub(crate) struct Eager {
    child: Child,
    orders: SharedRegion,
    faulted: bool,
}

impl Eager {
    pub(crate) fn new(child: Child, orders: SharedRegion) -> Self {
        Self { child, orders, faulted: false }
    }

    pub(crate) fn is(&self, child: Child) -> bool {
        child == self.child
    }

    /// Restarts the child, which at once notifies and panics; then polls.
    pub(crate) fn provoke(&mut self, report: &mut Report, channel: Channel) -> Result<(), Error> {
        // The region is a page: the offset is inside.
        let _ = self.orders.store_u64_release(word::ORDER * 8, Order::Panic as u64);
        self.child.restart()?;
        let polled = poll_notification();
        report
            .check("polling gives a notification", polled.is_some_and(|channels| channels.contains(channel)));
        report.check("polling does not give a fault", poll_notification().is_none());
        report.check("polling keeps a fault for later", poll_notification().is_none() && !self.faulted);
        Ok(())
    }

    /// The fault has come, after polling met it.
    pub(crate) fn faulted(&mut self, report: &mut Report, fault: &Fault) -> Result<(), Error> {
        self.faulted = true;
        let right = matches!(fault, Fault::UserException { instruction, .. } if *instruction >= 0x20_0000);
        report.check("a fault that polling met arrives whole", right);
        self.child.stop()
    }
}
