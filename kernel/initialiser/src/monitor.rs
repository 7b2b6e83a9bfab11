// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Reports the faults of protection domains that have no parent. They stay stopped.

use core::convert::Infallible;
use core::fmt::Write;

use cofferdam_system_spec::SystemSpec;
use cofferdam_system_spec::reader::DomainView;
use sel4::{CPtr, Fault};

use crate::failure::Failure;
use crate::mmio::Serial;

/// The badge of a protection domain's capability to the monitor's endpoint. Zero would be no badge.
pub(crate) const fn badge(index: u32) -> u64 {
    index as u64 + 1
}

/// Whether the fault is in the guard page below the stack.
fn is_stack_overflow(domain: &DomainView<'_>, fault: &Fault) -> bool {
    matches!(fault, Fault::VirtualMemory { address, fetch: false, .. } if domain.guard_page().contains(address))
}

/// Reports faults for ever.
pub(crate) fn run(spec: &SystemSpec<'_>, endpoint: CPtr) -> Result<Infallible, Failure> {
    loop {
        let received = sel4::recv(endpoint, 0);
        let fault = Fault::from_message(received.info);
        let domain = spec.protection_domains().find(|domain| badge(domain.index) == received.badge);
        let name = domain.map_or("?", |domain| domain.name());
        let hint = if domain.is_some_and(|domain| is_stack_overflow(&domain, &fault)) {
            ": its stack is full"
        } else {
            ""
        };
        // A line of its own, whatever console was printing. Writing never fails.
        let _ = writeln!(Serial, "\nmonitor: protection domain '{name}' faulted: {fault}{hint}");
    }
}
