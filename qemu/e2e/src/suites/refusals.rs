// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Bad input: each is refused with its reason, and nothing else is disturbed.
//!
//! Every test runs beside a control loop. At its end the loop still runs, was activated meanwhile, and is the
//! only app there is.

use anyhow::{Result, anyhow, ensure};
use cofferdam_client::keys;
use cofferdam_client::recipe::{Recipe, RecipeRange};
use cofferdam_management_protocol::{Command, DeviceMessage, HostMessage, Refusal};
use cofferdam_package::{CommandEnvelope, PACKAGE_BYTES_MAX, sha256, sign_command};

use super::tests;
use crate::context::{Context, check_refused, make};
use crate::harness::{Suite, System};

/// The suite.
pub const SUITE: Suite = Suite {
    name: "refusals",
    about: "bad packages and bad commands are refused by name and disturb nothing",
    system: System::Product,
    tests: tests![
        a_tampered_module,
        a_tampered_manifest,
        a_package_by_an_unknown_key,
        a_command_by_an_unknown_key,
        a_truncated_package,
        an_upload_that_is_not_what_was_announced,
        an_upload_that_breaks_off,
        an_oversized_upload,
        chunks_out_of_order,
        a_replayed_command,
        a_command_for_another_device,
        a_command_for_another_boot,
        an_older_sequence_number,
        the_same_sequence_number_with_another_module,
        a_package_for_another_class,
        a_sensor_that_is_not_there,
        too_much_memory,
        what_is_no_module,
        an_unknown_import,
        an_import_without_permission,
        a_missing_export,
        changed_bits_everywhere,
    ],
};

/// The neighbour that nothing may disturb.
const NEIGHBOUR: &str = "neighbour";

/// Runs `attack` beside the neighbour and looks that nothing came of it.
fn undisturbed(context: &Context<'_>, attack: impl FnOnce() -> Result<()>) -> Result<()> {
    context.push("downhill", NEIGHBOUR)?;
    let before = context.until_activated(NEIGHBOUR, 1)?;
    attack()?;
    let list = context.json(&["ls"])?;
    ensure!(list["apps"].as_array().is_some_and(|apps| apps.len() == 1), "something was installed: {list}");
    ensure!(list["apps"][0]["state"] == "running", "the neighbour was disturbed: {list}");
    ensure!(context.figure(NEIGHBOUR, "activations")? >= before, "the neighbour was started again");
    context.until_activated(NEIGHBOUR, 10)?;
    Ok(())
}

/// A good package of hello under a name of its own, as the start of something bad.
fn good(context: &Context<'_>, name: &str) -> Result<Vec<u8>> {
    context.settings.package_by("hello", &context.settings.key, |recipe| recipe.name = name.to_owned())
}

/// Pushes `package`, which must be refused for `reason`.
fn push_refused(context: &Context<'_>, name: &str, package: &[u8], reason: Refusal) -> Result<()> {
    let file = context.file(&format!("{name}.cdam"), package)?;
    let position = context.position();
    undisturbed(context, || {
        context.refused(&["push", &file], reason.text())?;
        context.expect_from(position, "refused").map(|_| ())
    })
}

/// Pushes hello with a changed recipe, which must be refused for `reason`.
fn recipe_refused(
    context: &Context<'_>,
    name: &str,
    reason: Refusal,
    change: impl FnOnce(&mut Recipe),
) -> Result<()> {
    let package = context.settings.package_by("hello", &context.settings.key, |recipe| {
        recipe.name = name.to_owned();
        change(recipe);
    })?;
    push_refused(context, name, &package, reason)
}

/// Pushes a module of one's own with hello's recipe, which must be refused for `reason`.
fn module_refused(context: &Context<'_>, name: &str, reason: Refusal, wat: &str) -> Result<()> {
    let (mut recipe, _) = context.settings.app("hello")?;
    recipe.name = name.to_owned();
    let package = make(&recipe, &wat::parse_str(wat)?, &context.settings.key)?;
    push_refused(context, name, &package, reason)
}

