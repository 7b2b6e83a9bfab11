// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the manager needs of the place where things survive a reboot.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Why something could not be kept or found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageError(pub String);

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for StorageError {}

/// One part of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Adds or replaces a record.
    Put(u32, &'a [u8]),
    /// Removes a record, if it is there.
    Remove(u32),
    /// Adds or replaces a package.
    PutPackage(u32, &'a [u8]),
    /// Removes a package, if it is there.
    RemovePackage(u32),
}

/// Records and packages by number. It is trusted to keep things, not to be honest about packages: they are
/// verified each time.
pub trait Storage {
    /// Reads a record into `bytes`, whatever these held. False if there is none.
    ///
    /// # Errors
    /// If it cannot be told.
    fn read(&mut self, number: u32, bytes: &mut Vec<u8>) -> Result<bool, StorageError>;

    /// Reads a package into `bytes`, whatever these held.
    ///
    /// # Errors
    /// If there is none, or it cannot be read whole.
    fn read_package(&mut self, number: u32, bytes: &mut Vec<u8>) -> Result<(), StorageError>;

    /// Makes all of these changes at once. When it returns without error, no loss of power undoes them; if
    /// power is lost before, all were made or none.
    ///
    /// # Errors
    /// If they could not be made, or it is not known.
    fn change(&mut self, changes: &[Change<'_>]) -> Result<(), StorageError>;
}
