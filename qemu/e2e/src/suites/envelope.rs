// SPDX-License-Identifier: Apache-2.0 OR MIT
//! How soon an output is on its way to its safe state once nobody holds it, whoever has died before.
//!
//! The image is that of the suite `lifecycle`: an app can ask its slot to fault, the network gateway and wasm_manager. Virtual
//! time follows executed instructions, so what is late is late by what runs inside the machine. `actuator_guard` says how long
//! after the end of a lease it has acted; a control period of the app is 10 ms.

use anyhow::{Context as _, Result, ensure};
use cofferdam_client::recipe::RecipeShape;

use super::lifecycle::{kill_gateway, kill_manager, seconds};
use crate::context::{Context, make};
use crate::harness::{Suite, System, Test};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "envelope",
    about: "outputs are on their way to their safe states within two control periods, whoever dies",
    system: System::VariantWithDisk("lifecycle"),
    tests: TESTS,
};

/// What ends a lease: its name, and what lets it happen and gives the time from that end to the way to the safe state, us.
pub type Cause = (&'static str, fn(&mut Context<'_>) -> Result<u64>);

/// Each is a test, and part of a figure.
macro_rules! causes {
    ($($name:ident),+ $(,)?) => {
        const TESTS: &[Test] =
            &[$(Test { name: stringify!($name), run: |context| in_time($name(context)?) }),+];
        /// All of them; a device has to be new, as packages are numbered.
        pub const CAUSES: &[Cause] = &[$((stringify!($name), $name)),+];
    };
}

causes![
    an_app_falls_silent,
    an_app_renews_but_writes_nothing,
    a_slot_faults,
    the_gateway_dies_then_the_app_falls_silent,
    the_manager_dies_then_the_app_falls_silent,
    the_network_goes_then_the_app_falls_silent,
];

const HOLDER: &str = "holder";
/// Of the app that holds the output.
pub const PERIOD_US: u64 = 10_000;
/// Three periods, so that a late tick loses nothing.
const LEASE_US: u64 = 3 * PERIOD_US;
/// The goal.
pub const LATE_MAX_US: u64 = 2 * PERIOD_US;

/// An app that holds the brake at a half for `ticks` ticks, and then does `end` in each.
fn push(context: &Context<'_>, sequence: u64, ticks: u32, end: &str) -> Result<usize> {
    let module = format!(
        r#"(module
          (import "cofferdam" "log" (func $log (param i32 i32 i32) (result i32)))
          (import "cofferdam" "lease_acquire" (func $lease (param i32 i64) (result i64)))
          (import "cofferdam" "actuator_write" (func $write (param i32 f64) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "fault")
          (data (i32.const 16) "holds")
          (global $ticks (mut i32) (i32.const 0))
          (func $renew (if (i64.lt_s (call $lease (i32.const 4) (i64.const {LEASE_US})) (i64.const 0)) (then unreachable)))
          (func (export "cofferdam_init"))
          (func (export "cofferdam_tick") (param i64)
            (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
            (if (i32.le_u (global.get $ticks) (i32.const {ticks})) (then
              (call $renew)
              (if (i32.ne (call $write (i32.const 4) (f64.const 0.5)) (i32.const 0)) (then unreachable))
              (if (i32.eq (global.get $ticks) (i32.const 5))
                (then (drop (call $log (i32.const 3) (i32.const 16) (i32.const 5))))))
            (else {end}))))"#
    );
    let (mut recipe, _) = context.settings.app("downhill")?;
    recipe.name = HOLDER.to_owned();
    recipe.sequence = sequence;
    recipe.shape = RecipeShape::Reactor;
    recipe.permissions.sensors.clear();
    let package = make(&recipe, &wat::parse_str(module)?, &context.settings.key)?;
    let position = context.position();
    context.done(&["push", &context.file("holder.cdam", &package)?])?;
    context.expect_from(position, "/holder: holds")?;
    Ok(position)
}

fn in_time(late_us: u64) -> Result<()> {
    println!("      on its way to the safe state {late_us} us after the end of the lease");
    ensure!(late_us <= LATE_MAX_US, "{late_us} us, at most {LATE_MAX_US}");
    Ok(())
}

/// Waits until the guard says that the brake is safe because the lease `why`, and how long after that it acted.
fn safe(context: &Context<'_>, position: usize, why: &str) -> Result<u64> {
    let words = format!("on brake {why}: safe value ");
    let line = context.expect_from(position, &words)?;
    let late = line.text.split_once(&words).and_then(|(_, rest)| rest.split_once(" us later"));
    late.and_then(|(us, _)| us.parse().ok()).with_context(|| format!("no time in {line}"))
}

fn an_app_falls_silent(context: &mut Context<'_>) -> Result<u64> {
    let position = push(context, 1, 200, "nop")?;
    safe(context, position, "ran out")
}

/// To renew is not enough: a value that is too old is none.
fn an_app_renews_but_writes_nothing(context: &mut Context<'_>) -> Result<u64> {
    let position = push(context, 2, 200, "(drop (call $lease (i32.const 4) (i64.const 30000)))")?;
    safe(context, position, "had an old value")
}

/// The manager takes the permission back, which ends the lease before its time: the time since the fault counts.
fn a_slot_faults(context: &mut Context<'_>) -> Result<u64> {
    context.announce("panicked at");
    context.announce("app holder");
    let position = push(context, 3, 200, "(drop (call $log (i32.const 3) (i32.const 0) (i32.const 5)))")?;
    // A kernel for debugging prints the same before it, without a time.
    let fault = seconds(&context.expect_from(position, "] app_slot_0: panicked at")?.text)?;
    let safe = seconds(&context.expect_from(position, "on brake taken back: safe value")?.text)?;
    Ok(((safe - fault) * 1e6).round() as u64)
}

fn the_gateway_dies_then_the_app_falls_silent(context: &mut Context<'_>) -> Result<u64> {
    context.announce("panicked at");
    context.announce("'gateway' faulted");
    let position = push(context, 4, 2000, "nop")?;
    kill_gateway(context)?;
    context.expect_from(position, "gateway starts again")?;
    safe(context, position, "ran out")
}

fn the_manager_dies_then_the_app_falls_silent(context: &mut Context<'_>) -> Result<u64> {
    context.announce("panicked at");
    context.announce("'wasm_manager' faulted");
    let position = push(context, 5, 2000, "nop")?;
    kill_manager(context)?;
    context.expect_from(position, "wasm_manager starts again")?;
    let late_us = safe(context, position, "ran out")?;
    context.until_served("wasm_manager's fault")?;
    Ok(late_us)
}

fn the_network_goes_then_the_app_falls_silent(context: &mut Context<'_>) -> Result<u64> {
    let position = push(context, 6, 2000, "nop")?;
    context.machine().plug_network(false)?;
    let unheard = context.cofferdam(&["ls"])?;
    ensure!(!unheard.status.success(), "the plug is in place: {unheard}");
    let late_us = safe(context, position, "ran out")?;
    context.machine().plug_network(true)?;
    context.until_served("the network's return")?;
    Ok(late_us)
}
