// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A car, braked and driven by apps on the device against a simulator on this machine, in lockstep.
//!
//! The driver brakes with all there is and steers to the left. Without an app the demand passes through the guard, wheels lock
//! and the car goes straight on; with `abs` they turn, and it steers.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use cofferdam_client::recipe::RecipeShape;
use cofferdam_plant_protocol::TICK_US;
use cofferdam_simulator::{Begin, Flight};

use super::tests;
use crate::context::{Context, make};
use crate::harness::{Suite, System};
use crate::plant::{attach, figure, keeps};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "brake",
    about: "a car stops on dry, wet and icy roads, with and without abs; cruise holds its speed",
    system: System::ProductWithPlant,
    tests: tests![
        on_a_dry_road,
        on_a_wet_road,
        on_ice,
        cruise_holds_its_speed_uphill_in_rust_and_in_c,
        a_silent_controller_leaves_the_brake_to_the_driver,
    ],
};

const MOTOR: usize = 0;
const BRAKE: usize = 4;
/// For a stop of less than a minute, on a busy host.
const STOP_LIMIT: Duration = Duration::from_secs(400);

/// One stop; with `app`, from its first activation on.
pub fn stop(context: &mut Context<'_>, road: &str, app: Option<&str>) -> Result<Flight> {
    let begin = app.map_or(Begin::AtOnce, |_| Begin::WhenHeld(BRAKE));
    let mut simulator = attach(context, "car", road, begin)?;
    if let Some(app) = app {
        context.push(app, app)?;
    }
    simulator.wait(STOP_LIMIT, |progress| progress.over)?;
    let flight = simulator.leave()?;
    if let Some(app) = app {
        context.done(&["rm", app])?;
    }
    Ok(flight)
}

/// Each road, and the way with abs as part of the way without, at most. On ice a locked tyre holds 96 % of what it holds at best;
/// steering, which locked wheels do not do, takes what is left of that.
pub const ROADS: [(&str, f64); 3] = [("dry", 0.97), ("wet", 0.87), ("ice", 1.0)];

/// Whether abs makes the difference that it should.
pub fn differs(with: &Flight, without: &Flight, part: f64) -> Result<()> {
    let (way_with, way_without) = (figure(with, "stopping distance")?, figure(without, "stopping distance")?);
    let (aside_with, aside_without) =
        (figure(with, "steered aside by")?, figure(without, "steered aside by")?);
    let locked_s = figure(without, "a wheel was locked for")?;
    ensure!(locked_s > 1.0, "without abs no wheel locks: nothing is shown here");
    ensure!(aside_without.abs() < aside_with / 2.0, "without abs it steers as well: {aside_without} m");
    ensure!(
        way_with < part * way_without,
        "{way_with} m with abs, {way_without} m without, at most {part} of it"
    );
    Ok(())
}

/// Stops with and without abs on road `index` of [`ROADS`].
fn compare(context: &mut Context<'_>, index: usize) -> Result<()> {
    let (road, part) = ROADS[index];
    let with = stop(context, road, Some("abs"))?;
    keeps(&with)?;
    let without = stop(context, road, None)?;
    println!(
        "      without abs: {:.1} m, a wheel locked for {:.1} s, {:.1} m aside",
        figure(&without, "stopping distance")?,
        figure(&without, "a wheel was locked for")?,
        figure(&without, "steered aside by")?
    );
    differs(&with, &without, part)
}

fn on_a_dry_road(context: &mut Context<'_>) -> Result<()> {
    compare(context, 0)
}

fn on_a_wet_road(context: &mut Context<'_>) -> Result<()> {
    compare(context, 1)
}

fn on_ice(context: &mut Context<'_>) -> Result<()> {
    compare(context, 2)
}

/// Drives up the hill with this app.
fn cruise(context: &mut Context<'_>, app: &str) -> Result<Flight> {
    let mut simulator = attach(context, "car", "hill", Begin::WhenHeld(MOTOR))?;
    context.push(app, app)?;
    simulator.wait(STOP_LIMIT, |progress| progress.over)?;
    let flight = simulator.leave()?;
    context.done(&["rm", app])?;
    keeps(&flight)?;
    Ok(flight)
}

/// `cruise` is in Rust, `cruise-c` in C; they are the same to the car.
fn cruise_holds_its_speed_uphill_in_rust_and_in_c(context: &mut Context<'_>) -> Result<()> {
    let (rust, c) = (cruise(context, "cruise")?, cruise(context, "cruise-c")?);
    let late = !rust.late.is_empty() || !c.late.is_empty();
    ensure!(late || rust.digest == c.digest, "the C program drives otherwise");
    Ok(())
}

/// Of the app that falls silent, as `downhill` has it.
const PERIOD_US: u64 = 10_000;

/// An app that holds the brake at a tenth, whatever the driver does, and then falls silent while the driver brakes.
fn a_silent_controller_leaves_the_brake_to_the_driver(context: &mut Context<'_>) -> Result<()> {
    let module = r#"(module
          (import "cofferdam" "lease_acquire" (func $lease (param i32 i64) (result i64)))
          (import "cofferdam" "actuator_write" (func $write (param i32 f64) (result i32)))
          (memory (export "memory") 1)
          (global $ticks (mut i32) (i32.const 0))
          (func (export "cofferdam_init"))
          (func (export "cofferdam_tick") (param i64)
            (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
            (if (i32.le_u (global.get $ticks) (i32.const 150)) (then
              (if (i64.lt_s (call $lease (i32.const 4) (i64.const 30000)) (i64.const 0)) (then unreachable))
              (if (i32.ne (call $write (i32.const 4) (f64.const 0.1)) (i32.const 0)) (then unreachable))))))"#;
    let (mut recipe, _) = context.settings.app("downhill")?;
    recipe.name = "silent".to_owned();
    recipe.shape = RecipeShape::Reactor;
    recipe.permissions.sensors.clear();
    let package = make(&recipe, &wat::parse_str(module)?, &context.settings.key)?;
    let package = context.file("silent.cdam", &package)?;
    let mut simulator = attach(context, "car", "dry", Begin::WhenHeld(BRAKE))?;
    let position = context.position();
    context.done(&["push", &package])?;
    simulator.wait(STOP_LIMIT, |progress| progress.over)?;
    let flight = simulator.leave()?;
    let told = context.expect_from(position, "on brake ran out: safe value ")?;
    let held = flight.ticks.iter().rposition(|tick| tick.outputs[BRAKE].holder.is_some());
    let held = held.context("nobody held the brake")?;
    let (before, after) = flight.ticks.split_at(held + 1);
    let last = before.last().map(|tick| tick.outputs[BRAKE].value).context("no tick")?;
    ensure!((last - 0.1).abs() < 1e-6, "the app's value until the lease ends, not {last}");
    let full = after.iter().position(|tick| tick.outputs[BRAKE].value == 1.0);
    let late_us = full.ok_or_else(|| anyhow!("the driver's demand never passes"))? as u64 * TICK_US;
    println!(
        "      the driver's demand passes {late_us} us after the tick in which the lease had ended; {}",
        told.text
    );
    ensure!(late_us <= 2 * PERIOD_US, "{late_us} us, at most {}", 2 * PERIOD_US);
    Ok(())
}
