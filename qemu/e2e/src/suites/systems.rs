// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Systems other than the product, under qemu/systems: each prints its sentinel or what it is about.

use anyhow::{Result, ensure};
use cofferdam_qemu::KernelKind;

use super::tests;
use crate::context::{Context, Settings};
use crate::harness::{Suite, System};

/// qemu/systems/conformance checks the runtime and the initialiser from inside.
pub const CONFORMANCE: Suite = Suite {
    name: "conformance",
    about: "kernel, initialiser and runtime keep what they promise to a protection domain",
    system: System::Special("conformance"),
    tests: tests![the_sentinel_comes],
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

/// Printed by the conformance system when all its checks held.
const CONFORMANCE_SENTINEL: &str = "conformance: all checks passed";
/// Printed by the mcs system when all its checks held.
const MCS_SENTINEL: &str = "mcs: all checks passed";
/// Printed by the panic system's lowest protection domain, which has done nothing wrong.
const PANIC_SENTINEL: &str = "panic: the others run on";

fn the_sentinel_comes(context: &mut Context<'_>) -> Result<()> {
    // Its reports of what it does to a child and of what it checked.
    context.announce("conformance: a child that ");
    context.announce("conformance: ok: ");
    if context.settings.kernel_prints {
        // Panics told to happen: on such a kernel the runtime prints them.
        context.announce("child: panicked at");
        context.announce("eager: panicked at");
    }
    context.expect_from(0, CONFORMANCE_SENTINEL)?;
    Ok(())
}

fn passive_servers_work_on_their_callers_time(context: &mut Context<'_>) -> Result<()> {
    context.expect_from(0, MCS_SENTINEL)?;
    Ok(())
}

/// How the monitor reports the fault of a protection domain without a parent: ours does on any kernel, the SDK's on
/// one that prints.
fn fault_report(settings: &Settings, name: &str) -> Option<String> {
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
