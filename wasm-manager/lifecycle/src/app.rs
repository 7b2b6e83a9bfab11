// SPDX-License-Identifier: Apache-2.0 OR MIT
//! An installed app.

use alloc::string::{String, ToString};

use cofferdam_management_protocol::{AppEntry, AppState, AppStats};
use cofferdam_package::{KeyId, Manifest};
use cofferdam_slot_protocol::{Orders, Status};

/// An installed app: it has a slot, whether it runs or not.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) manifest: Manifest,
    pub(crate) signer: KeyId,
    /// How to run it; the generation is set anew at each start.
    pub(crate) orders: Orders,
    pub(crate) utilisation_permille: u32,
    pub(crate) state: AppState,
    /// Why it failed.
    pub(crate) reason: String,
    /// Restarts after a failure, since somebody started it.
    pub(crate) restarts: u8,
    /// The last status of its last run.
    pub(crate) last_status: Option<Status>,
}

impl App {
    pub(crate) fn name(&self) -> &str {
        &self.manifest.common.name
    }

    pub(crate) fn is_active(&self) -> bool {
        matches!(self.state, AppState::Starting | AppState::Running)
    }

    pub(crate) fn entry(&self, slot: usize) -> AppEntry {
        AppEntry {
            name: self.name().to_string(),
            version: self.manifest.app.version.clone(),
            sequence: self.manifest.sequence,
            slot: slot_number(slot),
            state: self.state,
            reason: self.reason.clone(),
            signer: self.signer.0,
            module_bytes: self.manifest.common.size_bytes,
            restarts: self.restarts.into(),
        }
    }
}

/// A slot's number on the wire.
pub(crate) fn slot_number(slot: usize) -> u8 {
    u8::try_from(slot).unwrap_or(u8::MAX)
}

/// Counters of a status, and what the kernel said about the slot, for the wire.
pub(crate) fn stats(slot: usize, status: Option<&Status>, budgets_used_up: u64) -> AppStats {
    let slot = slot_number(slot);
    let Some(Status { counters, .. }) = status else {
        return AppStats { slot, budgets_used_up, ..AppStats::default() };
    };
    AppStats {
        slot,
        activations: counters.activations,
        missed_releases: counters.missed_releases,
        overruns: counters.overruns,
        fuel_last: counters.fuel_last,
        fuel_max: counters.fuel_max,
        fuel_total: counters.fuel_total,
        execution_max_us: counters.execution_max_us,
        jitter_max_us: counters.jitter_max_us,
        memory_pages: counters.memory_pages,
        host_calls: counters.host_calls_max,
        log_dropped_bytes: counters.log_bytes_dropped,
        budgets_used_up,
    }
}
