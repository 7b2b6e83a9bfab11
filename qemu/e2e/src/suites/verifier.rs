// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A verifier that somebody has taken over: it lies about one thing after another, crashes, hangs, and writes where it must
//! not. Each costs one refusal, and a control loop beside it misses nothing.
//!
//! The image is the product, but its verifier obeys the staged bytes (feature `hostile-test`): `hostile-WORD` in a manifest,
//! a command or a list of keys tells it what to do.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, anyhow, ensure};
use cofferdam_client::ClientError;
use cofferdam_management_protocol::Refusal;
use cofferdam_policy::list::{LAYOUT, add_signature, unsigned};
use cofferdam_policy::{Anchor, Grant, KeyList};

use super::tests;
use crate::context::{Context, make};
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "hostile-verifier",
    about: "a verifier that lies, crashes and hangs costs one refusal each, and decides nothing",
    system: System::VariantWithDisk("hostile-verifier"),
    tests: tests![
        lies_about_packages,
        lies_about_commands,
        lies_about_lists_of_keys,
        verdicts_that_are_none,
        it_crashes,
        it_writes_where_it_must_not,
        it_hangs,
        an_unfit_module_is_refused_by_its_slot,
        it_begins_anew_for_each_use,
        the_counts,
    ],
};

/// The neighbour that nothing may disturb.
const NEIGHBOUR: &str = "neighbour";

static REFUSED: AtomicU32 = AtomicU32::new(0);

/// A package of hello that tells the verifier what to do.
fn package(context: &Context<'_>, word: &str) -> Result<String> {
    context.package("hello", &format!("{word}.cdam"), |recipe| {
        recipe.name = "victim".to_owned();
        recipe.description = Some(format!("hostile-{word}"));
    })
}

/// Runs `attack` beside the neighbour, which is the only app afterwards and has missed nothing.
fn undisturbed(context: &mut Context<'_>, attack: impl FnOnce(&Context<'_>) -> Result<()>) -> Result<()> {
    context.announce("verifier");
    context.push("downhill", NEIGHBOUR)?;
    let before = context.until_activated(NEIGHBOUR, 10)?;
    let missed = context.figure(NEIGHBOUR, "missed_releases")?;
    attack(context)?;
    let list = context.json(&["ls"])?;
    ensure!(list["apps"].as_array().is_some_and(|apps| apps.len() == 1), "something was installed: {list}");
    ensure!(list["apps"][0]["state"] == "running", "the neighbour was disturbed: {list}");
    ensure!(context.figure(NEIGHBOUR, "activations")? > before, "the neighbour was started again");
    ensure!(context.figure(NEIGHBOUR, "missed_releases")? == missed, "the neighbour missed a release");
    Ok(())
}

