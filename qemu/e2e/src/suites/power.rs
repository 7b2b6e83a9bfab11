// SPDX-License-Identifier: Apache-2.0 OR MIT
//! QEMU is killed in the middle of things and booted again on the same disk.
//!
//! Killing QEMU cuts a request short, and loses what was not yet handed to the host; the host's own cache stays.
//! Lost and reordered writes are the business of the tests of `drivers/store`.

use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use cofferdam_client::Device;

use super::tests;
use crate::context::{Context, STEP_LIMIT, make, number};
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "power-loss",
    about: "QEMU is killed during installs and updates; after boot the old or the new state runs by itself",
    system: System::ProductWithDisk,
    tests: tests![
        apps_come_back_without_a_push,
        a_cut_install_is_there_or_not,
        a_cut_update_is_the_old_or_the_new_version,
        a_cut_rollback_is_the_one_or_the_other_version,
        a_foreign_disk_is_left_alone,
        without_a_disk_all_is_as_ever,
    ],
};

/// Cuts for each of install and update.
const CUTS: usize = 8;
/// The app that is cut.
const APP: &str = "cut";
/// Makes a package so long that writing it takes a while.
const PADDING_BYTES: usize = 800_000;

fn apps_come_back_without_a_push(context: &mut Context<'_>) -> Result<()> {
    let newer = context.package("downhill", "keeper-2.cdam", |recipe| {
        recipe.name = "keeper".to_owned();
        recipe.sequence = 2;
    })?;
    let older = context.package("downhill", "keeper-1.cdam", |recipe| {
        recipe.name = "keeper".to_owned();
        recipe.sequence = 1;
    })?;
    context.done(&["push", &newer])?;
    context.push("hello", "done")?;
    context.until_state("done", "exited")?;
    context.push("downhill", "standing")?;
    context.done(&["stop", "standing"])?;
    context.push("hello", "removed")?;
    context.done(&["rm", "removed"])?;

    context.cut_power();
    context.boot_again(true)?;
    context.expect("app keeper running")?;
    context.until_activated("keeper", 10)?;
    context.expect("/done: ")?;
    context.until_state("done", "exited")?;
    ensure!(context.state("standing")? == "stopped", "a stopped app runs after a boot");
    ensure!(context.entry("removed")?.is_none(), "a removed app is back");
    context.refused(&["push", &older], "ratchet")?;
    context.done(&["rm", "keeper"])?;
    context.boot_again(true)?;
    ensure!(context.entry("keeper")?.is_none(), "a removed app is back");
    context.refused(&["push", &older], "ratchet")
}

