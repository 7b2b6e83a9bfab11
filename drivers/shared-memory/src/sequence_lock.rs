// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A sequence lock: one side writes when it likes, the other takes a copy and sees whether it is whole.
//!
//! A number of 8 bytes in the region is odd while what belongs to it is being written. Neither side waits for the other; a
//! reader tries a bounded number of times.

use core::sync::atomic::{Ordering, fence};

use crate::{OutOfBounds, SharedRegion};

/// The writing side. One protection domain has it.
#[derive(Debug)]
pub struct SequenceWriter {
    region: SharedRegion,
    sequence_at: usize,
    sequence: u64,
}

impl SequenceWriter {
    /// The writer of what belongs to the number at `sequence_at`, which is `sequence` now.
    #[must_use]
    pub const fn new(region: SharedRegion, sequence_at: usize, sequence: u64) -> Self {
        Self { region, sequence_at, sequence }
    }

    /// Writes: `change` stores what is new. After an error the number stays odd until the next write.
    ///
    /// # Errors
    /// [`OutOfBounds`] of `change`, or if the number is not in the region.
    pub fn write(
        &mut self,
        change: impl FnOnce(&SharedRegion) -> Result<(), OutOfBounds>,
    ) -> Result<(), OutOfBounds> {
        let writing = self.sequence | 1;
        self.region.store_u64_relaxed(self.sequence_at, writing)?;
        // Pairs with the acquire fence in `read`: who sees anything stored below also sees the odd number.
        fence(Ordering::Release);
        change(&self.region)?;
        self.sequence = writing.wrapping_add(1);
        // Pairs with the acquire load in `read`: who sees the even number sees all of this write.
        self.region.store_u64_release(self.sequence_at, self.sequence)
    }
}

/// What `copy` takes out of the region while nobody writes; nothing if the writer was at work at each of `tries` tries. Torn
/// copies are dropped: `copy` must not look into what it has copied.
///
/// # Errors
/// [`OutOfBounds`] of `copy`, or if the number is not in the region.
pub fn read<T>(
    region: &SharedRegion,
    sequence_at: usize,
    tries: usize,
    mut copy: impl FnMut(&SharedRegion) -> Result<T, OutOfBounds>,
) -> Result<Option<T>, OutOfBounds> {
    for _ in 0..tries {
        // Pairs with the release store at the end of `SequenceWriter::write`.
        let before = region.load_u64_acquire(sequence_at)?;
        let copied = copy(region)?;
        // Pairs with the release fence in `SequenceWriter::write`.
        fence(Ordering::Acquire);
        let after = region.load_u64_relaxed(sequence_at)?;
        if before == after && before.is_multiple_of(2) {
            return Ok(Some(copied));
        }
    }
    Ok(None)
}
