// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What comes next in a swap, by what the guard and the two slots say.

use alloc::string::{String, ToString};

use cofferdam_device_protocol::ACTUATORS;
use cofferdam_device_protocol::swap::{SwapPhase, SwapReport};

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Look again.
    Wait,
    /// Have the guard let the new version take over.
    HandOver,
    /// The new version is the installed one.
    Settle,
    /// The version before is what it was.
    GiveUp(String),
}

/// What there is to decide by.
#[derive(Clone, Debug)]
pub(super) struct Seen<'a> {
    pub(super) report: &'a SwapReport,
    /// Whether the version before runs.
    pub(super) old_runs: bool,
    /// Why the new version does not run, if it does not.
    pub(super) new_ended: Option<&'a str>,
    pub(super) needed_ticks: u32,
    pub(super) now_us: u64,
    pub(super) patience_until_us: u64,
    pub(super) watch_until_us: Option<u64>,
}

impl Seen<'_> {
    pub(super) fn next(&self) -> Next {
        let why = || reason(self.report);
        if let Some(ended) = self.new_ended {
            return Next::GiveUp(ended.to_string());
        }
        match self.report.phase {
            SwapPhase::Shadow | SwapPhase::HandingOver if !self.old_runs => {
                Next::GiveUp("the version before ended first".into())
            }
            SwapPhase::Shadow if self.report.agreed_ticks >= self.needed_ticks => Next::HandOver,
            SwapPhase::Shadow | SwapPhase::HandingOver if self.now_us >= self.patience_until_us => {
                let why = match why() {
                    why if why.is_empty() => "it wrote nothing that could be compared".into(),
                    why => why,
                };
                Next::GiveUp(alloc::format!("they did not agree for long enough: {why}"))
            }
            SwapPhase::Shadow | SwapPhase::HandingOver => Next::Wait,
            // There is nobody to hand back to.
            SwapPhase::Watching if !self.old_runs => Next::Settle,
            SwapPhase::Watching if self.watch_until_us.is_some_and(|until_us| until_us <= self.now_us) => {
                Next::Settle
            }
            SwapPhase::Watching => Next::Wait,
            SwapPhase::HandedBack => Next::GiveUp(why()),
            // The new one runs, and the guard knows of no shadow: the version before was revoked when it ended.
            SwapPhase::Over if self.watch_until_us.is_some() && !self.old_runs => Next::Settle,
            SwapPhase::Over => Next::GiveUp(why()),
        }
    }
}

/// In words: why the new version has no authority.
pub(super) fn reason(report: &SwapReport) -> String {
    let Some(reason) = report.reason else { return String::new() };
    match report.actuator.and_then(|id| ACTUATORS.get(id)) {
        Some(actuator) => alloc::format!("{reason} ({})", actuator.name),
        None => reason.to_string(),
    }
}
