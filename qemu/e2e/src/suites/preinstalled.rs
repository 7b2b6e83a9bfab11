// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Apps that are built into the image (`make images` puts `hello` and `downhill` into the image `preinstalled`).

use anyhow::{Result, ensure};

use super::tests;
use crate::context::Context;
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "preinstalled",
    about: "signed apps of the image run after boot without a push, and a disk decides what becomes of them",
    system: System::VariantWithDisk("preinstalled"),
    tests: tests![without_a_disk_they_run_after_every_boot, with_a_disk_what_was_removed_stays_removed],
};

fn without_a_disk_they_run_after_every_boot(context: &mut Context<'_>) -> Result<()> {
    for _ in 0..2 {
        context.boot_again(false)?;
        context.expect("installed downhill")?;
        context.expect("/hello: hello from a protection domain")?;
        context.until_state("hello", "exited")?;
        context.until_activated("downhill", 10)?;
        // It is like any other app from here on, until the next boot.
        context.done(&["rm", "downhill"])?;
        ensure!(context.entry("downhill")?.is_none(), "it was not removed");
    }
    Ok(())
}

fn with_a_disk_what_was_removed_stays_removed(context: &mut Context<'_>) -> Result<()> {
    // They were installed at the suite's first boot, and removed to make the device ready for its tests.
    context.boot_again(true)?;
    context.expect("the image's downhill is known here")?;
    ensure!(
        context.entry("downhill")?.is_none() && context.entry("hello")?.is_none(),
        "a removed app is back"
    );
    let newer = context.package("downhill", "newer.cdam", |recipe| recipe.sequence += 1)?;
    context.done(&["push", &newer])?;
    context.boot_again(true)?;
    context.until_activated("downhill", 10)?;
    let entry = context.entry("downhill")?.unwrap_or_default();
    ensure!(entry["sequence"] == 2, "the image's release has taken the place of a newer one: {entry}");
    Ok(())
}