fn push_refused(context: &Context<'_>, word: &str, reason: &str) -> Result<()> {
    context
        .refused(&["push", &package(context, word)?], reason)
        .map_err(|error| error.context(word.to_owned()))?;
    REFUSED.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn lies_about_packages(context: &mut Context<'_>) -> Result<()> {
    undisturbed(context, |context| {
        push_refused(context, "key", Refusal::UnknownKey.text())?;
        push_refused(context, "refuse", "I do not like it")?;
        for word in
            ["protected", "payload", "envelope", "module", "name", "sequence", "class", "size", "fuel"]
        {
            push_refused(context, word, Refusal::Verifier.text())?;
        }
        // Rules of manifests hold whoever parsed them.
        push_refused(context, "sensors", Refusal::BadManifest.text())?;
        for word in ["permission", "complaint", "kind"] {
            push_refused(context, word, Refusal::Verifier.text())?;
        }
        Ok(())
    })
}

/// Sends a command whose only effect is what the verifier makes of it.
fn command_refused(context: &Context<'_>, word: &str, reason: Refusal) -> Result<()> {
    refused(word, reason, context.device()?.stop(&format!("hostile-{word}")))
}

/// The device must have refused for this reason.
fn refused<T: std::fmt::Debug>(word: &str, reason: Refusal, outcome: Result<T, ClientError>) -> Result<()> {
    if !outcome.as_ref().is_err_and(|error| error.refusal() == Some(reason)) {
        return Err(anyhow!("{word}: expected «{}», got {outcome:?}", reason.text()));
    }
    REFUSED.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn lies_about_commands(context: &mut Context<'_>) -> Result<()> {
    undisturbed(context, |context| {
        command_refused(context, "key", Refusal::UnknownKey)?;
        for word in ["device", "boot", "sequence", "command", "kind", "complaint", "digest", "crash", "hang"]
        {
            command_refused(context, word, Refusal::Verifier)?;
        }
        // Without a lie it would have been this.
        command_refused(context, "nothing", Refusal::NoSuchApp)
    })
}

fn list(context: &Context<'_>, word: &str) -> Result<Vec<u8>> {
    let (recipe, module) = context.settings.app("hello")?;
    let common = recipe.manifest(&module)?.common; // for this device's vendor and class
    let anchor = |name: &str, public_key, root| Anchor {
        name: name.to_owned(),
        public_key,
        root,
        grant: Grant::everything(),
    };
    let key = &context.settings.key;
    let other = cofferdam_client::keys::generate()?;
    let list = KeyList {
        layout: LAYOUT,
        version: 1,
        vendor_id: common.vendor_id,
        class_id: common.class_id,
        threshold: 1,
        stop_revoked: false,
        anchors: vec![
            anchor("development", key.public(), true),
            anchor(&format!("hostile-{word}"), other.public(), false),
        ],
    };
    Ok(add_signature(&unsigned(&list), key)?)
}

fn lies_about_lists_of_keys(context: &mut Context<'_>) -> Result<()> {
    undisturbed(context, |context| {
        for word in ["document", "unsigned", "root", "version", "none", "two", "digest", "crash", "hang"] {
            let updated = context.device()?.update_keys(&list(context, word)?);
            refused(word, Refusal::Verifier, updated)?;
        }
        ensure!(
            context.json(&["keys", "list"])?["version"] == 0,
            "a list is in force that nobody has signed"
        );
        Ok(())
    })
}

fn verdicts_that_are_none(context: &mut Context<'_>) -> Result<()> {
    undisturbed(context, |context| {
        for word in ["digest", "magic", "length", "body", "all"] {
            push_refused(context, word, "verdict")?;
        }
        for word in ["use", "silent"] {
            push_refused(context, word, "did not end in time")?;
        }
        Ok(())
    })
}

fn it_crashes(context: &mut Context<'_>) -> Result<()> {
    undisturbed(context, |context| {
        for word in ["crash", "exhaust"] {
            push_refused(context, word, "it crashed")?;
        }
        Ok(())
    })
}

/// The staged bytes cannot change, least of all by the verifier.
fn it_writes_where_it_must_not(context: &mut Context<'_>) -> Result<()> {
    undisturbed(context, |context| push_refused(context, "scribble", "it crashed"))
}

/// The machine's clock follows executed instructions, so its seconds may take long for us.
fn it_hangs(context: &mut Context<'_>) -> Result<()> {
    undisturbed(context, |context| {
        let position = context.position();
        let package = std::fs::read(package(context, "hang")?)?;
        refused("hang", Refusal::Verifier, context.device()?.install(&package, true, &mut |_| {}))?;
        context.expect_from(position, "did not end in time").map(drop)
    })
}

/// What it alone decides, the slot decides again.
fn an_unfit_module_is_refused_by_its_slot(context: &mut Context<'_>) -> Result<()> {
    context.announce("stopped: ");
    let (mut recipe, _) = context.settings.app("hello")?;
    recipe.name = "unfit".to_owned();
    recipe.description = Some("hostile-unfit".to_owned());
    recipe.restarts = 0;
    let module =
        wat::parse_str(r#"(module (import "elsewhere" "anything" (func)) (func (export "_start")))"#)?;
    let file = context.file("unfit.cdam", &make(&recipe, &module, &context.settings.key)?)?;
    let pushed = context.cofferdam(&["push", &file])?;
    ensure!(pushed.stdout.contains("failed: unknown import"), "{pushed}");
    ensure!(context.state("unfit")? == "failed", "the slot runs what no interpreter can");
    context.done(&["rm", "unfit"]).map(drop)
}

/// Nothing of one use is left for the next.
fn it_begins_anew_for_each_use(context: &mut Context<'_>) -> Result<()> {
    context.announce("verifier");
    for round in 0..5 {
        push_refused(context, if round % 2 == 0 { "crash" } else { "all" }, Refusal::Verifier.text())?;
        context.push("hello", "honest")?;
        context.done(&["rm", "honest"])?;
    }
    Ok(())
}

fn the_counts(_: &mut Context<'_>) -> Result<()> {
    let refused = REFUSED.load(Ordering::Relaxed);
    println!("     lies and bad ends of the verifier: {refused}, wrong acceptances: 0");
    ensure!(refused > 0, "nothing was tried");
    Ok(())
}
