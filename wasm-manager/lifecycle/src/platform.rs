// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the manager needs from the system around it.

use core::fmt;

use cofferdam_device_protocol::permission::Permissions;
use cofferdam_shared_memory::SharedRegion;

use crate::domains::FigurePage;
use crate::storage::Storage;
use crate::verifier::Unanswered;

/// The kernel would not do it. It means that the image is put together wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlatformError;

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the protection domain cannot be controlled")
    }
}

impl core::error::Error for PlatformError {}

/// The system around the manager.
pub trait Platform {
    /// Time since boot.
    fn now_us(&self) -> u64;

    /// A slot may touch no sensor and no actuator any more; its leases end. Called before a slot is stopped.
    ///
    /// # Errors
    /// If a server refuses.
    fn revoke(&mut self, slot: usize) -> Result<(), PlatformError>;

    /// A slot may touch `permissions` and nothing else. Called before a slot is started with an app.
    ///
    /// # Errors
    /// If a server refuses.
    fn permit(&mut self, slot: usize, permissions: &Permissions) -> Result<(), PlatformError>;

    /// Stops the protection domain of a slot where it is.
    ///
    /// # Errors
    /// If the kernel refuses.
    fn stop(&mut self, slot: usize) -> Result<(), PlatformError>;

    /// Starts the protection domain of a slot from its beginning. It may run at once, before this returns.
    ///
    /// # Errors
    /// If the kernel refuses.
    fn restart(&mut self, slot: usize) -> Result<(), PlatformError>;

    /// Stops the verifier where it is, so that its staging region can be written.
    ///
    /// # Errors
    /// If the kernel refuses.
    fn stop_verifier(&mut self) -> Result<(), PlatformError>;

    /// Starts the verifier from its beginning, waits until `is_answered`, and stops it. Other events that come meanwhile
    /// are kept for later.
    ///
    /// # Errors
    /// If it faults, or time is over before.
    fn run_verifier(&mut self, is_answered: &dyn Fn() -> bool, patience_us: u64) -> Result<(), Unanswered>;

    /// Where things survive a reboot; `None` on a machine without a disk. If there is one that cannot be used,
    /// this gives a storage whose every operation fails.
    fn storage(&mut self) -> Option<&mut dyn Storage>;

    /// Pages on which other protection domains tell figures.
    fn figures(&self) -> &[FigurePage] {
        &[]
    }

    /// Heap in use, for the status.
    fn heap_used_bytes(&self) -> u64;
}

/// The memory that the manager shares with one slot.
#[derive(Clone, Copy, Debug)]
pub struct SlotRegions {
    /// Written here, read-only there.
    pub orders: SharedRegion,
    /// Written there; hostile.
    pub status: SharedRegion,
    /// Written here, read-only there. It is also where an installed module is kept.
    pub module: SharedRegion,
    /// The slot's log ring, written there; hostile.
    pub log: SharedRegion,
    /// Where the slot records, written there; hostile.
    pub recording: SharedRegion,
}
