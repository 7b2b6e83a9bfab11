// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A child's lives: what it finds at each entry, what it may do, the faults that it makes, and being stopped.

use core::ops::Range;

use cofferdam_shared_memory::SharedRegion;
use sel4_microkit::{Child, Error, Fault, MessageInfo};
use system_tests_support::orders::{self, Order, word};

use crate::{Report, timer};

/// How an order ends.
#[derive(Clone, Copy)]
enum End {
    /// At once.
    Waits,
    /// With this result.
    Returns(u64),
    /// With this access to such an address.
    Faults(Access, Place),
    UndefinedInstruction,
    UnknownSystemCall,
    /// Never.
    Hangs,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Fetch,
}

#[derive(Clone, Copy)]
enum Place {
    At(u64),
    /// In the program.
    Program,
    /// On the stack.
    Stack,
    /// In the guard page below the stack, which has two pages.
    BelowStack,
    /// In the guard page above it.
    AboveStack,
}

/// Where `system.xml` maps the page of code, by right.
const READABLE: u64 = 0x1_1000_0000;
const WRITABLE: u64 = 0x1_1001_0000;
const RUNNABLE: u64 = 0x1_1002_0000;
/// Where programs lie (`pd.ld`).
const PROGRAM: Range<u64> = 0x20_0000..0x40_0000;
/// Pages of the child's stack.
const STACK_PAGES: u64 = 2;
const PAGE: u64 = 0x1000;

/// What the child is told, in this order, and what must come of it.
const LIVES: [(Order, &str, End); 20] = [
    (Order::Wait, "a child can be restarted", End::Waits),
    (Order::Panic, "a panic is an undefined instruction", End::UndefinedInstruction),
    (
        Order::WriteUnmapped,
        "an unmapped address faults at a write",
        End::Faults(Access::Write, Place::At(orders::UNMAPPED)),
    ),
    (Order::ReadNull, "address zero faults at a read", End::Faults(Access::Read, Place::At(0))),
    (
        Order::OverflowStack,
        "a stack overflow hits the guard page",
        End::Faults(Access::Write, Place::BelowStack),
    ),
    (
        Order::ReadAboveStack,
        "a guard page lies above the stack",
        End::Faults(Access::Read, Place::AboveStack),
    ),
    (Order::WriteConstant, "constants cannot be written", End::Faults(Access::Write, Place::Program)),
    (Order::WriteOwnCode, "code cannot be written", End::Faults(Access::Write, Place::Program)),
    (Order::ExecuteData, "data cannot be executed", End::Faults(Access::Fetch, Place::Program)),
    (Order::ExecuteStack, "the stack cannot be executed", End::Faults(Access::Fetch, Place::Stack)),
    (Order::ReadReadable, "a region mapped r can be read", End::Returns(orders::FUNCTION.0)),
    (
        Order::WriteReadable,
        "a region mapped r cannot be written",
        End::Faults(Access::Write, Place::At(READABLE)),
    ),
    (
        Order::ExecuteReadable,
        "a region mapped r cannot be executed",
        End::Faults(Access::Fetch, Place::At(READABLE)),
    ),
    (Order::WriteWritable, "a region mapped rw can be written", End::Returns(0x600d)),
    (
        Order::ExecuteWritable,
        "a region mapped rw cannot be executed",
        End::Faults(Access::Fetch, Place::At(WRITABLE)),
    ),
    (Order::ExecuteRunnable, "a region mapped rx can be executed", End::Returns(orders::FUNCTION.1)),
    (
        Order::WriteRunnable,
        "a region mapped rx cannot be written",
        End::Faults(Access::Write, Place::At(RUNNABLE)),
    ),
    (
        Order::WriteAndExecute,
        "a region mapped rwx can be written and executed",
        End::Returns(orders::OTHER_FUNCTION.1),
    ),
    (Order::UnknownSystemCall, "an unknown system call is a fault", End::UnknownSystemCall),
    (Order::Hang, "an endless loop can be stopped", End::Hangs),
];

pub(crate) struct Life {
    child: Child,
    orders: SharedRegion,
    /// Entries of the child that have been reported. The first is the one at boot.
    entries: u64,
    /// Index in [`LIVES`].
    next: usize,
    /// Whether the first fault has been answered.
    answered: bool,
    /// Whether the answer has not yet shown its effect.
    tries_again: bool,
}

impl Life {
    pub(crate) fn new(child: Child, orders: SharedRegion) -> Self {
        Self { child, orders, entries: 0, next: 0, answered: false, tries_again: false }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.next == LIVES.len()
    }