fn a_tampered_module(context: &mut Context<'_>) -> Result<()> {
    let mut package = good(context, "tampered-module")?;
    if let Some(last) = package.last_mut() {
        *last ^= 1; // the module is the package's last part
    }
    push_refused(context, "tampered-module", &package, Refusal::DigestMismatch)
}

fn a_tampered_manifest(context: &mut Context<'_>) -> Result<()> {
    let mut package = good(context, "tampered-manifest")?;
    let name = b"tampered-manifest";
    let at = package.windows(name.len()).position(|bytes| bytes == name);
    let byte = at.and_then(|at| package.get_mut(at)).ok_or_else(|| anyhow!("no name in the manifest"))?;
    *byte = b'u';
    push_refused(context, "tampered-manifest", &package, Refusal::BadSignature)
}

fn a_package_by_an_unknown_key(context: &mut Context<'_>) -> Result<()> {
    let stranger = keys::generate()?;
    let package = context.settings.package_by("hello", &stranger, |_| {})?;
    push_refused(context, "unknown-key", &package, Refusal::UnknownKey)
}

fn a_command_by_an_unknown_key(context: &mut Context<'_>) -> Result<()> {
    let stranger = context.key_file("stranger.key", &keys::generate()?)?;
    let package = context.file("fine.cdam", &good(context, "fine")?)?;
    undisturbed(context, || {
        for arguments in [&["ls"][..], &["rm", NEIGHBOUR], &["stop", NEIGHBOUR], &["push", &package]] {
            check_refused(&context.cofferdam_by(&stranger, arguments)?, Refusal::UnknownKey.text())?;
        }
        Ok(())
    })
}

fn a_truncated_package(context: &mut Context<'_>) -> Result<()> {
    let package = good(context, "truncated")?;
    let half = package.get(..package.len() / 2).unwrap_or_default();
    push_refused(context, "truncated", half, Refusal::Truncated)
}

/// Announces an install through the library; gives the device ready for chunks.
fn announce<'a>(
    context: &Context<'a>,
    package_bytes: u32,
    package_sha256: [u8; 32],
) -> Result<cofferdam_client::Device<'a>> {
    let mut device = context.device()?;
    match device.request(&Command::Install { package_bytes, package_sha256, start: true })? {
        DeviceMessage::Ready { .. } => Ok(device),
        other => Err(anyhow!("not ready: {other:?}")),
    }
}

/// The next message must be a refusal for `reason`, after any number of confirmations.
fn expect_refusal(device: &mut cofferdam_client::Device<'_>, reason: Refusal) -> Result<()> {
    loop {
        match device.connection().receive()? {
            DeviceMessage::Progress { .. } => {}
            DeviceMessage::Refused { code, text } => {
                ensure!(code == reason.code(), "refused for another reason: {text}");
                return Ok(());
            }
            other => return Err(anyhow!("should have been refused: {other:?}")),
        }
    }
}

fn an_upload_that_is_not_what_was_announced(context: &mut Context<'_>) -> Result<()> {
    let package = good(context, "announced")?;
    undisturbed(context, || {
        let length = u32::try_from(package.len())?;
        let mut device = announce(context, length, sha256(b"something else"))?;
        let mut offset = 0;
        for bytes in package.chunks(1024) {
            device.connection().send(&HostMessage::Chunk { offset, bytes })?;
            offset += u32::try_from(bytes.len())?;
        }
        expect_refusal(&mut device, Refusal::UploadDigest)
    })
}

fn an_upload_that_breaks_off(context: &mut Context<'_>) -> Result<()> {
    let package = good(context, "broken-off")?;
    undisturbed(context, || {
        let mut device = announce(context, u32::try_from(package.len())?, sha256(&package))?;
        let bytes = package.get(..1024).unwrap_or_default();
        device.connection().send(&HostMessage::Chunk { offset: 0, bytes })?;
        drop(device);
        ensure!(context.entry("broken-off")?.is_none(), "half a package was installed");
        Ok(())
    })?;
    // And the whole one is taken afterwards.
    let file = context.file("broken-off.cdam", &package)?;
    context.done(&["push", &file]).map(|_| ())
}

