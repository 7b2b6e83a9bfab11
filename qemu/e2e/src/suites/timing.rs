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
    about: "a slot that spins or calls servers without end, and a network flood, leave control loops their release times",
    system: System::VariantByInstructions("timing"),
    tests: tests![a_network_flood, a_spinning_slot, a_storm_of_calls, used_up_budgets_of_the_manager],
};

/// How late a loop may begin, in µs, with budgets as in `system.xml` (kernel/README.md derives the figures).
///
/// Servers above all slots: an event of each of `timer_driver`, `sensor_hub` and `actuator_guard`.
const SERVERS_US: u64 = 100;
/// Slots 0 and 1 may take so much, once, before a loop below them begins.
const SLOT_BUDGET_US: u64 = 100;

/// The fast and the slow loop, while slot 0 spins: one budget of each slot above.
const SPIN_BOUND_US: [u64; 2] = [SERVERS_US + SLOT_BUDGET_US, SERVERS_US + 2 * SLOT_BUDGET_US];
/// The same, while slot 0 calls servers without end: they work no longer for a slot than it takes to ask them.
const STORM_BOUND_US: [u64; 2] = [SERVERS_US + 2 * SLOT_BUDGET_US, SERVERS_US + 4 * SLOT_BUDGET_US];

/// So many floods, one after the other, until the fast loop was released so often.
const FLOODS_MAX: u32 = 20;
const RELEASES: u64 = 101;

/// How long slot 0 spins.
const SPIN_US: u64 = 500_000;
/// How long it calls: shorter, as an emulator takes long to change address spaces.
const STORM_US: u64 = 50_000;

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
    let mut flood = loops::Flood::default();
    let released = loops::meanwhile(context, &FAST, RELEASES, FLOODS_MAX, || {
        flood = loops::flood(context)?;
        Ok(())
    })?;
    ensure!(released >= RELEASES, "the floods were over too soon: {released} releases");
    for one in [FAST, SLOW] {
        let timing = loops::timing(context, &one)?;
        println!("      {}: {timing:?} ({flood:?})", one.name);
        check_bounded(&one, &timing, SERVERS_US)?;
    }
    Ok(())
}

fn a_spinning_slot(context: &mut Context<'_>) -> Result<()> {
    loops::start(context)?;
    misbehave(context, &format!("spin {SPIN_US}"), 1)?;
    let used_up = context.figure(SPINNER, "budgets_used_up")?;
    println!("      budgets used up by the spinner: {used_up}");
    check(context, SPIN_US, SPIN_BOUND_US)?;
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

/// A slot whose own code calls servers without end: what they do for it is charged to them, not to the slot.
fn a_storm_of_calls(context: &mut Context<'_>) -> Result<()> {
    for (server, sequence) in ["timer", "sensors", "actuators", "topics", "all"].into_iter().zip(2..) {
        loops::start(context)?;
        let position = context.position();
        misbehave(context, &format!("storm {server} {STORM_US}"), sequence)?;
        let rounds = context.expect_from(position, "storm of ")?;
        println!("      {server}: {}", rounds.text);
        check(context, STORM_US, STORM_BOUND_US)?;
        for name in [SPINNER, FAST.name, SLOW.name] {
            context.done(&["rm", name])?;
        }
    }
    Ok(())
}

/// Both loops, after slot 0 has misbehaved for so long: within the bound with budgets; without, they stood still meanwhile.
fn check(context: &Context<'_>, misbehaved_us: u64, bound_us: [u64; 2]) -> Result<()> {
    for (one, bound_us) in [FAST, SLOW].into_iter().zip(bound_us) {
        let timing = loops::timing(context, &one)?;
        println!("      {}: {timing:?}", one.name);
        match context.settings.kernel {
            KernelKind::Sdk => check_bounded(&one, &timing, bound_us)?,
            KernelKind::Crates => {
                let releases = misbehaved_us / one.period_us;
                ensure!(
                    timing.missed >= releases - 2,
                    "{} did not starve, which is news: {timing:?}",
                    one.name
                );
            }
        }
    }
    Ok(())
}

/// Signatures take it longer than its budget, also at boot; its parent says so.
fn used_up_budgets_of_the_manager(context: &mut Context<'_>) -> Result<()> {
    let told = "supervisor: wasm_manager has used up its budget";
    match context.settings.kernel {
        KernelKind::Sdk => context.expect_from(0, told).map(drop),
        KernelKind::Crates => {
            let lines = context.console().lines_from(0);
            ensure!(!lines.iter().any(|line| line.text.contains(told)), "a kernel without budgets: {told}");
            Ok(())
        }
    }
}

const SPINNER: &str = "spinner";

/// An app in slot 0 whose first tick makes its slot's own code do what `asked` says; returns when that is over. Each needs
/// a higher `sequence` than the one before.
fn misbehave(context: &Context<'_>, asked: &str, sequence: u64) -> Result<()> {
    let module = format!(
        r#"(module
          (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "{asked}")
          (data (i32.const 64) "done")
          (global $done (mut i32) (i32.const 0))
          (func (export "cofferdam_init"))
          (func (export "cofferdam_tick") (param i64)
            (if (i32.eqz (global.get $done)) (then
              (global.set $done (i32.const 1))
              (drop (call $log (i32.const 3) (i32.const 0) (i32.const {})))
              (drop (call $log (i32.const 3) (i32.const 64) (i32.const 4)))))))"#,
        asked.len()
    );
    let (mut recipe, _) = context.settings.app("downhill")?;
    recipe.name = SPINNER.to_owned();
    recipe.sequence = sequence;
    recipe.shape = RecipeShape::Reactor;
    recipe.period_us = 10_000;
    recipe.deadline_us = None;
    // So many calls a second that hardly one is refused: a refusal costs a server less.
    recipe.limits.host_calls_per_activation = Some(4_096);
    recipe.permissions.sensors = vec!["imu".into()];
    recipe.permissions.publish = vec!["storm".into()];
    let package = make(&recipe, &wat::parse_str(module)?, &context.settings.key)?;
    let position = context.position();
    context.done(&["push", &context.file("spinner.cdam", &package)?])?;
    context.expect_from(position, "/spinner: done")?;
    let slot = context.figure(SPINNER, "slot")?;
    ensure!(slot == 0, "the spinner is in slot {slot}");
    Ok(())
}
