// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Release times of control loops while something else wants all the time there is: what a kernel with budgets
//! guarantees, and what one without cannot.
//!
//! The image is the product but for `app_slot`, whose feature `spin-test` lets an app make its slot's own code spin in
//! a host call: no fuel counts there, as if the interpreter had a bug. Virtual time follows executed instructions, so
//! a loop can be late only by what runs inside the machine.

use anyhow::{Result, ensure};
use cofferdam_client::recipe::RecipeShape;
use cofferdam_qemu::KernelKind;

use super::tests;
use crate::context::{Context, make};
use crate::harness::{Suite, System};
use crate::loops::{self, FAST, Loop, SLOW, Timing};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "timing",
    about: "a slot that spins and a network flood leave control loops their release times",
    system: System::VariantByInstructions("timing"),
    tests: tests![a_network_flood, a_spinning_slot],
};

/// How late a loop may begin, in µs, with budgets as in `system.xml` (kernel/README.md derives the figures).
///
/// Servers above all slots: an event of each of `timer_driver`, `sensor_hub` and `actuator_guard`.
const SERVERS_US: u64 = 100;
/// Slots 0 and 1 may take so much, once, before a loop below them begins.
const SLOT_BUDGET_US: u64 = 100;

/// With budgets, whatever slots above do: one budget of each.
fn bound_us(one: &Loop) -> u64 {
    SERVERS_US + one.slot * SLOT_BUDGET_US
}

/// How long the spinner wants the processor.
const SPIN_US: u64 = 500_000;

fn check_bounded(one: &Loop, timing: &Timing, bound_us: u64) -> Result<()> {
    let Loop { name, slot, .. } = *one;
    ensure!(timing.missed == 0, "{name} in slot {slot} missed releases: {timing:?}");
    ensure!(timing.overruns == 0, "{name} in slot {slot} was not done in time: {timing:?}");
    ensure!(
        timing.jitter_max_us <= bound_us,
        "{name} in slot {slot} began later than {bound_us} us: {timing:?}"
    );
    Ok(())
}

/// The network's protection domains are below the slots: priorities alone bound a flood, on both kernels.
fn a_network_flood(context: &mut Context<'_>) -> Result<()> {
    loops::start(context)?;
    let before = loops::timing(context, &FAST)?;
    let flood = loops::flood(context)?;
    let after = loops::timing(context, &FAST)?;
    ensure!(
        after.activations > before.activations + 100,
        "the flood was over too soon: {before:?} {after:?}"
    );
    for one in [FAST, SLOW] {
        let timing = loops::timing(context, &one)?;
        println!("      {}: {timing:?} ({flood:?})", one.name);
        check_bounded(&one, &timing, SERVERS_US)?;
    }
    Ok(())
}

fn a_spinning_slot(context: &mut Context<'_>) -> Result<()> {
    loops::start(context)?;
    let position = context.position();
    push_spinner(context)?;
    context.expect_from(position, "/spinner: spun")?;
    let used_up = context.figure("spinner", "budgets_used_up")?;
    for one in [FAST, SLOW] {
        let timing = loops::timing(context, &one)?;
        println!("      {}: {timing:?}, budgets used up by the spinner: {used_up}", one.name);
        match context.settings.kernel {
            KernelKind::Sdk => check_bounded(&one, &timing, bound_us(&one))?,
            // This kernel cannot do it: the loops stand still for as long as the slot above them spins.
            KernelKind::Crates => {
                let releases = SPIN_US / one.period_us;
                ensure!(
                    timing.missed >= releases - 2,
                    "{} did not starve, which is news: {timing:?}",
                    one.name
                );
            }
        }
    }
    match context.settings.kernel {
        KernelKind::Sdk => {
            // Its share is a fifth, so it uses up one budget in almost every period that it spins.
            let periods = SPIN_US / (5 * SLOT_BUDGET_US);
            ensure!(used_up >= periods * 9 / 10, "only {used_up} budgets of {periods} were reported");
        }
        KernelKind::Crates => ensure!(used_up == 0, "a kernel without budgets reported {used_up}"),
    }
    Ok(())
}

/// An app in slot 0 whose first tick makes its slot spin.
fn push_spinner(context: &Context<'_>) -> Result<()> {
    let asked = format!("spin {SPIN_US}");
    let module = format!(
        r#"(module
          (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "{asked}")
          (data (i32.const 64) "spun")
          (global $spun (mut i32) (i32.const 0))
          (func (export "cofferdam_init"))
          (func (export "cofferdam_tick") (param i64)
            (if (i32.eqz (global.get $spun)) (then
              (global.set $spun (i32.const 1))
              (drop (call $log (i32.const 3) (i32.const 0) (i32.const {})))
              (drop (call $log (i32.const 3) (i32.const 64) (i32.const 4)))))))"#,
        asked.len()
    );
    let (mut recipe, _) = context.settings.app("downhill")?;
    recipe.name = "spinner".to_owned();
    recipe.shape = RecipeShape::Reactor;
    recipe.period_us = 2 * SPIN_US;
    recipe.deadline_us = None;
    recipe.permissions.sensors.clear();
    recipe.permissions.actuators.clear();
    let package = make(&recipe, &wat::parse_str(module)?, &context.settings.key)?;
    context.done(&["push", &context.file("spinner.cdam", &package)?])?;
    let slot = context.figure("spinner", "slot")?;
    ensure!(slot == 0, "the spinner is in slot {slot}");
    Ok(())
}
