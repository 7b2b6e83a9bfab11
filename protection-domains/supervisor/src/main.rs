// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Protection domain: the parent of wasm_manager and gateway. When one of them faults it starts that one from its
//! beginning, in a clean state; apps and outputs do not depend on either.
//!
//! It holds their threads and a log, and nothing else: no memory of theirs, no channel to them, no timer. One that faults
//! again and again is left stopped, so that it takes no time from others for ever.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::convert::Infallible;

use cofferdam_restart::{AfterLimit, Policy, Supervision, Verdict};
use sel4_microkit::{Child, Fault, Handler, MessageInfo, child, now_us, protection_domain};

/// At most five restarts in a minute. Without a delay: whoever cannot reach its apps wants the service back.
const POLICY: Policy =
    Policy { limit: 5, window_us: Some(60_000_000), delay_us: 0, delay_max_us: 0, then: AfterLimit::Stop };

struct Supervised {
    name: &'static str,
    child: Child,
    supervision: Supervision,
}

struct Supervisor {
    supervised: [Supervised; 2],
}

#[protection_domain]
fn init() -> impl Handler {
    cofferdam_log_ring::pd::init();
    let new = |name, child| Supervised { name, child, supervision: Supervision::default() };
    Supervisor {
        supervised: [new("wasm_manager", child!(wasm_manager_child)), new("gateway", child!(gateway_child))],
    }
}

impl Handler for Supervisor {
    type Error = Infallible;

    fn fault(&mut self, child: Child, fault: Fault) -> Result<Option<MessageInfo>, Infallible> {
        let Some(one) = self.supervised.iter_mut().find(|one| one.child == child) else {
            log::error!("fault of unknown child {}: {fault}", child.id());
            return Ok(None);
        };
        log::error!("'{}' faulted: {fault}", one.name);
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
        if let Err(error) = outcome {
            log::error!("{}: {error}", one.name);
        }
        Ok(None)
    }
}
