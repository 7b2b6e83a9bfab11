// SPDX-License-Identifier: Apache-2.0 OR MIT
//! An app's pointers: checked, then used once.

use core::ops::Range;

use cofferdam_host_abi::ErrorCode;

use crate::state::Call;

/// A pointer and length that do not lie within the app's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadPointer;

impl From<BadPointer> for ErrorCode {
    fn from(_: BadPointer) -> Self {
        Self::BadPointer
    }
}

/// The bytes that a pointer and a length name; both are unsigned numbers in Wasm's `i32`.
pub(crate) fn range(pointer: i32, length: i32) -> Result<Range<usize>, BadPointer> {
    let start = pointer as u32 as usize;
    let end = start.checked_add(length as u32 as usize).ok_or(BadPointer)?;
    Ok(start..end)
}

impl<H> Call<'_, H> {
    /// The bytes there.
    pub(crate) fn read(&self, pointer: i32, length: i32) -> Result<&[u8], BadPointer> {
        self.memory.get(range(pointer, length)?).ok_or(BadPointer)
    }

    /// Are there so many bytes?
    pub(crate) fn check(&self, pointer: i32, length: i32) -> Result<(), BadPointer> {
        self.read(pointer, length).map(|_| ())
    }

    /// A copy of the `N` bytes there.
    pub(crate) fn read_array<const N: usize>(&self, pointer: i32) -> Result<[u8; N], BadPointer> {
        let start = pointer as u32 as usize;
        self.memory.get(start..).and_then(|bytes| bytes.first_chunk()).copied().ok_or(BadPointer)
    }

    /// Writes there, and charges for it.
    pub(crate) fn write(&mut self, pointer: i32, bytes: &[u8]) -> Result<(), BadPointer> {
        let start = pointer as u32 as usize;
        let end = start.checked_add(bytes.len()).ok_or(BadPointer)?;
        self.memory.get_mut(start..end).ok_or(BadPointer)?.copy_from_slice(bytes);
        self.charge(bytes.len());
        Ok(())
    }

    /// So many bytes were moved.
    pub(crate) fn charge(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }
}

/// The pointer `offset` bytes further on.
pub(crate) fn offset(pointer: i32, offset: u32) -> Result<i32, BadPointer> {
    (pointer as u32).checked_add(offset).map(|sum| sum as i32).ok_or(BadPointer)
}