fn an_oversized_upload(context: &mut Context<'_>) -> Result<()> {
    undisturbed(context, || {
        let mut device = context.device()?;
        let too_long = u32::try_from(PACKAGE_BYTES_MAX)? + 1;
        for package_bytes in [too_long, u32::MAX] {
            let command = Command::Install { package_bytes, package_sha256: [0; 32], start: true };
            let error = device.request(&command).map(|_| ()).err();
            let refusal = error.as_ref().and_then(cofferdam_client::ClientError::refusal);
            ensure!(refusal == Some(Refusal::TooLarge), "not refused: {error:?}");
        }
        drop(device);
        // More than was announced.
        let mut device = announce(context, 100, [0; 32])?;
        device.connection().send(&HostMessage::Chunk { offset: 0, bytes: &[0; 200] })?;
        expect_refusal(&mut device, Refusal::ChunkLength)
    })
}

fn chunks_out_of_order(context: &mut Context<'_>) -> Result<()> {
    undisturbed(context, || {
        let mut device = announce(context, 3000, [0; 32])?;
        device.connection().send(&HostMessage::Chunk { offset: 1000, bytes: &[0; 1000] })?;
        expect_refusal(&mut device, Refusal::ChunkOutOfOrder)?;
        drop(device);
        let mut device = context.device()?;
        device.connection().send(&HostMessage::Chunk { offset: 0, bytes: &[0; 10] })?;
        expect_refusal(&mut device, Refusal::OutOfTurn)
    })
}

fn a_replayed_command(context: &mut Context<'_>) -> Result<()> {
    undisturbed(context, || {
        let victim = good(context, "victim")?;
        let file = context.file("victim.cdam", &victim)?;
        context.done(&["push", &file])?;
        let mut device = context.device()?;
        let recorded = device.sign(&Command::Remove { name: "victim" })?;
        device.connection().send(&HostMessage::Command(&recorded))?;
        let answer = device.connection().receive()?;
        ensure!(answer == DeviceMessage::Done, "the first time it counts: {answer:?}");
        // On the same connection, and on another one after the app came back.
        device.connection().send(&HostMessage::Command(&recorded))?;
        expect_refusal(&mut device, Refusal::WrongSequence)?;
        drop(device);
        context.done(&["push", &file])?;
        let mut device = context.device()?;
        device.connection().send(&HostMessage::Command(&recorded))?;
        expect_refusal(&mut device, Refusal::WrongSequence)?;
        drop(device);
        ensure!(context.entry("victim")?.is_some(), "the replay removed it");
        context.done(&["rm", "victim"]).map(|_| ())
    })
}

/// Sends a stop command signed by the right key over a changed envelope.
fn foreign_command(
    context: &Context<'_>,
    reason: Refusal,
    change: impl Fn(&mut String, &mut [u8; 16]),
) -> Result<()> {
    undisturbed(context, || {
        let mut device = context.device()?;
        let greeting = device.greeting().clone();
        let (mut device_id, mut nonce) = (greeting.device_id, greeting.boot_nonce);
        change(&mut device_id, &mut nonce);
        let command = Command::Stop { name: NEIGHBOUR }.encode()?;
        let envelope = CommandEnvelope {
            device_id: &device_id,
            nonce,
            sequence: greeting.next_sequence,
            command: &command,
        };
        let signed = sign_command(&envelope, &context.settings.key);
        device.connection().send(&HostMessage::Command(&signed))?;
        expect_refusal(&mut device, reason)
    })
}

fn a_command_for_another_device(context: &mut Context<'_>) -> Result<()> {
    foreign_command(context, Refusal::OtherDevice, |device_id, _| device_id.push('x'))
}

fn a_command_for_another_boot(context: &mut Context<'_>) -> Result<()> {
    foreign_command(context, Refusal::OtherBoot, |_, nonce| nonce.reverse())
}

fn an_older_sequence_number(context: &mut Context<'_>) -> Result<()> {
    let newer = context.package("hello", "newer.cdam", |recipe| {
        recipe.name = "aging".to_owned();
        recipe.sequence = 7;
    })?;
    let older = context.package("hello", "older.cdam", |recipe| {
        recipe.name = "aging".to_owned();
        recipe.sequence = 6;
    })?;
    undisturbed(context, || {
        context.done(&["push", &newer])?;
        context.refused(&["push", &older], Refusal::Ratchet.text())?;
        // Removing an app does not make the device forget.
        context.done(&["rm", "aging"])?;
        context.refused(&["push", &older], Refusal::Ratchet.text())
    })
}

