// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The records of the compact system description.
//!
//! ```text
//! payload ─┬─ Header
//!          ├─ tables (each 8-byte aligned): protection domains, segments, regions, maps, interrupts,
//!          │          capabilities, physical-address patches, names
//!          └─ from the next page on: the bytes of program segments, each on pages of its own
//! ```
//! Every offset counts from the first byte of [`Header`], which is page-aligned in the initialiser's user image.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// First word of a description.
pub const MAGIC: u64 = u64::from_be_bytes(*b"COFFSPC1");
/// Version of this layout.
pub const VERSION: u32 = 1;
/// Stands for "none" in an index.
pub const NONE: u32 = u32::MAX;
/// Stands for "none" in [`Region::paddr`].
pub const NO_PADDR: u64 = u64::MAX;

/// Readable.
pub const READ: u32 = 1;
/// Writable.
pub const WRITE: u32 = 2;
/// Executable.
pub const EXECUTE: u32 = 4;

/// Where a table lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Table {
    /// Bytes from the header. A multiple of 8.
    pub offset: u32,
    /// Records in it (bytes, for the names).
    pub count: u32,
}

/// Some consecutive records of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Span {
    /// Index of the first.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// The start of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: u64,
    /// [`VERSION`].
    pub version: u32,
    /// Bytes of header and tables.
    pub spec_bytes: u32,
    /// Bytes of all, segments included. A multiple of 4096.
    pub payload_bytes: u64,
    /// First virtual address of the initialiser's user image: the frame capability of the payload's page at virtual
    /// address `v` is number `(v - image_vaddr) / 4096` of the boot information's `userImageFrames`.
    pub image_vaddr: u64,
    /// Virtual address of this header in the initialiser.
    pub payload_vaddr: u64,
    /// Physical address of the PL011 that the monitor prints on, or [`NO_PADDR`].
    pub uart_paddr: u64,
    /// Table of [`ProtectionDomain`].
    pub protection_domains: Table,
    /// Table of [`Segment`].
    pub segments: Table,
    /// Table of [`Region`].
    pub regions: Table,
    /// Table of [`Map`].
    pub maps: Table,
    /// Table of [`Irq`].
    pub irqs: Table,
    /// Table of [`Capability`].
    pub capabilities: Table,
    /// Table of [`PaddrPatch`].
    pub paddr_patches: Table,
    /// UTF-8 bytes of all names.
    pub names: Table,
}

/// The protection domain has an endpoint: it serves calls or has children. Without it, it has a notification only.
pub const HAS_ENDPOINT: u32 = 1;
/// The protection domain may use floating point.
pub const FPU: u32 = 2;

/// One protection domain. A parent comes before its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ProtectionDomain {
    /// Its name, in bytes of the names.
    pub name: Span,
    /// Initial program counter.
    pub entry: u64,
    /// Initial stack pointer: the end of the stack. The page above is a guard page.
    pub initial_sp: u64,
    /// Bytes of the stack, whole pages, ending at `initial_sp`. The page below is a guard page.
    pub stack_bytes: u64,
    /// Virtual address of its IPC buffer, one page.
    pub ipc_buffer_vaddr: u64,
    /// Budget (µs); meaningless on a kernel without MCS.
    pub budget_us: u64,
    /// Period (µs); meaningless on a kernel without MCS.
    pub period_us: u64,
    /// 0 to 254.
    pub priority: u32,
    /// [`HAS_ENDPOINT`], [`FPU`].
    pub flags: u32,
    /// Index of the parent, to which faults go, or [`NONE`]: they go to the monitor.
    pub parent: u32,
    /// The parent's name for this child, 0 to 61; [`NONE`] without a parent.
    pub child_id: u32,
    /// Its [`Segment`]s, by rising address.
    pub segments: Span,
    /// Its [`Map`]s, by rising address.
    pub maps: Span,
    /// Its [`Irq`]s.
    pub irqs: Span,
    /// Its [`Capability`]s to others.
    pub capabilities: Span,
}

