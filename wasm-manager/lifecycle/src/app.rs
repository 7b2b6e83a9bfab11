// SPDX-License-Identifier: Apache-2.0 OR MIT
//! An installed app.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use cofferdam_device_protocol::permission::Permissions;
use cofferdam_management_protocol::{AppEntry, AppState, AppStats, SwapRole};
use cofferdam_package::manifest::AfterRestarts;
use cofferdam_package::{KeyId, Manifest};
use cofferdam_restart::{AfterLimit, Policy, Supervision};
use cofferdam_shared_memory::SharedRegion;
use cofferdam_slot_protocol::{Histogram, Orders, Status, read_histograms};

/// An installed app: it has a slot, whether it runs or not.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) manifest: Manifest,
    pub(crate) signer: KeyId,
    /// How to run it; the generation is set anew at each start.
    pub(crate) orders: Orders,
    /// What sensor_hub and actuator_guard let its slot touch while it runs.
    pub(crate) permissions: Permissions,
    pub(crate) utilisation_permille: u32,
    pub(crate) state: AppState,
    /// Why it failed.
    pub(crate) reason: String,
    /// How it has done so far.
    pub(crate) supervision: Supervision,
    /// From which version and why it was rolled back to this one; else empty.
    pub(crate) rolled_back: String,
    /// The keys in force do not permit it any more: it is not started again.
    pub(crate) revoked: bool,
    /// The last status of its last run.
    pub(crate) last_status: Option<Status>,
    /// What it is in a swap: the new version from the beginning, the one before once that has taken over.
    pub(crate) swap: Option<SwapRole>,
}

impl App {
    pub(crate) fn name(&self) -> &str {
        &self.manifest.common.name
    }

    pub(crate) fn is_active(&self) -> bool {
        matches!(self.state, AppState::Starting | AppState::Running)
    }

    /// What its manifest says about failures.
    pub(crate) fn policy(&self) -> Policy {
        let limit = self.manifest.app.restarts;
        match self.manifest.app.restart {
            None => Policy { limit, window_us: None, delay_us: 0, delay_max_us: 0, then: AfterLimit::Stop },
            Some(restart) => Policy {
                limit,
                window_us: Some(restart.window_us),
                delay_us: restart.delay_us,
                delay_max_us: restart.delay_max_us,
                then: match restart.then {
                    AfterRestarts::Stop => AfterLimit::Stop,
                    AfterRestarts::RollBack => AfterLimit::RollBack,
                },
            },
        }
    }

    /// How an update to it has to prove itself.
    pub(crate) fn probation(&self) -> Option<cofferdam_restart::Probation> {
        self.manifest.app.probation.map(|probation| cofferdam_restart::Probation {
            time_us: probation.time_us,
            missed_deadlines_max: probation.missed_deadlines_max.into(),
        })
    }

    pub(crate) fn entry(&self, slot: usize, now_us: u64, previous: Option<String>) -> AppEntry {
        AppEntry {
            name: self.name().to_string(),
            version: self.manifest.app.version.clone(),
            sequence: self.manifest.sequence,
            slot: slot_number(slot),
            state: self.state,
            reason: self.reason.clone(),
            signer: self.signer.0,
            module_bytes: self.manifest.common.size_bytes,
            restarts: self.supervision.restarts(),
            restart_in_us: self.supervision.restart_at_us().map(|at_us| at_us.saturating_sub(now_us)),
            probation_left_us: self.supervision.probation_left_us(now_us),
            previous,
            rolled_back: self.rolled_back.clone(),
            swap: self.swap,
        }
    }
}

/// A slot's number on the wire.
pub(crate) fn slot_number(slot: usize) -> u8 {
    u8::try_from(slot).unwrap_or(u8::MAX)
}

/// Counters of a status, and what the kernel said about the slot, for the wire.
pub(crate) fn stats(
    slot: usize,
    status: Option<&Status>,
    region: SharedRegion,
    budgets_used_up: u64,
    restarts: u32,
) -> AppStats {
    let (slot, restarts) = (slot_number(slot), restarts.into());
    let Some(Status { generation, counters, .. }) = status else {
        return AppStats { slot, budgets_used_up, restarts, ..AppStats::default() };
    };
    let histograms = read_histograms(region, *generation).unwrap_or_default();
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
        restarts,
        execution_total_us: counters.execution_total_us,
        log_lines: counters.log_lines,
        jitter_us: trimmed(&histograms.jitter_us),
        execution_us: trimmed(&histograms.execution_us),
        fuel: trimmed(&histograms.fuel),
        host_calls_total: counters.host_calls_total,
    }
}

/// Without the empty buckets at its end.
fn trimmed(Histogram(counts): &Histogram) -> Vec<u64> {
    let length = counts.iter().rposition(|count| *count > 0).map_or(0, |last| last.saturating_add(1));
    counts.iter().take(length).copied().collect()
}
