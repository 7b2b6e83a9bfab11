// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Wasm speed: corebench in an app slot, and the same module in the same interpreter without a kernel.
//!
//! corebench logs `iterations=I time_us=T fuel=F checksum=C` once a tick, with the time that it took itself.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use cofferdam_qemu::{Clock, Console, KernelKind, Machine, MachineOptions};

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
    let (mut slot, mut bare) = (Vec::new(), Vec::new());
    // By turns, so that a host that slows down slows both.
    for _ in 0..arguments.runs.min(3) {
        bare.extend(bare_metal(settings, arguments, Clock::Host)?);
        slot.extend(in_slot(settings, System::Product)?);
    }
    ratio(slot, bare, "host clock")
}

/// By executed instructions: independent of the host's load, but blind to what an instruction costs.
pub fn by_instructions(settings: &Settings, arguments: &Arguments) -> Result<Measured> {
    only_without_budgets(settings)?;
    let bare = bare_metal(settings, arguments, Clock::Instructions)?;
    let slot = in_slot(settings, System::ProductByInstructions)?;
    ratio(slot, bare, "-icount shift=0, one instruction = one nanosecond")
}

fn ratio(slot: Vec<f64>, bare: Vec<f64>, clock: &str) -> Result<Measured> {
    let ticks = slot.len();
    let fastest = |speeds: &[f64]| speeds.iter().copied().fold(0.0, f64::max);
    let of_fastest = fastest(&slot) / fastest(&bare);
    let slot = median(slot).ok_or_else(|| anyhow!("no tick in the slot"))?;
    let bare = median(bare).ok_or_else(|| anyhow!("no tick on bare metal"))?;
    Ok(Measured {
        value: slot / bare,
        how: format!(
            "{APP}, units of fuel a microsecond: {slot:.1} in an app slot, {bare:.1} in the same interpreter at EL1 without \
             a kernel (qemu/bare-metal), ticked once a second in both; medians of {ticks} ticks (the fastest ticks: \
             {of_fastest:.3} ×); {clock}"
        ),
    })
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
        let speed = field(&line.text, "fuel").zip(field(&line.text, "time_us")).map(|(fuel, us)| fuel / us);
        speeds.push(speed.ok_or_else(|| anyhow!("no figures in: {line}"))?);
    }
    Ok(speeds)
}

fn in_slot(settings: &Settings, system: System) -> Result<Vec<f64>> {
    let context = boot_product(settings, system)?;
    context.push(APP, APP)?;
    speeds(context.console(), &format!("/{APP}: iterations="))
}

fn bare_metal(settings: &Settings, arguments: &Arguments, clock: Clock) -> Result<Vec<f64>> {
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
    let machine = Machine::start(&options)?;
    speeds(machine.console(), BARE_METAL_MARK)
}
