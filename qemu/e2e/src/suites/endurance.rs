// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Many installs: memory stays flat and every one works like the first.

use anyhow::{Context as _, Result, ensure};
use cofferdam_management_protocol::AppState;

use super::tests;
use crate::context::Context;
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "endurance",
    about: "200 install and remove cycles with each of two apps, with flat memory",
    system: System::Product,
    tests: tests![two_hundred_installs],
};

/// With each app.
const CYCLES: u32 = 200;
/// By then every table and buffer has its size, and the event log is full of entries about this app.
const WARM_UP: u32 = 150;
/// How much the manager's heap may differ between then and the end: less than one small package.
const TOLERANCE_BYTES: u64 = 4096;

/// Through the library, which takes a tenth of the time of starting the tool for each; the tool's own way in is
/// tested elsewhere.
fn two_hundred_installs(context: &mut Context<'_>) -> Result<()> {
    context.push("downhill", "neighbour")?;
    let begun_with = context.until_activated("neighbour", 1)?;
    let settings = context.settings;
    let packages = [
        settings.package_by("hello", &settings.key, |recipe| recipe.name = "cycle".to_owned())?,
        settings.package_by("downhill", &settings.key, |recipe| {
            recipe.name = "cycle".to_owned();
            recipe.sequence += 1;
        })?,
    ];
    // The ratchet lets nobody go back: first the one app, then the other.
    for package in &packages {
        let mut warm = 0;
        for cycle in 1..=CYCLES {
            let mut device = context.device()?;
            device.install(package, true, &mut |_| {}).with_context(|| format!("install {cycle}"))?;
            while device.list()?.iter().any(|app| app.name == "cycle" && app.state == AppState::Starting) {}
            device.remove("cycle").with_context(|| format!("remove {cycle}"))?;
            if cycle == WARM_UP {
                warm = device.status()?.manager_heap_bytes;
            }
        }
        let now = context.device()?.status()?.manager_heap_bytes;
        ensure!(
            now.abs_diff(warm) <= TOLERANCE_BYTES,
            "the manager's heap went from {warm} bytes after {WARM_UP} cycles to {now} after {CYCLES}"
        );
    }
    let status = context.device()?.status()?;
    ensure!(status.installs >= 2 * u64::from(CYCLES), "only {} installs counted", status.installs);
    ensure!(status.slot_faults == 0, "{} slot faults", status.slot_faults);
    ensure!(status.free_slots == status.slots - 1, "{} slots are free", status.free_slots);
    ensure!(context.figure("neighbour", "activations")? > begun_with, "the neighbour was disturbed");
    // And the last one works like the first.
    context.push("hello", "afterwards")?;
    context.expect("/afterwards: ")?;
    context.until_state("afterwards", "exited")
}
