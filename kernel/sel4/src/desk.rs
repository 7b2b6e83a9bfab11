// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What stands in for the processor when this crate is built for a desk: system calls go to a kernel that a test
//! brings along ([`with_kernel`]), and each thread has an IPC buffer of its own.

use core::cell::UnsafeCell;
use core::ptr::NonNull;
use std::boxed::Box;
use std::cell::RefCell;
use std::thread_local;

use crate::abi::Words;
use crate::ipc_buffer::IpcBuffer;
use crate::{CPtr, MessageInfo, Received};

/// The registers of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    /// Which system call (x7), see [`call`].
    pub number: i64,
    /// The capability (x0).
    pub capability: CPtr,
    /// The message's description (x1).
    pub info: u64,
    /// The first words of the message (x2 to x5).
    pub words: [u64; 4],
    /// The reply object (x6; MCS alone).
    pub reply: CPtr,
    /// Where a call that sends to one capability and receives from another sends to (x8; MCS alone).
    pub destination: CPtr,
}

/// The label of the message that a budget is used up, if the kernel has budgets.
#[cfg(kernel_mcs)]
pub const TIMEOUT_LABEL: Option<u64> = Some(crate::constants::FAULT_Timeout);
/// The label of the message that a budget is used up, if the kernel has budgets.
#[cfg(not(kernel_mcs))]
pub const TIMEOUT_LABEL: Option<u64> = None;

/// Numbers of system calls.
pub mod call {
    use crate::constants;

    /// Send, and wait for the answer.
    pub const CALL: i64 = constants::SYSCALL_Call;
    /// Send.
    pub const SEND: i64 = constants::SYSCALL_Send;
    /// Send if somebody waits.
    pub const NB_SEND: i64 = constants::SYSCALL_NBSend;
    /// Receive.
    pub const RECV: i64 = constants::SYSCALL_Recv;
    /// Receive what is there.
    pub const NB_RECV: i64 = constants::SYSCALL_NBRecv;
    /// Answer, and receive.
    pub const REPLY_RECV: i64 = constants::SYSCALL_ReplyRecv;
    /// Send if somebody waits, and receive.
    #[cfg(kernel_mcs)]
    pub const NB_SEND_RECV: i64 = constants::SYSCALL_NBSendRecv;
}

type Kernel = Box<dyn FnMut(Trap) -> (Received, [u64; 4])>;

thread_local! {
    static KERNEL: RefCell<Option<Kernel>> = const { RefCell::new(None) };
    static BUFFER: UnsafeCell<IpcBuffer> = const { UnsafeCell::new(IpcBuffer::new()) };
}

/// Runs `program`, whose system calls on this thread go to `kernel`. Words beyond the first four are in the IPC
/// buffer ([`crate::get_mr`], [`crate::set_mr`]), where the kernel has them too.
pub fn with_kernel<R>(
    kernel: impl FnMut(Trap) -> (Received, [u64; 4]) + 'static,
    program: impl FnOnce() -> R,
) -> R {
    /// Takes the kernel away however the program ends.
    struct Installed;
    impl Drop for Installed {
        fn drop(&mut self) {
            KERNEL.set(None);
        }
    }
    KERNEL.set(Some(Box::new(kernel)));
    let _installed = Installed;
    program()
}

/// The kernel has nothing to say.
pub const fn silence() -> (Received, [u64; 4]) {
    (Received { info: MessageInfo::from_word(0), badge: 0 }, [0; 4])
}

#[expect(clippy::panic, reason = "a test without a kernel is broken")]
pub(crate) fn enter(trap: Trap) -> (Received, Words) {
    KERNEL.with_borrow_mut(|kernel| match kernel {
        Some(kernel) => kernel(trap),
        None => panic!("{trap:?} outside of sel4::desk::with_kernel: there is no kernel on a desk"),
    })
}

/// This thread's IPC buffer.
pub(crate) fn buffer() -> NonNull<IpcBuffer> {
    // Good for as long as the thread, and never given to another.
    BUFFER.with(|buffer| NonNull::from(buffer).cast())
}
