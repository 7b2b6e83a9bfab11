// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a fault message says.

use core::fmt;

use crate::{MessageInfo, constants, get_mr};

/// A fault, as the kernel reports it to the fault endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An access to memory that is not mapped or not permitted.
    VirtualMemory {
        /// The instruction's address.
        instruction: u64,
        /// The address that it wanted.
        address: u64,
        /// Whether the instruction itself could not be fetched.
        fetch: bool,
        /// The fault status (the low bits of ESR_EL1).
        status: u64,
    },
    /// A system call named a capability that does not exist.
    Capability {
        /// The instruction's address.
        instruction: u64,
        /// The capability.
        capability: u64,
        /// Whether it wanted to receive.
        receiving: bool,
    },
    /// A system call with a number that the kernel does not know.
    UnknownSyscall {
        /// The instruction's address.
        instruction: u64,
        /// The number.
        number: u64,
    },
    /// An exception of the processor, such as an undefined instruction.
    UserException {
        /// The instruction's address.
        instruction: u64,
        /// What the kernel calls it (on this architecture ESR_EL1).
        number: u64,
        /// More about it.
        code: u64,
    },
    /// The thread used up its budget (MCS alone). An answer lets it go on when it has time again.
    Timeout {
        /// The badge of its scheduling context: who it is, whatever endpoint brought the message.
        context: u64,
    },
    /// A message with a label that this crate does not know.
    Unknown {
        /// The label.
        label: u64,
    },
}

impl Fault {
    /// Reads the fault message that has just been received.
    pub fn from_message(info: MessageInfo) -> Self {
        let word = |index: u64| get_mr(index as usize);
        match info.label() {
            constants::FAULT_VMFault => Self::VirtualMemory {
                instruction: word(constants::VM_FAULT_IP),
                address: word(constants::VM_FAULT_ADDR),
                fetch: word(constants::VM_FAULT_PREFETCH) != 0,
                status: word(constants::VM_FAULT_FSR),
            },
            constants::FAULT_CapFault => Self::Capability {
                instruction: word(constants::CAP_FAULT_IP),
                capability: word(constants::CAP_FAULT_ADDR),
                receiving: word(constants::CAP_FAULT_IN_RECV) != 0,
            },
            constants::FAULT_UnknownSyscall => Self::UnknownSyscall {
                instruction: word(constants::UNKNOWN_SYSCALL_IP),
                number: word(constants::UNKNOWN_SYSCALL_NUMBER),
            },
            constants::FAULT_UserException => Self::UserException {
                instruction: word(constants::USER_EXCEPTION_IP),
                number: word(constants::USER_EXCEPTION_NUMBER),
                code: word(constants::USER_EXCEPTION_CODE),
            },
            #[cfg(kernel_mcs)]
            constants::FAULT_Timeout => Self::Timeout { context: word(constants::TIMEOUT_DATA) },
            label => Self::Unknown { label },
        }
    }

    /// The address of the instruction, if the fault names one.
    pub fn instruction(&self) -> Option<u64> {
        match *self {
            Self::VirtualMemory { instruction, .. }
            | Self::Capability { instruction, .. }
            | Self::UnknownSyscall { instruction, .. }
            | Self::UserException { instruction, .. } => Some(instruction),
            Self::Timeout { .. } | Self::Unknown { .. } => None,
        }
    }
}

/// Fault status code "undefined instruction" has exception class 0 (Arm ARM, ESR_EL1.EC).
const EXCEPTION_CLASS_SHIFT: u32 = 26;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::VirtualMemory { instruction, fetch: true, status, .. } => {
                write!(f, "instruction abort at pc {instruction:#x} (esr {status:#x})")
            }
            Self::VirtualMemory { instruction, address, status, .. } => {
                // ISS.WnR (bit 6) of a data abort: the access was a write.
                let access = if status & 1 << 6 == 0 { "read" } else { "write" };
                write!(
                    f,
                    "data abort ({access}) at address {address:#x} pc {instruction:#x} (esr {status:#x})"
                )
            }
            Self::Capability { instruction, capability, receiving } => {
                let what = if receiving { "receive from" } else { "send to" };
                write!(f, "{what} capability {capability} that does not exist, pc {instruction:#x}")
            }
            Self::UnknownSyscall { instruction, number } => {
                write!(f, "unknown system call {} at pc {instruction:#x}", number as i64)
            }
            Self::UserException { instruction, number, code } => {
                let what =
                    if number >> EXCEPTION_CLASS_SHIFT == 0 { "undefined instruction" } else { "exception" };
                write!(f, "{what} at pc {instruction:#x} (esr {number:#x}, code {code:#x})")
            }
            Self::Timeout { .. } => f.write_str("budget used up"),
            Self::Unknown { label } => write!(f, "fault with unknown label {label}"),
        }
    }
}
