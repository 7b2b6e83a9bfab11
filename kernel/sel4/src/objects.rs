// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Invocations that put a system together (classic kernel; with Microkit's SDK its own initialiser does this).

use crate::invocations::{invoke, invoke_with_caps};
use crate::ipc_buffer::set_cap;
use crate::{CPtr, Error, IrqHandler, Tcb, constants};

/// Bits of a capability address.
pub(crate) const WORD_BITS: u8 = 64;

/// What untyped memory can become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectType {
    /// Smaller untyped memory of 2^n bytes.
    Untyped(u8),
    /// A thread.
    Tcb,
    /// An endpoint.
    Endpoint,
    /// A notification.
    Notification,
    /// A CNode of 2^n slots.
    CNode(u8),
    /// A page of 4 KiB.
    SmallPage,
    /// A page of 2 MiB.
    LargePage,
    /// A paging structure of the lowest level.
    PageTable,
    /// The level above page tables.
    PageDirectory,
    /// The level above page directories.
    PageUpperDirectory,
    /// The root: an address space.
    PageGlobalDirectory,
}

impl ObjectType {
    /// Its size: 2^n bytes.
    pub const fn size_bits(self) -> u8 {
        (match self {
            Self::Untyped(bits) => return bits,
            Self::CNode(bits) => return bits + constants::BITS_Slot as u8,
            Self::Tcb => constants::BITS_TCB,
            Self::Endpoint => constants::BITS_Endpoint,
            Self::Notification => constants::BITS_Notification,
            Self::SmallPage => constants::BITS_SmallPage,
            Self::LargePage => constants::BITS_LargePage,
            Self::PageTable => constants::BITS_PageTable,
            Self::PageDirectory => constants::BITS_PageDirectory,
            Self::PageUpperDirectory => constants::BITS_PageUpperDirectory,
            Self::PageGlobalDirectory => constants::BITS_PageGlobalDirectory,
        }) as u8
    }

    /// The kernel's number and the size parameter.
    const fn parameters(self) -> (u64, u64) {
        match self {
            Self::Untyped(bits) => (constants::OBJECT_Untyped, bits as u64),
            Self::CNode(bits) => (constants::OBJECT_CapTable, bits as u64),
            Self::Tcb => (constants::OBJECT_TCB, 0),
            Self::Endpoint => (constants::OBJECT_Endpoint, 0),
            Self::Notification => (constants::OBJECT_Notification, 0),
            Self::SmallPage => (constants::OBJECT_SmallPage, 0),
            Self::LargePage => (constants::OBJECT_LargePage, 0),
            Self::PageTable => (constants::OBJECT_PageTable, 0),
            Self::PageDirectory => (constants::OBJECT_PageDirectory, 0),
            Self::PageUpperDirectory => (constants::OBJECT_PageUpperDirectory, 0),
            Self::PageGlobalDirectory => (constants::OBJECT_PageGlobalDirectory, 0),
        }
    }
}

/// Rights of a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapRights(pub(crate) u64);

impl CapRights {
    /// Send, or write.
    pub const WRITE: Self = Self(constants::RIGHTS_WRITE);
    /// Receive, or read.
    pub const READ: Self = Self(constants::RIGHTS_READ);
    /// Grant; on this kernel a call and a fault need it for their reply.
    pub const GRANT: Self = Self(constants::RIGHTS_GRANT);
    /// All of them.
    pub const ALL: Self = Self(constants::RIGHTS_ALL);

    /// Both.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Where a capability lies: slot `index` of a CNode, resolved with `depth` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotPath {
    /// The CNode.
    pub root: CPtr,
    /// The slot.
    pub index: u64,
    /// Bits to resolve.
    pub depth: u8,
}

impl SlotPath {
    /// A slot of the root task's own CNode.
    pub const fn own(slot: CPtr) -> Self {
        Self { root: crate::initial_slot::CNODE, index: slot, depth: WORD_BITS }
    }
}

/// A capability to untyped memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untyped(pub CPtr);

impl Untyped {
    /// Most objects that one retype can make.
    pub const FAN_OUT_MAX: u64 = constants::RETYPE_FAN_OUT_MAX;

    /// Makes `count` objects in consecutive slots of the root task's CNode, from `slot` on. They lie one after
    /// the other behind what this untyped memory has already become.
    pub fn retype(self, object: ObjectType, slot: CPtr, count: u64) -> Result<(), Error> {
        let (kind, bits) = object.parameters();
        set_cap(0, crate::initial_slot::CNODE);
        // A depth of zero: the capability given is itself the CNode to fill.
        invoke_with_caps(self.0, constants::LABEL_UntypedRetype, 1, &[kind, bits, 0, 0, slot, count])
    }
}

