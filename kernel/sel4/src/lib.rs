// SPDX-License-Identifier: Apache-2.0 OR MIT
//! seL4 system calls and invocations, the part that Cofferdam needs.
//!
//! Every number (system call, invocation label, object type, message layout) comes from the headers of
//! the kernel that will run, through `build.rs`. The two system call interfaces, classic and MCS, stand
//! behind one set of functions; the headers decide which is compiled. Message words travel through the
//! thread's IPC buffer, whose address the runtime gives once at entry (`set_ipc_buffer`).
//!
//! Built for a desk, the one instruction that enters the kernel goes to `desk` instead, where a test puts a
//! kernel of its own; all else is the code that the device runs.
//!
//! Not here: anything of Microkit's model (see `sel4-microkit`), SMP, hypervisor and SMMU objects.
#![no_std]

#[cfg(not(target_os = "none"))]
extern crate std;

mod abi;
pub mod badge;
#[cfg(not(kernel_mcs))]
mod boot_info;
mod debug;
#[cfg(not(target_os = "none"))]
pub mod desk;
mod error;
mod fault;
mod invocations;
mod ipc_buffer;
mod message;
#[cfg(not(kernel_mcs))]
pub mod objects;
#[cfg(not(kernel_mcs))]
mod paging;
#[cfg(test)]
mod tests;

#[cfg(not(kernel_mcs))]
pub use boot_info::{BootInfo, SlotRange, UntypedDescription, initial_slot};
pub use debug::{DebugWriter, debug_put_char};
pub use error::Error;
pub use fault::Fault;
pub use invocations::{IrqHandler, Tcb};
#[cfg(target_os = "none")]
pub use ipc_buffer::set_ipc_buffer;
pub use ipc_buffer::{get_mr, set_mr, with_message};
pub use message::MessageInfo;
#[cfg(not(kernel_mcs))]
pub use objects::{CNode, CapRights, IrqControl, ObjectType, SlotPath, TcbConfig, Untyped};
#[cfg(not(kernel_mcs))]
pub use paging::{AsidControl, AsidPool, Page, PagingStructure, VmAttributes};

pub use abi::{Received, call, nb_recv, nb_send, nb_send_recv, recv, reply_recv, send, wait, yield_now};

/// Numbers of the kernel's interface.
#[allow(missing_docs, dead_code, non_upper_case_globals)]
pub(crate) mod constants {
    include!(concat!(env!("OUT_DIR"), "/constants.rs"));
}

/// The address of a capability in a capability space.
pub type CPtr = u64;

/// Most words that a message can have.
pub const MESSAGE_WORDS_MAX: usize = constants::MESSAGE_WORDS_MAX as usize;

/// Whether the kernel schedules by budgets (MCS).
pub const MCS: bool = cfg!(kernel_mcs);

/// Version and configuration of the Microkit SDK that the kernel comes from; `None` for our own build.
pub const SDK: Option<&str> = constants::SDK;

/// Whether the kernel prints for user level ([`debug_put_char`]).
pub const PRINTING: bool = cfg!(kernel_printing);

/// Signals a notification.
pub fn signal(notification: CPtr) {
    send(notification, MessageInfo::new(0, 0, 0, 0));
}
