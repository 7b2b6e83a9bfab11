// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Children: protection domains whose faults come here and that can be stopped and restarted.

use sel4::{Error, Tcb};

/// Where Microkit puts what this protection domain receives from.
const SLOT_INPUT: u64 = 1;

/// Where Microkit puts the threads of children; child `n` has the slot `n` further.
const SLOT_CHILDREN: u64 = 202;

/// Identifiers are 0 to 61.
const IDENTIFIER_MAX: u64 = 61;

/// A protection domain that is a child of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child(u8);

impl Child {
    /// The child with identifier `id`, as `system.xml` numbers it.
    ///
    /// # Panics
    /// If `id` is above 61, which no system description can contain.
    pub const fn new(id: u64) -> Self {
        assert!(id <= IDENTIFIER_MAX, "child identifiers are 0 to 61");
        Self(id as u8)
    }

    /// The identifier.
    pub const fn id(self) -> u64 {
        self.0 as u64
    }

    /// Stops the child where it is, also in the middle of a call. Nothing of it runs until `restart`.
    pub fn stop(self) -> Result<(), Error> {
        self.tcb().suspend()
    }

    /// Starts the child from the beginning: its .data and .bss as at the first entry, memory regions as they
    /// are.
    ///
    /// Every protection domain on this runtime has its entry at the same address and its stack at the same
    /// place (`pd.ld`, Microkit), so the child's are this protection domain's own.
    #[cfg(target_os = "none")]
    pub fn restart(self) -> Result<(), Error> {
        self.restart_at(crate::entry::entry_address(), crate::entry::initial_stack_pointer())
    }

    /// Starts the child at this instruction with this stack.
    #[cfg(any(target_os = "none", test))]
    pub(crate) fn restart_at(self, entry: u64, stack_pointer: u64) -> Result<(), Error> {
        self.tcb().suspend()?;
        self.tcb().write_entry(entry, stack_pointer, true)
    }

    /// From now on [`Handler::exhausted`](crate::Handler::exhausted) is told whenever the child has used up its budget.
    /// Microkit's tool gives nobody that message; a parent has the two capabilities that it takes, the child's thread
    /// and its own endpoint. Without budgets (`KERNEL=crates`) nothing is ever told.
    pub fn report_exhaustion(self) -> Result<(), Error> {
        self.tcb().set_timeout_endpoint(SLOT_INPUT)
    }

    fn tcb(self) -> Tcb {
        Tcb(SLOT_CHILDREN + self.id())
    }
}
