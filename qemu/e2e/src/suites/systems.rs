// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Systems other than the product, under qemu/systems: each prints its sentinel or what it is about.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use cofferdam_qemu::{KernelKind, Line};

use super::tests;
use crate::context::{Context, STEP_LIMIT, Settings};
use crate::harness::{Suite, System};

/// qemu/systems/conformance checks the runtime and the initialiser from inside.
pub const CONFORMANCE: Suite = Suite {
    name: "conformance",
    about: "kernel, initialiser and runtime keep what they promise to a protection domain, the same on every kernel",
    system: System::Special("conformance"),
    tests: tests![every_kernel_gives_the_same_results],
};

/// qemu/systems/panic has a protection domain that panics, one that writes where it may not, and a third.
pub const PANIC: Suite = Suite {
    name: "panic",
    about: "a protection domain that panics is reported by name",
    system: System::Special("panic"),
    tests: tests![panics_and_faults_are_reported_by_name],
};

/// qemu/systems/mcs checks the runtime on a kernel with scheduling contexts from inside.
pub const MCS: Suite = Suite {
    name: "mcs",
    about: "budgets bound a protection domain, and a passive one works on its callers' time",
    system: System::Budgets("mcs"),
    tests: tests![passive_servers_work_on_their_callers_time],
};

/// Before each line of the conformance system.
const CONFORMANCE_PREFIX: &str = "conformance: ";
/// Its last line when all its checks held.
const CONFORMANCE_END: &str = "all checks passed";
/// The results of the conformance system, the same in the same order whatever the kernel.
const CONFORMANCE_RESULTS: &[&str] = &[
    "a child above its parent has run",
    "a channel to oneself notifies",
    "calls carry 0 to 120 words",
    "replies carry 0 to 120 words",
    "words come back changed",
    "a signal deferred in a call arrives with the reply",
    "nothing else has arrived",
    "a handler's error is answered",
    "the heap is empty at first",
    "the heap does not leak",
    "too large an allocation is refused",
    "alloc_zeroed gives zeros",
    "a region's physical address is in RAM",
    "memory regions begin as zeros",
    "time goes forward",
    "a notification comes back",
    "nothing has notified the listener",
    "who is outranked waits for its turn",
    "a deferred signal comes after the entry point's end",
    "notifications coalesce",
    "two channels at once are one event",
    "an interrupt comes",
    "an interrupt comes again after a deferred acknowledgement",
    "an interrupt stays away until it is acknowledged",
    "an interrupt that still asks comes once acknowledged",
    "an interrupt that is not the processor's own comes",
    "polling gives a notification",
    "polling does not give a fault",
    "polling keeps a fault for later",
    "a fault that polling met arrives whole",
    "the child has run",
    "a child can be restarted",
    "a panic is an undefined instruction",
    "an answered fault lets the child try again",
    "an unmapped address faults at a write",
    "address zero faults at a read",
    "a stack overflow hits the guard page",
    "a guard page lies above the stack",
    "constants cannot be written",
    "code cannot be written",
    "data cannot be executed",
    "the stack cannot be executed",
    "a region mapped r can be read",
    "a region mapped r cannot be written",
    "a region mapped r cannot be executed",
    "a region mapped rw can be written",
    "a region mapped rw cannot be executed",
    "a region mapped rx can be executed",
    "a region mapped rx cannot be written",
    "a region mapped rwx can be written and executed",
    "an unknown system call is a fault",
    "each of its entries was as the first",
    "an endless loop can be stopped",
    "floating point registers survive preemption",
    "notifications that coalesced do not come again",
];
/// Printed by the mcs system when all its checks held.
const MCS_SENTINEL: &str = "mcs: all checks passed";
/// Printed by the panic system's lowest protection domain, which has done nothing wrong.
const PANIC_SENTINEL: &str = "panic: the others run on";

fn every_kernel_gives_the_same_results(context: &mut Context<'_>) -> Result<()> {
    context.announce(CONFORMANCE_PREFIX);
    if context.settings.kernel_prints {
        // Panics told to happen: on such a kernel the runtime prints them.
        context.announce("child: panicked at");
        context.announce("eager: panicked at");
    }
    let mut position = 0;
    for expected in
        CONFORMANCE_RESULTS.iter().map(|result| format!("ok: {result}")).chain([CONFORMANCE_END.to_owned()])
    {
        let is_result = |line: &Line| {
            let text = line.text.split(CONFORMANCE_PREFIX).nth(1)?;
            let counts = ["ok: ", "FAILED: ", CONFORMANCE_END].iter().any(|kind| text.starts_with(kind));
            counts.then(|| text.to_owned())
        };
        let found = context.console().wait_for(position, Instant::now() + STEP_LIMIT, is_result);
        let (next, result) = found.with_context(|| format!("waiting for '{expected}'"))?;
        ensure!(result == expected, "'{result}' where '{expected}' should come");
        position = next;
    }
    Ok(())
}

fn passive_servers_work_on_their_callers_time(context: &mut Context<'_>) -> Result<()> {
    context.expect_from(0, MCS_SENTINEL)?;
    Ok(())
}

/// How the monitor reports the fault of a protection domain without a parent: ours does on any kernel, the SDK's on
/// one that prints.
pub fn fault_report(settings: &Settings, name: &str) -> Option<String> {
    match settings.kernel {
        KernelKind::Crates => Some(format!("protection domain '{name}' faulted")),
        KernelKind::Sdk if settings.kernel_prints => Some(format!("faulting PD: {name}")),
        KernelKind::Sdk => None,
    }
}

fn panics_and_faults_are_reported_by_name(context: &mut Context<'_>) -> Result<()> {
    context.announce("panicker: panicked at");
    context.announce(PANIC_SENTINEL);
    let reports = ["panicker", "trespasser", "recurser"].map(|name| fault_report(context.settings, name));
    reports.iter().flatten().for_each(|text| context.announce(text));
    // Name, place and message.
    let panic = context.expect_from(0, "panicker: panicked at")?;
    ensure!(panic.text.contains("src/main.rs:"), "it does not say where: {panic}");
    context.expect_from(0, "index out of bounds")?;
    for report in reports.iter().flatten() {
        context.expect_from(0, report)?;
    }
    match context.settings.kernel {
        KernelKind::Crates => {
            let fault = context.expect_from(0, "protection domain 'trespasser' faulted")?;
            let tells = fault.text.contains("0xdead0000") && fault.text.contains("pc 0x");
            ensure!(tells, "it does not say where: {fault}");
        }
        KernelKind::Sdk if context.settings.kernel_prints => {
            context.expect_from(0, "fault_addr=0x00000000dead0000")?;
        }
        KernelKind::Sdk => {}
    }
    context.expect_from(0, PANIC_SENTINEL)?;
    Ok(())
}
