// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The two regions. Staging: a request, then the bytes. Verdict: the number of the use, then a header, then the body.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// "CFVR": first word of a request.
pub(crate) const REQUEST_MAGIC: u32 = u32::from_le_bytes(*b"CFVR");
/// "CFVV": first word of a verdict.
pub(crate) const VERDICT_MAGIC: u32 = u32::from_le_bytes(*b"CFVV");
/// Of both layouts.
pub(crate) const VERSION: u32 = 1;

/// Where the staged bytes begin.
pub const STAGED_AT: usize = 64;
/// The number of the use in the verdict: written last.
pub(crate) const USE_AT: usize = 0;
pub(crate) const HEADER_AT: usize = 8;
pub(crate) const BODY_AT: usize = 64;
/// What the region of the verdict holds: room for a key list chain of the longest kind.
pub const VERDICT_BYTES: usize = 0x5000;
/// Longest body.
pub const BODY_BYTES_MAX: usize = VERDICT_BYTES - BODY_AT;

/// What is staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// A signed command.
    Command = 1,
    /// A package.
    Package = 2,
    /// A signed list of keys.
    KeyList = 3,
    /// The lists of keys that were kept.
    KeptLists = 4,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Command, Self::Package, Self::KeyList, Self::KeptLists];

    pub(crate) fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == code)
    }
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct RequestLayout {
    pub(crate) magic: u32,
    pub(crate) version: u32,
    pub(crate) use_number: u64,
    pub(crate) kind: u32,
    pub(crate) length_bytes: u32,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct VerdictLayout {
    pub(crate) magic: u32,
    pub(crate) version: u32,
    pub(crate) kind: u32,
    pub(crate) body_bytes: u32,
    /// SHA-256 of the staged bytes.
    pub(crate) sha256: [u8; 32],
}

const _: () = assert!(size_of::<RequestLayout>() == 24 && size_of::<RequestLayout>() <= STAGED_AT);
const _: () = assert!(size_of::<VerdictLayout>() == 48 && HEADER_AT + size_of::<VerdictLayout>() <= BODY_AT);
