// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Packages between this project and a COSE implementation that is not ours: pycose, in `qemu/e2e/pycose`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use cofferdam_package::sha256;

use crate::command::{self, Finished};
use crate::context::Context;
use crate::peers;

const SCRIPT: &str = "qemu/e2e/pycose/package.py";
const LIMIT: Duration = Duration::from_secs(30);

fn python(context: &Context<'_>, arguments: &[&str]) -> Result<Finished> {
    let python = peers::python(context, "pycose")?;
    command::run(&python, [&[SCRIPT], arguments].concat(), &[], LIMIT)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// pycose accepts what we make, and not when a byte of it is changed.
pub fn pycose_checks_our_packages(context: &mut Context<'_>) -> Result<()> {
    let file = context.package("hello", "ours.cdam", |_| {})?;
    let public = hex(&context.settings.key.public());
    let checked = python(context, &["check", &file, &public])?;
    ensure!(checked.status.success() && checked.stdout.trim() == "hello", "{checked}");
    let good = fs::read(&file)?;
    let (mut refused, mut tried) = (0, 0);
    // Through the manifest, the signature, and the module.
    for at in (40..good.len()).step_by(good.len() / 12) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let file = context.file("bad.cdam", &bad)?;
        tried += 1;
        refused += usize::from(!python(context, &["check", &file, &public])?.status.success());
    }
    ensure!(refused == tried, "pycose refused {refused} of {tried} changed packages");
    println!("      pycose refused {refused} of {tried} changed packages");
    Ok(())
}

/// The device accepts what pycose makes, and refuses it when it was changed or signed for something else.
pub fn the_device_checks_packages_of_pycose(context: &mut Context<'_>) -> Result<()> {
    let ours = context.package("hello", "ours.cdam", |_| {})?;
    let secret = hex(&context.settings.key.seed());
    let made = context.folder().join("pycose.cdam");
    let made = made.to_str().ok_or_else(|| anyhow!("a folder's name that is not UTF-8"))?.to_owned();
    let signed = python(context, &["sign", &ours, &secret, &made])?;
    ensure!(signed.status.success(), "{signed}");
    let inspected = context.done(&["inspect", &made])?;
    ensure!(inspected.contains("hello"), "{inspected}");
    context.done(&["push", &made])?;
    context.until_state("hello", "exited")?;
    context.done(&["rm", "hello"])?;

    let good = fs::read(&made)?;
    let digest = sha256(&good);
    let mut refusals = 0;
    for at in (60..good.len()).step_by(good.len() / 8) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let file = context.file("bad.cdam", &bad)?;
        // The host tool refuses first where it can; then the device is asked by the library.
        let pushed = context.cofferdam(&["push", &file])?;
        ensure!(
            !pushed.status.success(),
            "WRONG ACCEPTANCE: byte {at} of {} changed: {pushed}",
            hex(&digest)
        );
        let installed = context.device()?.install(&bad, true, &mut |_| {});
        ensure!(installed.is_err(), "WRONG ACCEPTANCE: byte {at} changed");
        refusals += 1;
    }
    let command = python(context, &["command", &ours, &secret, &made])?;
    ensure!(command.status.success(), "{command}");
    let bad = fs::read(&made).context("pycose's package")?;
    ensure!(
        context.device()?.install(&bad, true, &mut |_| {}).is_err(),
        "WRONG ACCEPTANCE: signed as a command"
    );
    ensure!(context.entry("hello")?.is_none(), "it is installed");
    println!("      counts: bad inputs tried: {}, wrong acceptances: 0", refusals + 1);
    Ok(())
}