/// A capability to a CNode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CNode {
    /// The capability, without guard.
    pub cptr: CPtr,
    /// The CNode has 2^n slots.
    pub size_bits: u8,
}

impl CNode {
    /// Copies a capability into slot `index`, with at most these rights.
    pub fn copy(self, index: u64, source: SlotPath, rights: CapRights) -> Result<(), Error> {
        copy(self.path(index), source, rights)
    }

    /// Copies a capability into slot `index`, with at most these rights and a badge.
    pub fn mint(self, index: u64, source: SlotPath, rights: CapRights, badge: u64) -> Result<(), Error> {
        mint(self.path(index), source, rights, badge)
    }

    const fn path(self, index: u64) -> SlotPath {
        SlotPath { root: self.cptr, index, depth: self.size_bits }
    }

    /// The guard that makes a slot's number its address: all other bits are zero.
    pub const fn guard(self) -> u64 {
        // The kernel's cnode_capdata: guard size in bits 2 to 7, guard above.
        ((WORD_BITS - self.size_bits) as u64) << 2
    }
}

/// Copies a capability from slot to slot, with at most these rights.
pub fn copy(destination: SlotPath, source: SlotPath, rights: CapRights) -> Result<(), Error> {
    set_cap(0, source.root);
    let words =
        [destination.index, u64::from(destination.depth), source.index, u64::from(source.depth), rights.0];
    invoke_with_caps(destination.root, constants::LABEL_CNodeCopy, 1, &words)
}

/// Copies a capability from slot to slot, with at most these rights and a badge.
pub fn mint(destination: SlotPath, source: SlotPath, rights: CapRights, badge: u64) -> Result<(), Error> {
    set_cap(0, source.root);
    let words = [
        destination.index,
        u64::from(destination.depth),
        source.index,
        u64::from(source.depth),
        rights.0,
        badge,
    ];
    invoke_with_caps(destination.root, constants::LABEL_CNodeMint, 1, &words)
}

/// Deletes the capability in a slot.
pub fn delete(slot: SlotPath) -> Result<(), Error> {
    invoke(slot.root, constants::LABEL_CNodeDelete, &[slot.index, u64::from(slot.depth)])
}

/// All that a thread needs.
#[derive(Clone, Copy, Debug)]
pub struct TcbConfig {
    /// Address of the fault endpoint in the thread's own capability space.
    pub fault_endpoint: CPtr,
    /// 0 to 255.
    pub priority: u8,
    /// The highest priority that it may give to a thread.
    pub max_controlled_priority: u8,
    /// Its capability space.
    pub cspace: CNode,
    /// Its address space.
    pub vspace: CPtr,
    /// Where its IPC buffer is mapped.
    pub ipc_buffer: u64,
    /// The page of the IPC buffer.
    pub ipc_buffer_page: CPtr,
}

impl Tcb {
    /// Gives the thread its spaces, priority, fault endpoint and IPC buffer.
    pub fn configure(self, config: &TcbConfig) -> Result<(), Error> {
        set_cap(0, config.cspace.cptr);
        set_cap(1, config.vspace);
        set_cap(2, config.ipc_buffer_page);
        let priorities = u64::from(config.max_controlled_priority) << 8 | u64::from(config.priority);
        let words = [config.fault_endpoint, priorities, config.cspace.guard(), 0, config.ipc_buffer];
        invoke_with_caps(self.0, constants::LABEL_TCBConfigure, 3, &words)
    }

    /// Changes the priority.
    pub fn set_priority(self, priority: u8) -> Result<(), Error> {
        invoke(self.0, constants::LABEL_TCBSetPriority, &[u64::from(priority)])
    }

    /// Lets the thread receive this notification wherever it receives.
    pub fn bind_notification(self, notification: CPtr) -> Result<(), Error> {
        set_cap(0, notification);
        invoke_with_caps(self.0, constants::LABEL_TCBBindNotification, 1, &[])
    }
}

/// The capability that makes interrupt handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IrqControl(pub CPtr);

impl IrqControl {
    /// Puts the handler of interrupt `number` into a slot of the root task's CNode.
    pub fn get(self, number: u32, slot: CPtr) -> Result<IrqHandler, Error> {
        set_cap(0, crate::initial_slot::CNODE);
        let words = [u64::from(number), slot, u64::from(WORD_BITS)];
        invoke_with_caps(self.0, constants::LABEL_IRQIssueIRQHandler, 1, &words)?;
        Ok(IrqHandler(slot))
    }
}

impl IrqHandler {
    /// The interrupt signals this notification, with the capability's badge.
    pub fn set_notification(self, notification: CPtr) -> Result<(), Error> {
        set_cap(0, notification);
        invoke_with_caps(self.0, constants::LABEL_IRQSetIRQHandler, 1, &[])
    }
}