/// One loadable segment of a program.
///
/// Its first `ceil(file_bytes / 4096)` pages lie ready in the payload, zero-filled to the end of the last, and can be
/// mapped from there; the rest are fresh zero pages. A writable segment's payload pages belong to it alone. Read-only
/// segments with the same `payload_offset` are the same bytes, shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Segment {
    /// First address, page-aligned.
    pub vaddr: u64,
    /// Where its bytes lie, page-aligned, counted from the header. 0 when there are none.
    pub payload_offset: u64,
    /// How many bytes it brings.
    pub file_bytes: u64,
    /// How many bytes it has; a multiple of 4096.
    pub memory_bytes: u64,
    /// [`READ`], [`WRITE`], [`EXECUTE`].
    pub rights: u32,
    /// Zero.
    pub reserved: u32,
}

/// The region lies outside RAM.
pub const DEVICE: u32 = 1;
/// Somebody asks for the region's physical address: it must be contiguous.
pub const CONTIGUOUS: u32 = 2;

/// One memory region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Region {
    /// Its name, in bytes of the names.
    pub name: Span,
    /// Bytes, a multiple of `page_bytes`.
    pub size_bytes: u64,
    /// 0x1000 or 0x20_0000.
    pub page_bytes: u64,
    /// Its physical address, or [`NO_PADDR`]: anywhere in RAM.
    pub paddr: u64,
    /// [`DEVICE`], [`CONTIGUOUS`].
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

/// One region in one protection domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Map {
    /// Where, a multiple of the region's page size.
    pub vaddr: u64,
    /// Index of the region.
    pub region: u32,
    /// [`READ`], [`WRITE`], [`EXECUTE`].
    pub rights: u32,
    /// 1: cached, 0: as device memory.
    pub cached: u32,
    /// Zero.
    pub reserved: u32,
}

/// One interrupt of a protection domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Irq {
    /// The interrupt controller's number.
    pub number: u32,
    /// The protection domain's name for it: handler in slot 138 + id, notification badge 1 << id.
    pub id: u32,
    /// 1: edge triggered, 0: level triggered. A kernel that cannot set the trigger leaves the controller's choice.
    pub edge: u32,
    /// Zero.
    pub reserved: u32,
}

/// The other protection domain's notification, with a badge (write only).
pub const CAPABILITY_NOTIFICATION: u32 = 1;
/// The other protection domain's endpoint, with a badge (write and grant reply: for calls).
pub const CAPABILITY_ENDPOINT: u32 = 2;
/// The other protection domain's TCB (a child's); no badge.
pub const CAPABILITY_TCB: u32 = 3;

/// One capability to another protection domain's object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Capability {
    /// Slot in the holder's CSpace.
    pub slot: u32,
    /// [`CAPABILITY_NOTIFICATION`], [`CAPABILITY_ENDPOINT`] or [`CAPABILITY_TCB`].
    pub kind: u32,
    /// Index of the protection domain whose object it is.
    pub target: u32,
    /// Zero.
    pub reserved: u32,
    /// What the target's program sees: Microkit's badge. A kernel with narrower badges stores another word, and
    /// `kernel/sel4` turns that back.
    pub badge: u64,
}

/// Eight bytes of the payload that the initialiser overwrites with a region's physical address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PaddrPatch {
    /// Where, counted from the header; inside the bytes of a segment.
    pub payload_offset: u64,
    /// Index of the region.
    pub region: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<Header>() == 112);
const _: () = assert!(size_of::<ProtectionDomain>() == 104);
const _: () = assert!(size_of::<Segment>() == 40);
const _: () = assert!(size_of::<Region>() == 40);
const _: () = assert!(size_of::<Map>() == 24);
const _: () = assert!(size_of::<Irq>() == 16);
const _: () = assert!(size_of::<Capability>() == 24);
const _: () = assert!(size_of::<PaddrPatch>() == 16);
