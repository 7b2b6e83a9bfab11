// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Wasm speed: corebench in an app slot, and the same module in the same interpreter without a kernel.
//!
//! corebench logs `iterations=I time_us=T fuel=F checksum=C` once a tick, with the time that it took itself.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use cofferdam_qemu::{Clock, Console, KernelKind, Line, Machine, MachineOptions};

use super::product::boot_product;
use super::{Arguments, Measured, field, median};
use crate::context::Settings;
use crate::harness::{Skip, System};

/// What is run.
const APP: &str = "corebench";
/// Ticks whose speed counts, of each run.
const TICKS: usize = 10;
/// For all of them, on a busy host and with counted instructions.
const LIMIT: Duration = Duration::from_secs(180);
/// Begins the lines of the program without a kernel.
const BARE_METAL_MARK: &str = "bare-metal: iterations=";

/// By the machine's clock, which is the host's here.
pub fn by_time(settings: &Settings, arguments: &Arguments) -> Result<Measured> {
    only_without_budgets(settings)?;
    let mut bare = bare_metal(settings, arguments, Clock::Host)?;
    bare.hold()?;
    let mut context = boot_product(settings, System::Product)?;
    context.push(APP, APP)?;
    context.machine().hold()?;
    let mark = slot_mark();
    // Tick by tick in turn, so that a host that slows down slows both: its speed varies by a third within minutes.
    let pairs = TICKS * usize::from(arguments.runs.min(3));
    let (mut in_slot, mut on_bare_metal) = (Vec::new(), Vec::new());
    for _ in 0..pairs {
        on_bare_metal.push(next_tick(&mut bare, BARE_METAL_MARK)?);
        in_slot.push(next_tick(context.machine(), &mark)?);
    }
    let ratios = in_slot.iter().zip(&on_bare_metal).map(|(slot, bare)| slot / bare).collect();
    let value = median(ratios).ok_or_else(|| anyhow!("no pair of ticks"))?;
    let clock = format!("median of {pairs} ratios of two ticks, one after the other; host clock");
    measured(value, in_slot, on_bare_metal, &clock)
}

/// By executed instructions: independent of the host's load, but blind to what an instruction costs.
pub fn by_instructions(settings: &Settings, arguments: &Arguments) -> Result<Measured> {
    only_without_budgets(settings)?;
    let bare = bare_metal(settings, arguments, Clock::Instructions)?;
    let bare = speeds(bare.console(), BARE_METAL_MARK)?;
    let context = boot_product(settings, System::ProductByInstructions)?;
    context.push(APP, APP)?;
    let slot = speeds(context.console(), &slot_mark())?;
    let value = median(slot.clone())
        .zip(median(bare.clone()))
        .map(|(slot, bare)| slot / bare)
        .ok_or_else(|| anyhow!("no tick"))?;
    measured(value, slot, bare, "ratio of the medians; -icount shift=0, one instruction = one nanosecond")
}

fn measured(value: f64, slot: Vec<f64>, bare: Vec<f64>, how: &str) -> Result<Measured> {
    let fastest = |speeds: &[f64]| speeds.iter().copied().fold(0.0, f64::max);
    let of_fastest = fastest(&slot) / fastest(&bare);
    let (slot, bare) = median(slot).zip(median(bare)).ok_or_else(|| anyhow!("no tick"))?;
    let of_medians = slot / bare;
    Ok(Measured {
        value,
        how: format!(
            "{APP}, units of fuel a microsecond: {slot:.1} in an app slot, {bare:.1} in the same interpreter at EL1 without \
             a kernel (qemu/bare-metal), ticked once a second in both (medians: {of_medians:.3} ×, fastest ticks: \
             {of_fastest:.3} ×); {how}"
        ),
    })
}

/// Lets a held machine run through its next tick and holds it again: the tick's units of fuel a microsecond.
fn next_tick(machine: &mut Machine, mark: &str) -> Result<f64> {
    let position = machine.console().position();
    machine.go_on()?;
    let line = machine.console().wait_for_text(position, Instant::now() + LIMIT, mark);
    machine.hold()?;
    speed(&line.context("waiting for a tick of corebench")?.1)
}

/// With budgets it would be the slot's share of the time that is measured.
fn only_without_budgets(settings: &Settings) -> Result<()> {
    if settings.kernel == KernelKind::Sdk {
        let reason =
            "a slot's budget is a fifth of the time: measured on the kernel without budgets (KERNEL=crates)";
        bail!(Skip(reason.to_owned()));
    }
    Ok(())
}

/// Units of fuel a microsecond, of each tick.
fn speeds(console: &Console, mark: &str) -> Result<Vec<f64>> {
    let deadline = Instant::now() + LIMIT;
    let mut speeds = Vec::new();
    let mut position = 0;
    while speeds.len() < TICKS {
        let (next, line) =
            console.wait_for_text(position, deadline, mark).context("waiting for a tick of corebench")?;
        position = next;
        speeds.push(speed(&line)?);
    }
    Ok(speeds)
}

fn speed(line: &Line) -> Result<f64> {
    let speed = field(&line.text, "fuel").zip(field(&line.text, "time_us")).map(|(fuel, us)| fuel / us);
    speed.ok_or_else(|| anyhow!("no figures in: {line}"))
}

fn slot_mark() -> String {
    format!("/{APP}: iterations=")
}

fn bare_metal(settings: &Settings, arguments: &Arguments, clock: Clock) -> Result<Machine> {
    let path = match &arguments.bare_metal {
        Some(path) => path.clone(),
        None => {
            settings.output.with_file_name(PathBuf::from("target/aarch64-unknown-none/device/bare-metal"))
        }
    };
    ensure!(
        path.is_file(),
        "{} is not there; toolchain/cargo bare build -p bare-metal --profile device builds it",
        path.display()
    );
    let options = MachineOptions { network: false, clock, ..MachineOptions::new(path) };
    Ok(Machine::start(&options)?)
}