fn the_same_sequence_number_with_another_module(context: &mut Context<'_>) -> Result<()> {
    let name = "swapped";
    let hello = context.package("hello", "swapped-1.cdam", |recipe| recipe.name = name.to_owned())?;
    let (mut recipe, module) = context.settings.app("hello")?;
    recipe.name = name.to_owned();
    // A custom section changes the module but not what it does.
    let other = [&module[..], &[0, 2, 1, b'x']].concat();
    let other = context.file("swapped-2.cdam", &make(&recipe, &other, &context.settings.key)?)?;
    undisturbed(context, || {
        context.done(&["push", &hello])?;
        context.refused(&["push", &other], Refusal::Ratchet.text())?;
        context.done(&["push", &hello])?;
        context.done(&["rm", name]).map(|_| ())
    })
}

fn a_package_for_another_class(context: &mut Context<'_>) -> Result<()> {
    recipe_refused(context, "other-class", Refusal::OtherClass, |recipe| {
        recipe.class = "submarine".to_owned()
    })
}

fn a_sensor_that_is_not_there(context: &mut Context<'_>) -> Result<()> {
    recipe_refused(context, "no-sensor", Refusal::UnknownResource, |recipe| {
        recipe.permissions.sensors.push("crystal-ball".into());
    })?;
    recipe_refused(context, "no-actuator", Refusal::UnknownResource, |recipe| {
        recipe
            .permissions
            .actuators
            .insert("ejection-seat".to_owned(), RecipeRange { min: 0.0, max: 1.0, rate_hz: None });
    })
}

fn too_much_memory(context: &mut Context<'_>) -> Result<()> {
    recipe_refused(context, "too-much", Refusal::BeyondLimits, |recipe| {
        recipe.limits.memory_pages = Some(65_536);
    })
}

fn what_is_no_module(context: &mut Context<'_>) -> Result<()> {
    let (mut recipe, _) = context.settings.app("hello")?;
    recipe.name = "no-module".to_owned();
    let package = make(&recipe, b"\0asm\x01\0\0\0\xff\xff\xff", &context.settings.key)?;
    push_refused(context, "no-module", &package, Refusal::InvalidModule)
}

fn an_unknown_import(context: &mut Context<'_>) -> Result<()> {
    module_refused(
        context,
        "unknown-import",
        Refusal::ImportNotPermitted,
        r#"(module (import "cofferdam" "open_the_pod_bay_doors" (func)) (memory (export "memory") 1)
            (func (export "_start")))"#,
    )
}

/// hello's recipe permits no actuator, so an import that moves one is not permitted.
fn an_import_without_permission(context: &mut Context<'_>) -> Result<()> {
    let (recipe, _) = context.settings.app("downhill")?;
    let mut recipe = recipe;
    recipe.name = "no-permission".to_owned();
    recipe.permissions.actuators.clear();
    let (_, module) = context.settings.app("downhill")?;
    let package = make(&recipe, &module, &context.settings.key)?;
    push_refused(context, "no-permission", &package, Refusal::ImportNotPermitted)
}

fn a_missing_export(context: &mut Context<'_>) -> Result<()> {
    module_refused(context, "no-export", Refusal::MissingExport, r#"(module (memory (export "memory") 1))"#)
}

/// A bit changed in forty places over the whole package: none is ever accepted.
fn changed_bits_everywhere(context: &mut Context<'_>) -> Result<()> {
    let package = good(context, "bit-flips")?;
    undisturbed(context, || {
        for position in (0..package.len()).step_by((package.len() / 40).max(1)) {
            let mut changed = package.clone();
            if let Some(byte) = changed.get_mut(position) {
                *byte ^= 0x20;
            }
            let outcome = context.device()?.install(&changed, true, &mut |_| {});
            let refusal = outcome.as_ref().err().and_then(cofferdam_client::ClientError::refusal);
            ensure!(refusal.is_some(), "byte {position} changed, and: {outcome:?}");
        }
        Ok(())
    })
}