    fn word(&self, index: usize) -> u64 {
        self.orders.load_u64_acquire(index * 8).unwrap_or(u64::MAX)
    }

    /// Restarts the child with the first order.
    pub(crate) fn begin(&mut self, report: &mut Report) -> Result<(), Error> {
        report.check("the child has run", self.entries == 1);
        self.give_order()
    }

    /// The order came out as it should.
    fn go_on(&mut self, report: &mut Report, name: &str, right: bool) -> Result<(), Error> {
        report.check(name, right);
        self.next += 1;
        self.give_order()
    }

    fn give_order(&mut self) -> Result<(), Error> {
        if let Some((order, ..)) = LIVES.get(self.next) {
            // The region is a page: the offset is inside.
            let _ = self.orders.store_u64_release(word::ORDER * 8, *order as u64);
            self.child.restart()?;
        }
        Ok(())
    }

    /// The child has written what it found, or what came of its order.
    pub(crate) fn reported(&mut self, report: &mut Report) -> Result<(), Error> {
        let Some((_, name, end)) = LIVES.get(self.next).copied() else {
            report.check("a child that is over is silent", false);
            return Ok(());
        };
        if self.word(word::ENTRIES) == self.entries {
            let result = self.word(word::RESULT);
            return self.go_on(report, name, matches!(end, End::Returns(expected) if expected == result));
        }
        self.entries += 1;
        report.expect(
            "a memory region keeps its contents over a restart",
            self.word(word::ENTRIES) == self.entries,
        );
        report.expect(".data is restored at each entry", self.word(word::WRONG_DATA) == 0);
        report.expect(".bss is zero at each entry", self.word(word::WRONG_BSS) == 0);
        match end {
            // What was reported now is the entry at boot.
            _ if self.entries == 1 => Ok(()),
            End::Waits => self.go_on(report, name, true),
            // Look again when the timer fires.
            End::Hangs => {
                timer::start();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The child has faulted. The answer, if any, lets it try again.
    pub(crate) fn faulted(
        &mut self,
        report: &mut Report,
        child: Child,
        fault: &Fault,
    ) -> Result<Option<MessageInfo>, Error> {
        report.expect("the fault is the child's", child == self.child);
        let (name, end) = LIVES.get(self.next).map_or(("", End::Waits), |(_, name, end)| (*name, *end));
        let right = match (end, *fault) {
            (End::UndefinedInstruction, Fault::UserException { instruction, number, .. }) => {
                number >> 26 == 0 && PROGRAM.contains(&instruction)
            }
            (End::UnknownSystemCall, Fault::UnknownSyscall { number, instruction }) => {
                number as i64 == orders::UNKNOWN_SYSTEM_CALL && PROGRAM.contains(&instruction)
            }
            (End::Faults(access, place), Fault::VirtualMemory { address, fetch, status, instruction }) => {
                let found = match (fetch, status & 1 << 6) {
                    (true, _) => Access::Fetch,
                    (false, 0) => Access::Read,
                    (false, _) => Access::Write,
                };
                // A fetch that fails has not left for anywhere else.
                let from_right = if fetch { instruction == address } else { PROGRAM.contains(&instruction) };
                found == access && from_right && self.range(place).contains(&address)
            }
            _ => false,
        };
        if !right {
            report.say(format_args!("where '{name}' was expected: {fault}"));
        }
        if right && !self.answered && matches!(end, End::Faults(..)) {
            (self.answered, self.tries_again) = (true, true);
            return Ok(Some(MessageInfo::new(0, 0)));
        }
        if core::mem::take(&mut self.tries_again) {
            report.check("an answered fault lets the child try again", right);
        }
        self.go_on(report, name, right)?;
        Ok(None)
    }

    fn range(&self, place: Place) -> Range<u64> {
        // The child's address lies in its highest page.
        let top = (self.word(word::STACK) & !(PAGE - 1)) + PAGE;
        let bottom = top - STACK_PAGES * PAGE;
        match place {
            Place::At(address) => address..address + 1,
            Place::Program => PROGRAM,
            Place::Stack => bottom..top,
            Place::BelowStack => bottom - PAGE..bottom,
            Place::AboveStack => top..top + PAGE,
        }
    }

    /// The child has hung for a while.
    pub(crate) fn waited(&mut self, report: &mut Report) -> Result<(), Error> {
        self.child.stop()?;
        let (name, end) = LIVES.get(self.next).map_or(("", End::Waits), |(_, name, end)| (*name, *end));
        let right = matches!(end, End::Hangs) && self.word(word::ENTRIES) == self.entries;
        report.check("each of its entries was as the first", self.entries == LIVES.len() as u64 + 1);
        self.go_on(report, name, right)
    }
}
