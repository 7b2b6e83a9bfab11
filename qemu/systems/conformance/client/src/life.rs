// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A child's lives: what it finds at each entry, the faults that it makes, and being stopped.

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::{Child, Error, Fault};

use crate::{Report, timer};

/// What the child is told, in this order. See the child's main.rs.
const ORDERS: [(u64, &str); 7] = [
    (0, "waits"),
    (1, "panics"),
    (2, "writes where nothing is mapped"),
    (3, "overflows its stack"),
    (4, "writes a constant"),
    (5, "executes data"),
    (6, "loops for ever"),
];

pub(crate) struct Life {
    child: Child,
    orders: SharedRegion,
    /// Entries of the child that have been reported. The first is the one at boot.
    entries: u64,
    /// Index in [`ORDERS`].
    next: usize,
}

impl Life {
    pub(crate) fn new(child: Child, orders: SharedRegion) -> Self {
        Self { child, orders, entries: 0, next: 0 }
    }

    fn word(&self, index: usize) -> u64 {
        self.orders.load_u64_acquire(index * 8).unwrap_or(u64::MAX)
    }

    /// Restarts the child with the first order.
    pub(crate) fn begin(&mut self, report: &mut Report) -> Result<(), Error> {
        report.check("the child has run", self.entries == 1);
        self.give_order()
    }

    fn give_order(&mut self) -> Result<(), Error> {
        if let Some((order, _)) = ORDERS.get(self.next) {
            // The region is a page: the offset is inside.
            let _ = self.orders.store_u64_release(0, *order);
            self.child.restart()?;
        }
        Ok(())
    }

    /// The child has written what it found.
    pub(crate) fn reported(&mut self, report: &mut Report) -> Result<(), Error> {
        self.entries += 1;
        report.check("a memory region keeps its contents over a restart", self.word(1) == self.entries);
        report.check(
            ".data is restored and .bss is zero at each entry",
            self.word(2) == 41 && self.word(3) == 0,
        );
        if self.entries == 1 {
            return Ok(());
        }
        match ORDERS.get(self.next).map(|(order, _)| *order) {
            Some(0) => {
                self.next += 1;
                self.give_order()
            }
            // It will hang: look again when the timer fires.
            Some(6) => {
                timer::start();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The child has faulted.
    pub(crate) fn faulted(&mut self, report: &mut Report, child: Child, fault: &Fault) -> Result<(), Error> {
        report.check("the fault is the child's", child == self.child);
        let (order, name) = ORDERS.get(self.next).copied().unwrap_or((u64::MAX, "does nothing wrong"));
        report.say(format_args!("a child that {name}: {fault}"));
        let stack = self.word(4);
        let right = match (order, *fault) {
            (1, Fault::UserException { number, .. }) => number >> 26 == 0,
            (2, Fault::VirtualMemory { address, fetch: false, instruction, .. }) => {
                address == 0x6666_0000 && (0x20_0000..0x30_0000).contains(&instruction)
            }
            // The stack has two pages, below which nothing is mapped.
            (3, Fault::VirtualMemory { address, fetch: false, .. }) => {
                address < stack && stack - address < 0x3000
            }
            (4, Fault::VirtualMemory { fetch: false, address, .. }) => {
                (0x20_0000..0x30_0000).contains(&address)
            }
            (5, Fault::VirtualMemory { fetch: true, .. }) => true,
            _ => false,
        };
        report.check("the fault is the expected one", right);
        self.next += 1;
        self.give_order()
    }

    /// The child has hung for a while.
    pub(crate) fn waited(&mut self, report: &mut Report) -> Result<(), Error> {
        self.child.stop()?;
        let entries = self.word(1);
        report.check("an endless loop can be stopped", entries == self.entries);
        self.next += 1;
        Ok(())
    }
}
