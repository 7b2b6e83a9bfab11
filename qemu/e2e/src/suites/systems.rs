// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Systems other than the product, under qemu/systems: each prints its sentinel or what it is about.

use anyhow::{Result, ensure};

use super::tests;
use crate::context::Context;
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

/// Printed by the conformance system when all its checks held.
const CONFORMANCE_SENTINEL: &str = "conformance: all checks passed";
/// Printed by the panic system's lowest protection domain, which has done nothing wrong.
const PANIC_SENTINEL: &str = "panic: the others run on";

fn the_sentinel_comes(context: &mut Context<'_>) -> Result<()> {
    // Its reports of what it does to a child and of what it checked.
    context.announce("conformance: a child that ");
    context.announce("conformance: ok: ");
    context.expect_from(0, CONFORMANCE_SENTINEL)?;
    Ok(())
}

fn panics_and_faults_are_reported_by_name(context: &mut Context<'_>) -> Result<()> {
    let faulted =
        ["panicker", "trespasser", "recurser"].map(|name| format!("protection domain '{name}' faulted"));
    context.announce("panicker: panicked at");
    context.announce(PANIC_SENTINEL);
    faulted.iter().for_each(|text| context.announce(text));
    // Name, place and message.
    let panic = context.expect_from(0, "panicker: panicked at")?;
    ensure!(panic.text.contains("src/main.rs:"), "it does not say where: {panic}");
    context.expect_from(0, "index out of bounds")?;
    context.expect_from(0, "protection domain 'panicker' faulted")?;
    let fault = context.expect_from(0, "protection domain 'trespasser' faulted")?;
    ensure!(
        fault.text.contains("0xdead0000") && fault.text.contains("pc 0x"),
        "it does not say where: {fault}"
    );
    context.expect_from(0, PANIC_SENTINEL)?;
    Ok(())
}