/// The control loop `downhill` in a long package.
fn padded(context: &Context<'_>, sequence: u64) -> Result<Vec<u8>> {
    let (mut recipe, mut module) = context.settings.app("downhill")?;
    recipe.name = APP.to_owned();
    recipe.sequence = sequence;
    // A custom section: its length in LEB128, its name, and bytes that mean nothing but differ.
    let content: Vec<u8> = [3, b'p', b'a', b'd']
        .into_iter()
        .chain((0..PADDING_BYTES).map(|at| (at as u64 * sequence) as u8))
        .collect();
    module.push(0);
    let mut length = content.len();
    while length > 0x7f {
        module.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    module.push(length as u8);
    module.extend(content);
    make(&recipe, &module, &context.settings.key)
}

/// Installs `package` and cuts the power `delay` after its upload is nearly over. Gives whether the device had
/// reported success by then, and how long that took.
fn install_and_cut(
    context: &mut Context<'_>,
    package: &[u8],
    delay: Option<Duration>,
) -> Result<(bool, Duration)> {
    let mut device: Device<'_> = context.device()?;
    let (sender, uploaded) = mpsc::channel();
    let nearly = package.len() * 9 / 10;
    thread::scope(|scope| {
        let installing = scope.spawn(move || {
            let outcome = device.install(package, true, &mut |received| {
                if received as usize >= nearly {
                    let _ = sender.send(Instant::now());
                }
            });
            (outcome, Instant::now())
        });
        let begun = uploaded.recv_timeout(STEP_LIMIT).context("waiting for the upload");
        if let (Some(delay), Ok(begun)) = (delay, &begun) {
            // Where the cut falls is chance; what is tested holds for every place.
            thread::sleep((*begun + delay).saturating_duration_since(Instant::now()));
            context.cut_power();
        }
        let (outcome, ended) = installing.join().map_err(|_| anyhow!("the installing thread panicked"))?;
        let begun = begun?;
        if delay.is_none() {
            outcome.as_ref().map_err(|error| anyhow!("install: {error}"))?;
            context.cut_power();
        }
        Ok((outcome.is_ok(), ended.saturating_duration_since(begun)))
    })
}

/// The app's sequence number after a boot, if it is there; it must run by itself then.
fn found(context: &Context<'_>) -> Result<Option<u64>> {
    let Some(entry) = context.entry(APP)? else { return Ok(None) };
    context.until_activated(APP, 5)?;
    number(&entry, "sequence").map(Some)
}

/// Cuts installs of ever newer versions closer and closer to the moment at which they count.
fn cut_again_and_again(context: &mut Context<'_>, installed_before: bool) -> Result<()> {
    let mut present = None;
    let mut newest = 1;
    if installed_before {
        let package = padded(context, newest)?;
        context.device()?.install(&package, true, &mut |_| {})?;
        present = Some(newest);
    }
    // Whoever was told so has it.
    newest += 1;
    let package = padded(context, newest)?;
    let (_, whole) = install_and_cut(context, &package, None)?;
    context.boot_again(true)?;
    ensure!(found(context)? == Some(newest), "what was reported as installed is lost");
    if installed_before {
        present = Some(newest);
    } else {
        context.done(&["rm", APP])?;
    }

    let (mut early, mut late) = (Duration::ZERO, whole * 2);
    let (mut old, mut new) = (0, 1);
    for cut in 0..CUTS {
        newest += 1;
        let package = padded(context, newest)?;
        let delay = if cut == 0 { early } else { early + (late - early) / 2 };
        let (reported, _) = install_and_cut(context, &package, Some(delay))?;
        context.boot_again(true)?;
        let after = found(context)?;
        if after == Some(newest) {
            new += 1;
            late = delay;
            if installed_before {
                present = after;
            }
            let before = context.file("older.cdam", &padded(context, newest - 1)?)?;
            context.refused(&["push", &before], "ratchet")?;
        } else {
            ensure!(!reported, "what was reported as installed is lost (cut {cut}, {delay:?})");
            ensure!(after == present, "a third state: {after:?} after {present:?} (cut {cut}, {delay:?})");
            old += 1;
            early = delay;
        }
        if !installed_before && after.is_some() {
            context.done(&["rm", APP])?;
        }
    }
    println!(
        "      counts: power cuts survived: {}, {old} with the old state, {new} with the new one",
        old + new
    );
    ensure!(old > 0, "no cut came before the end");
    // The disk goes on.
    let package = context.file("last.cdam", &padded(context, newest + 1)?)?;
    context.done(&["push", &package])?;
    context.boot_again(true)?;
    ensure!(found(context)? == Some(newest + 1), "the last install is lost");
    Ok(())
}

fn a_cut_install_is_there_or_not(context: &mut Context<'_>) -> Result<()> {
    cut_again_and_again(context, false)
}

fn a_cut_update_is_the_old_or_the_new_version(context: &mut Context<'_>) -> Result<()> {
    // The ratchets know this name from the test before.
    let disk = context.disk()?.to_owned();
    context.cut_power();
    fs::remove_file(&disk)?;
    context.boot_again(true)?;
    cut_again_and_again(context, true)
}

/// A rollback is one record: where each cut falls is chance, and every place has to do.
fn a_cut_rollback_is_the_one_or_the_other_version(context: &mut Context<'_>) -> Result<()> {
    const APP: &str = "rolled";
    let (mut newer, mut older) = (0, 0);
    for cut in 0..CUTS as u64 {
        let (first, second) = (2 * cut + 1, 2 * cut + 2);
        let package = |sequence: u64| {
            context.package("downhill", &format!("{APP}-{sequence}.cdam"), |recipe| {
                recipe.name = APP.to_owned();
                recipe.sequence = sequence;
            })
        };
        let before = package(first)?;
        context.done(&["push", &before])?;
        context.done(&["push", &package(second)?])?;
        let mut device = context.device()?;
        let (sender, begun) = mpsc::channel();
        let reported = thread::scope(|scope| -> Result<bool> {
            let rolling = scope.spawn(move || {
                let _ = sender.send(());
                device.roll_back(APP).is_ok()
            });
            begun.recv().context("the other thread")?;
            thread::sleep(Duration::from_millis(cut * 3));
            context.cut_power();
            rolling.join().map_err(|_| anyhow!("the thread panicked"))
        })?;
        context.boot_again(true)?;
        let entry = context.entry(APP)?.ok_or_else(|| anyhow!("{APP} is lost"))?;
        let found = entry["sequence"].as_u64();
        ensure!(found == Some(first) || found == Some(second), "a third state: {entry}");
        ensure!(found == Some(first) || !reported, "a rollback was reported and is lost: {entry}");
        context.until_activated(APP, 5)?;
        if found == Some(first) {
            older += 1;
            // The version gone back from is gone, and the ratchet has not gone back with it.
            context.refused(&["rollback", APP], "no version")?;
        } else {
            newer += 1;
        }
        context.refused(&["push", &before], "ratchet")?;
    }
    println!("      {CUTS} power cuts: {newer} times before the rollback, {older} times after it");
    Ok(())
}

fn a_foreign_disk_is_left_alone(context: &mut Context<'_>) -> Result<()> {
    let disk = context.disk()?.to_owned();
    context.cut_power();
    let ours = fs::read(&disk)?;
    let mut foreign = vec![0; ours.len()];
    foreign[1024..1030].copy_from_slice(b"not us");
    fs::write(&disk, &foreign)?;
    context.boot_again(true)?;
    context.expect("the disk holds something else and is left alone")?;
    let package = context.package("hello", "foreign.cdam", |_| ())?;
    context.refused(&["push", &package], "cannot be kept on the disk")?;
    context.cut_power();
    ensure!(fs::read(&disk)? == foreign, "the foreign disk was written");
    fs::write(&disk, &ours)?;
    context.boot_again(true)
}

fn without_a_disk_all_is_as_ever(context: &mut Context<'_>) -> Result<()> {
    context.boot_again(false)?;
    context.expect("no disk: apps, ratchets, keys and the event log last until the next boot")?;
    context.push("hello", "fleeting")?;
    context.until_state("fleeting", "exited")?;
    context.boot_again(true)?;
    ensure!(context.entry("fleeting")?.is_none(), "an app came from nowhere");
    Ok(())
}
