// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the store needs of a disk.

/// The unit in which a disk is read and written.
pub const SECTOR_BYTES: usize = 512;
/// The most bytes that the store moves at a time.
pub const TRANSFER_BYTES_MAX: usize = 0x1_0000;

/// A disk of sectors. Until a flush has returned, what was written since the last one may be on the disk in
/// any part and order.
pub trait BlockDevice {
    /// Why the disk does not work.
    type Error;

    /// How many sectors there are.
    fn sectors(&self) -> u64;

    /// Fills `bytes`, whole sectors and at most [`TRANSFER_BYTES_MAX`], from `sector` on.
    ///
    /// # Errors
    /// If the disk fails; `bytes` then holds nothing of use.
    fn read(&mut self, sector: u64, bytes: &mut [u8]) -> Result<(), Self::Error>;

    /// Writes `bytes`, whole sectors and at most [`TRANSFER_BYTES_MAX`], from `sector` on.
    ///
    /// # Errors
    /// If the disk fails; what the sectors then hold is not known.
    fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Makes everything that was written safe from a loss of power.
    ///
    /// # Errors
    /// If the disk fails; what is safe is then not known.
    fn flush(&mut self) -> Result<(), Self::Error>;
}
