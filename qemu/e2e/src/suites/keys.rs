// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Keys come and go while the device runs, and the event log tells of it.
//!
//! The image's key has to be a root key (`root = true`), as `cofferdam keygen` makes it. The machine keeps its disk
//! from test to test, so each list is newer than those of the tests before.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use cofferdam_client::keys;
use cofferdam_package::SigningKey;
use cofferdam_policy::list::{LAYOUT, add_signature, unsigned};
use cofferdam_policy::{Anchor, Grant, KeyList};

use super::tests;
use crate::context::{Context, check_refused, number};
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "keys",
    about: "signed lists of keys rotate and revoke, over reboots and loss of power; the event log is checked offline",
    system: System::ProductWithDisk,
    tests: tests![
        keys_come_and_go_and_stay_gone,
        a_cut_change_is_the_old_or_the_new_list,
        the_event_log_is_exported_and_checked,
    ],
};

/// Cuts while a list is taken.
const CUTS: u64 = 6;

/// A list with the image's key as root key, and `others`.
fn list(
    context: &Context<'_>,
    version: u64,
    others: &[(&str, &SigningKey)],
    stop_revoked: bool,
) -> Result<Vec<u8>> {
    let (recipe, module) = context.settings.app("hello")?;
    let common = recipe.manifest(&module)?.common; // for this device's vendor and class
    let anchor = |name: &str, key: &SigningKey, root| Anchor {
        name: name.to_owned(),
        public_key: key.public(),
        root,
        grant: Grant::everything(),
    };
    let own = std::iter::once(anchor("development", &context.settings.key, true));
    let list = KeyList {
        layout: LAYOUT,
        version,
        vendor_id: common.vendor_id,
        class_id: common.class_id,
        threshold: 1,
        stop_revoked,
        anchors: own.chain(others.iter().map(|(name, key)| anchor(name, key, false))).collect(),
    };
    Ok(add_signature(&unsigned(&list), &context.settings.key)?)
}

/// The version in force.
fn version(context: &Context<'_>) -> Result<u64> {
    number(&context.json(&["keys", "list"])?, "version")
}

fn keys_come_and_go_and_stay_gone(context: &mut Context<'_>) -> Result<()> {
    let supplier = keys::generate()?;
    let supplier_path: PathBuf = context.key_file("supplier.key", &supplier)?;
    let package = |name: &str| {
        context.settings.package_by("downhill", &supplier, |recipe| recipe.name = name.to_owned())
    };
    let theirs = context.file("theirs.cdam", &package("theirs")?)?;
    let next = context.file("next.cdam", &package("next")?)?;
    let first = version(context)?;
    context.refused(&["push", &theirs], "unknown key")?;

    // In: its packages and its commands count.
    let with = context.file("with.keys", &list(context, first + 1, &[("supplier", &supplier)], false)?)?;
    context.done(&["keys", "push", &with])?;
    context.done(&["push", &theirs])?;
    let by_supplier = context.cofferdam_by(&supplier_path, &["stop", "theirs"])?;
    ensure!(by_supplier.status.success(), "{by_supplier}");
    context.done(&["start", "theirs"])?;
    context.boot_again(true)?;
    ensure!(version(context)? == first + 1, "the list did not outlive a reboot");
    context.until_activated("theirs", 10)?;

    // Out, with what it has signed.
    let without = context.file("without.keys", &list(context, first + 2, &[], true)?)?;
    context.done(&["keys", "push", &without])?;
    ensure!(context.state("theirs")? == "stopped", "a list with stop_revoked stopped nothing");
    context.refused(&["start", "theirs"], "permission revoked")?;
    context.refused(&["push", &next], "unknown key")?;
    check_refused(&context.cofferdam_by(&supplier_path, &["ls"])?, "unknown key")?;
    context.refused(&["keys", "push", &with], "not newer")?;

    // It stays out, whatever is tried after a loss of power.
    context.cut_power();
    context.boot_again(true)?;
    context.announce("stays out");
    ensure!(version(context)? == first + 2, "the list did not outlive a loss of power");
    ensure!(context.entry("theirs")?.is_none(), "a revoked signer's app is back");
    context.refused(&["keys", "push", &with], "not newer")?;
    context.refused(&["push", &next], "unknown key")
}

