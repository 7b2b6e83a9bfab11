// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the parent of wasm_manager and gateway. When one of them faults it starts that one from its
//! beginning, in a clean state; apps and outputs do not depend on either.
//!
//! It holds their threads, a log and a page on which it tells what it did, and nothing else: no memory of theirs, no channel to them, no timer. One that faults
//! again and again is left stopped, so that it takes no time from others for ever.
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

struct Supervised {
    name: &'static str,
    child: Child,
    supervision: Supervision,
    faults: u64,
    faults_told: Option<Figure>,
    restarts_told: Option<Figure>,
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
    let mut new = |name, child| Supervised {
        name,
        child,
        supervision: Supervision::default(),
        faults: 0,
        faults_told: figures.add(name, Kind::Faults),
        restarts_told: figures.add(name, Kind::Restarts),
    };
    let supervised = [new("wasm_manager", child!(wasm_manager_child)), new("gateway", child!(gateway_child))];
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
}
