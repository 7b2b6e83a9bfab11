// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the parent of wasm_manager and gateway. When one of them faults it starts that one from its
//! beginning, in a clean state; apps and outputs do not depend on either.
//!
//! It holds their threads, a log and a page on which it tells what it did, and nothing else: no memory of theirs, no channel
//! to them, no timer. One that faults again and again is left stopped, so that it takes no time from others for ever. A
//! kernel with budgets tells it when one of them has used up its own, which it counts.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod regions;

use core::convert::Infallible;

use cofferdam_domain_figures::{Figure, Kind, Writer};
use cofferdam_restart::{AfterLimit, Policy, Supervision, Verdict};
use sel4_microkit::{Child, Fault, Handler, MessageInfo, child, now_us, protection_domain};

/// At most five restarts in a minute. Without a delay: whoever cannot reach its apps wants the service back.
const POLICY: Policy =
    Policy { limit: 5, window_us: Some(60_000_000), delay_us: 0, delay_max_us: 0, then: AfterLimit::Stop };

/// Where the children stand among the protection domains of `system.xml`, by which the kernel names who has used up a
/// budget. A host test of `kernel/image` (`wiring`) compares.
const WASM_MANAGER_INDEX: u64 = 6;
const GATEWAY_INDEX: u64 = 12;

struct Supervised {
    name: &'static str,
    index: u64,
    child: Child,
    supervision: Supervision,
    faults: u64,
    faults_told: Option<Figure>,
    restarts_told: Option<Figure>,
    /// How often it has used up its budget.
    exhausted: u64,
    exhausted_told: Option<Figure>,
}

struct Supervisor {
    supervised: [Supervised; 2],
    figures: Writer,
}

#[protection_domain]
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    #[allow(clippy::expect_used)] // Sizes stand in `system.xml`.
    let mut figures = Writer::new(regions::figures()).expect("system.xml: figures_supervisor is too small");
    let mut new = |name, index, child: Child| {
        if let Err(error) = child.report_exhaustion() {
            log::error!("budgets that {name} uses up are not counted: {error}");
        }
        Supervised {
            name,
            index,
            child,
            supervision: Supervision::default(),
            faults: 0,
            faults_told: figures.add(name, Kind::Faults),
            restarts_told: figures.add(name, Kind::Restarts),
            exhausted: 0,
            exhausted_told: figures.add(name, Kind::BudgetsUsedUp),
        }
    };
    let supervised = [
        new("wasm_manager", WASM_MANAGER_INDEX, child!(wasm_manager_child)),
        new("gateway", GATEWAY_INDEX, child!(gateway_child)),
    ];
    Supervisor { supervised, figures }
}

impl Handler for Supervisor {
    type Error = Infallible;

    fn fault(&mut self, child: Child, fault: Fault) -> Result<Option<MessageInfo>, Infallible> {
        let Some(one) = self.supervised.iter_mut().find(|one| one.child == child) else {
            log::error!("fault of unknown child {}: {fault}", child.id());
            return Ok(None);
        };
        log::error!("'{}' faulted: {fault}", one.name);
        one.faults = one.faults.saturating_add(1);
        let outcome = match one.supervision.failed(now_us(), &POLICY) {
            Verdict::Restart { .. } => {
                log::info!("{} starts again (restart {})", one.name, one.supervision.restarts());
                child.restart()
            }
            Verdict::Stop | Verdict::RollBack => {
                log::error!("{} faults too often and stays stopped until the next boot", one.name);
                child.stop()
            }
        };
        let told = [(one.faults_told, one.faults), (one.restarts_told, one.supervision.restarts().into())];
        for (figure, value) in told {
            figure.iter().for_each(|figure| self.figures.set(*figure, value));
        }
        if let Err(error) = outcome {
            log::error!("{}: {error}", one.name);
        }
        Ok(None)
    }

    fn exhausted(&mut self, index: u64) -> Result<(), Infallible> {
        match self.supervised.iter_mut().find(|one| one.index == index) {
            Some(one) => {
                one.exhausted = one.exhausted.saturating_add(1);
                one.exhausted_told.iter().for_each(|figure| self.figures.set(*figure, one.exhausted));
                // Ever more seldom: it is no fault.
                if one.exhausted.is_power_of_two() {
                    log::info!("{} has used up its budget {} times", one.name, one.exhausted);
                }
            }
            None => log::error!("protection domain {index}, which is no child, reports a used-up budget"),
        }
        Ok(())
    }
}