fn a_cut_change_is_the_old_or_the_new_list(context: &mut Context<'_>) -> Result<()> {
    let (mut old, mut new) = (0, 0);
    for cut in 0..CUTS {
        let before = version(context)?;
        let other = keys::generate()?;
        let next = list(context, before + 1, &[("other", &other)], false)?;
        let mut device = context.device()?;
        let (sender, begun) = mpsc::channel();
        let reported = thread::scope(|scope| -> Result<bool> {
            let next = &next;
            let changing = scope.spawn(move || {
                let _ = sender.send(());
                device.update_keys(next).is_ok()
            });
            begun.recv().context("the other thread")?;
            // Where the cut falls is chance; what is tested holds for every place.
            thread::sleep(Duration::from_millis(cut * 4));
            context.cut_power();
            changing.join().map_err(|_| anyhow!("the thread panicked"))
        })?;
        context.boot_again(true)?;
        let after = version(context)?;
        ensure!(after == before || after == before + 1, "list {after} after {before}");
        ensure!(after > before || !reported, "list {} was reported and is lost", before + 1);
        let path = context.key_file("other.key", &other)?;
        let known = context.cofferdam_by(&path, &["ls"])?.status.success();
        ensure!(known == (after > before), "list {after}, and its key counts: {known}");
        if after > before {
            new += 1
        } else {
            old += 1
        }
        // The log and the list say the same.
        let log = context.json(&["audit"])?;
        let entries = log["entries"].as_array().ok_or_else(|| anyhow!("no entries"))?;
        let last = entries.iter().rev().find(|entry| entry["what"] == "keys");
        ensure!(last.and_then(|entry| entry["number"].as_u64()).unwrap_or(0) == after, "log and list differ");
    }
    println!("    {CUTS} cuts: {old} times the old list, {new} times the new one");
    Ok(())
}

fn the_event_log_is_exported_and_checked(context: &mut Context<'_>) -> Result<()> {
    context.push("hello", "logged")?;
    context.done(&["rm", "logged"])?;
    let stranger = context.key_file("stranger.key", &keys::generate()?)?;
    check_refused(&context.cofferdam_by(&stranger, &["ls"])?, "unknown key")?;
    let early = context.file("early.audit", &[])?;
    let late = context.file("late.audit", &[])?;
    context.done(&["audit", "--out", &early])?;
    context.cut_power();
    context.boot_again(true)?;
    context.done(&["audit", "--continues", &early, "--out", &late])?;
    let log = context.json(&["audit", "--verify", &late])?;
    let entries = log["entries"].as_array().ok_or_else(|| anyhow!("no entries"))?;
    let has = |what: &str, name: Option<&str>| {
        entries
            .iter()
            .any(|entry| entry["what"] == what && name.is_none_or(|name| entry["component"] == name))
    };
    ensure!(has("install", Some("logged")) && has("remove", Some("logged")), "{log}");
    ensure!(has("refuse", None) && has("boot", None), "{log}");
    // Every changed byte in the entries is noticed; a few of them stand for all.
    let bytes = fs::read(&late)?;
    let mut refused = 0;
    for at in (40..bytes.len()).step_by(bytes.len() / 20 + 1) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let changed = context.file("changed.audit", &changed)?;
        let finished = context.cofferdam(&["audit", "--verify", &changed])?;
        ensure!(finished.status.code() == Some(1), "byte {at}: {finished}");
        refused += 1;
    }
    let at = bytes.windows(6).position(|window| window == b"logged").context("no entry of the app")?;
    let mut changed = bytes;
    changed[at] ^= 1;
    let changed = context.file("changed.audit", &changed)?;
    let finished = context.cofferdam(&["audit", "--verify", &changed])?;
    ensure!(finished.stderr.contains("broken at entry"), "{finished}");
    println!("    {} changed copies refused", refused + 1);
    Ok(())
}
