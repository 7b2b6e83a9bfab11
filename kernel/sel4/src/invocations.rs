// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Invocations that both kernels offer and that a protection domain makes.

use crate::{CPtr, Error, MessageInfo, call, constants, set_mr};

/// Invokes `capability` with `words`.
pub(crate) fn invoke(capability: CPtr, label: u64, words: &[u64]) -> Result<(), Error> {
    invoke_with_caps(capability, label, 0, words)
}

/// Invokes `capability` with `words` and the first `caps` capabilities that were set.
pub(crate) fn invoke_with_caps(capability: CPtr, label: u64, caps: u64, words: &[u64]) -> Result<(), Error> {
    for (index, word) in words.iter().enumerate() {
        set_mr(index, *word);
    }
    Error::check(call(capability, MessageInfo::new(label, 0, caps, words.len())))
}

/// A capability to an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IrqHandler(pub CPtr);

impl IrqHandler {
    /// The message of [`Self::acknowledge`], for who sends it by [`crate::nb_send_recv`].
    pub const ACKNOWLEDGEMENT: MessageInfo = MessageInfo::new(constants::LABEL_IRQAckIRQ, 0, 0, 0);

    /// Lets the interrupt come again.
    pub fn acknowledge(self) -> Result<(), Error> {
        invoke(self.0, constants::LABEL_IRQAckIRQ, &[])
    }
}

/// A capability to a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcb(pub CPtr);

impl Tcb {
    /// Stops the thread.
    pub fn suspend(self) -> Result<(), Error> {
        invoke(self.0, constants::LABEL_TCBSuspend, &[])
    }

    /// Lets the thread go on.
    pub fn resume(self) -> Result<(), Error> {
        invoke(self.0, constants::LABEL_TCBResume, &[])
    }

    /// Sets the program counter and the stack pointer, and with `resume` lets the thread run.
    ///
    /// The other registers stay as they are.
    pub fn write_entry(self, program_counter: u64, stack_pointer: u64, resume: bool) -> Result<(), Error> {
        // Words: resume flag with architecture flags, number of registers, then registers in the order of
        // the kernel's user context, which begins with pc and sp.
        invoke(
            self.0,
            constants::LABEL_TCBWriteRegisters,
            &[u64::from(resume), 2, program_counter, stack_pointer],
        )
    }

    /// Has the kernel tell `endpoint` whenever the thread uses up its budget; it then waits for an answer. A kernel
    /// without budgets has nothing to tell.
    pub fn set_timeout_endpoint(self, endpoint: CPtr) -> Result<(), Error> {
        #[cfg(kernel_mcs)]
        {
            crate::ipc_buffer::set_cap(0, endpoint);
            invoke_with_caps(self.0, constants::LABEL_TCBSetTimeoutEndpoint, 1, &[])
        }
        #[cfg(not(kernel_mcs))]
        {
            let _ = endpoint;
            Ok(())
        }
    }
}
