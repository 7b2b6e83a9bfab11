// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What the manager needs from the system around it.

use core::fmt;

use cofferdam_device_protocol::permission::Permissions;
use cofferdam_device_protocol::swap::{SwapReport, SwapTerms};
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

    /// `actuator_guard` compares two slots from now on; the new one is a shadow. Called before that is started.
    ///
    /// # Errors
    /// If it refuses.
    fn swap_begin(&mut self, terms: &SwapTerms) -> Result<(), PlatformError>;

    /// The new one is to have authority from the next tick on: gives when that is, or nothing if the two do not agree.
    ///
    /// # Errors
    /// If `actuator_guard` makes no sense.
    fn swap_hand_over(&mut self) -> Result<Option<u64>, PlatformError>;

    /// How the two do, or did last.
    ///
    /// # Errors
    /// If `actuator_guard` knows of no two.
    fn swap_report(&mut self) -> Result<SwapReport, PlatformError>;

    /// What a slot publishes counts from `from_us` on and before `until_us`.
    ///
    /// # Errors
    /// If `topic_hub` refuses.
    fn voice(&mut self, slot: usize, from_us: u64, until_us: u64) -> Result<(), PlatformError>;

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

    /// Whether the kernel holds slots to the budgets of `system.xml`.
    fn has_budgets(&self) -> bool {
        false
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
