// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Runs one app without a kernel: the baseline of the speed figures.
//!
//! The same runtime, the same interpreter with the same settings and the same module as in an app slot, but at EL1 on
//! the bare machine: no address spaces, no other protection domains, no interrupts. What a slot reaches of this speed is
//! what isolation leaves.
//!
//! The app may be a reactor, which is ticked 40 times, once a second as corebench is in its slot, or a command, which is
//! run to its end. Either gets as much fuel for an activation as a slot gives at most. Prints each line that it logs as `bare-metal: LINE`, then
//! `bare-metal: activations=N time_us=T fuel=F`, and switches the machine off.
#![no_std]
#![no_main]

extern crate alloc;

mod alarm;
mod host;
mod regions;

use core::{fmt::Write as _, panic::PanicInfo};

use cofferdam_boot_aarch64::{
    entry, mmu, power,
    tables::{Memory, Tables},
    uart::Uart,
};
use cofferdam_host_abi::{Limits, Shape};
use cofferdam_runtime::{Activation, App, Stop};
use cofferdam_slot_protocol::{AppName, Command, Counters, Orders, StopReason};

use crate::{alarm::Alarm, host::NoDevices};

/// The platform's facts, from `platform.toml`.
#[allow(dead_code, reason = "some of the platform's facts are needed, not all")]
mod platform {
    include!(concat!(env!("OUT_DIR"), "/platform.rs"));
}

static MODULE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/module.wasm"));
/// Ticks of a reactor: enough for a stable mean, few enough to wait for.
const TICKS: u64 = 40;
/// Between two ticks, as in corebench's manifest.
const PERIOD_US: u64 = 1_000_000;

entry!(main);

fn main() -> ! {
    let mut uart = regions::uart();
    match measure(&mut uart) {
        Ok(Figures { activations, time_us, fuel }) => {
            say(&mut uart, format_args!("activations={activations} time_us={time_us} fuel={fuel}"));
        }
        Err(Failure::Map(error)) => say(&mut uart, format_args!("cannot map memory: {error}")),
        Err(Failure::Stopped(stop)) => say(&mut uart, format_args!("stopped: {}", stop.detail)),
    }
    power::off()
}

struct Figures {
    activations: u64,
    time_us: u64,
    fuel: u64,
}

enum Failure {
    Map(cofferdam_boot_aarch64::tables::MapError),
    Stopped(Stop),
}

fn measure(uart: &mut Uart) -> Result<Figures, Failure> {
    map(regions::tables()).map_err(Failure::Map)?;
    regions::init_heap();

    let (mut app, most, period_us) = match load(Shape::Reactor) {
        Ok(reactor) => (reactor, TICKS, PERIOD_US),
        Err(stop) if stop.reason == StopReason::ExportMissing => {
            (load(Shape::Command).map_err(Failure::Stopped)?, u64::MAX, 0)
        }
        Err(stop) => return Err(Failure::Stopped(stop)),
    };
    let mut figures = Figures { activations: 0, time_us: 0, fuel: 0 };
    let mut alarm = Alarm::new();
    let first_us = host::now_us();
    let mut over = false;
    while !over && figures.activations < most {
        alarm.sleep_until(first_us + figures.activations * period_us);
        let begin_us = host::now_us();
        let outcome = app.activate(begin_us, u64::MAX);
        figures.time_us += host::now_us() - begin_us;

        let mut counters = Counters::default();
        app.count(&mut counters);
        figures.fuel += counters.fuel_last;
        figures.activations += 1;
        for line in app.host().lines.drain(..) {
            say(uart, format_args!("{line}"));
        }
        over = matches!(outcome.map_err(Failure::Stopped)?, Activation::Exited(_));
    }
    Ok(figures)
}

fn load(shape: Shape) -> Result<App<NoDevices>, Stop> {
    let orders = Orders {
        command: Command::Run,
        shape,
        name: AppName::EMPTY,
        module_length_bytes: MODULE.len() as u32,
        limits: Limits::MAXIMUM,
        ..Orders::idle(1)
    };
    App::load(&orders, MODULE, NoDevices::default())
}

fn map(tables: &'static mut Tables) -> Result<(), cofferdam_boot_aarch64::tables::MapError> {
    tables.map_identity(platform::GIC_START..platform::GIC_END, Memory::Device)?;
    tables.map_identity(platform::UART..platform::UART + 1, Memory::Device)?;
    tables.map_identity(platform::RAM_START..platform::RAM_END, Memory::Normal)?;
    // SAFETY: all of RAM, where this program is, the GIC and the UART are mapped to their own addresses; `entry` got here at
    // EL1 with the MMU off, on the only running core.
    unsafe { mmu::enable(tables) };
    Ok(())
}

fn say(uart: &mut Uart, text: core::fmt::Arguments<'_>) {
    // Nothing can be done about a line that cannot be written.
    let _ = writeln!(uart, "bare-metal: {text}");
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    say(&mut regions::uart(), format_args!("{info}"));
    power::off()
}
