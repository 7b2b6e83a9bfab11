// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam keys`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cofferdam_client::keys;
use cofferdam_package::{KeyId, sha256};
use cofferdam_policy::list::{KeyList, SignedList, add_signature, unsigned};
use cofferdam_policy::{Anchor, file};
use serde_json::{Value, json};

use crate::arguments::{Global, KeysCommand};
use crate::commands::{command_key, connect};
use crate::failure::Usage;
use crate::output;

/// Does what the command line says.
pub fn run(command: KeysCommand, global: &Global) -> Result<()> {
    match command {
        KeysCommand::List => list(global),
        KeysCommand::Make { folder, version, vendor, class, output } => {
            make(&folder, version, &vendor, &class, output, global)
        }
        KeysCommand::Sign { list } => sign(&list, global),
        KeysCommand::Inspect { list } => inspect(&list, global),
        KeysCommand::Push { list } => push(&list, global),
    }
}

fn list(global: &Global) -> Result<()> {
    let key = command_key(global)?;
    let (bytes, _, from_image) = connect(global, &key)?.keys()?;
    let list = KeyList::decode(&bytes).context("the device sent no list of keys")?;
    if global.json {
        let mut value = value(&list);
        value["from_image"] = json!(from_image);
        return output::json(&value);
    }
    let origin = if from_image { "from the image" } else { "in force" };
    output::line(&format!("list {} {origin}: {}", list.version, quorum(&list)))?;
    output::table(&rows(&list))
}

fn make(
    folder: &Path,
    version: Option<u64>,
    vendor: &str,
    class: &str,
    path: Option<PathBuf>,
    global: &Global,
) -> Result<()> {
    let mut list = file::read_list(folder, vendor, class).map_err(anyhow::Error::msg)?;
    list.version = version.unwrap_or(list.version);
    list.check().with_context(|| folder.display().to_string())?;
    if list.version == 0 {
        bail!("a list that follows another has a version above 0: set it in list.toml or with --version");
    }
    let mut bytes = unsigned(&list);
    if let Some(path) = &global.key {
        bytes = add_signature(&bytes, &keys::load(path)?).context("cannot sign")?;
    }
    let path = path.unwrap_or_else(|| PathBuf::from(format!("list-{}.keys", list.version)));
    write(&path, &bytes, global)
}

fn sign(path: &Path, global: &Global) -> Result<()> {
    let Some(key_path) = &global.key else {
        return Err(Usage("name the root key to sign with: --key FILE or COFFERDAM_KEY".to_owned()).into());
    };
    let key = keys::load(key_path)?;
    let signed = add_signature(&read(path)?, &key).with_context(|| path.display().to_string())?;
    write(path, &signed, global)
}

fn inspect(path: &Path, global: &Global) -> Result<()> {
    let bytes = read(path)?;
    let signed = SignedList::decode(&bytes).with_context(|| path.display().to_string())?;
    let signers = signed.signers();
    let own = signed.signed_by(&signed.list)?;
    let sound = signed.list.check();
    if global.json {
        let mut value = value(&signed.list);
        value["signers"] = signers.iter().map(ToString::to_string).collect();
        value["own_roots_signed"] = json!(own);
        value["sound"] = json!(sound.is_ok());
        output::json(&value)?;
    } else {
        output::line(&format!("list {}: {}", signed.list.version, quorum(&signed.list)))?;
        output::table(&rows(&signed.list))?;
        if signed.list.stop_revoked {
            output::line("apps that lose their permission are stopped at once")?;
        }
        let named = |id: &KeyId| match name_of(&signed.list, id) {
            Some(name) => format!("{name} ({id})"),
            None => format!("{id}, which is not in this list: not checked"),
        };
        let signers: Vec<String> = signers.iter().map(named).collect();
        let signers = if signers.is_empty() { "nobody".to_owned() } else { signers.join(", ") };
        output::line(&format!("signed by {signers}; {own} of its own root keys, checked"))?;
    }
    sound.map(drop).with_context(|| path.display().to_string())
}

fn push(path: &Path, global: &Global) -> Result<()> {
    let bytes = read(path)?;
    let version = SignedList::decode(&bytes).with_context(|| path.display().to_string())?.list.version;
    let key = command_key(global)?;
    connect(global, &key)?.update_keys(&bytes)?;
    if global.json {
        return output::json(&json!({ "version": version, "sha256": hex::encode(sha256(&bytes)) }));
    }
    output::line(&format!("list {version} is in force"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, bytes: &[u8], global: &Global) -> Result<()> {
    let signed = SignedList::decode(bytes).with_context(|| path.display().to_string())?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    let signers: Vec<String> = signed.signers().iter().map(ToString::to_string).collect();
    let version = signed.list.version;
    if global.json {
        return output::json(&json!({ "list": path, "version": version, "signers": signers }));
    }
    let signers = if signers.is_empty() {
        "not signed: no device takes it before `cofferdam keys sign`".to_owned()
    } else {
        format!("signed by {}", signers.join(", "))
    };
    output::line(&format!("{}: list {version}, {signers}", path.display()))
}

fn quorum(list: &KeyList) -> String {
    match list.roots().count() {
        0 => "no root key, so no list can follow it".to_owned(),
        roots => format!("{} of {roots} root keys sign the next one", list.threshold),
    }
}

fn name_of<'l>(list: &'l KeyList, id: &KeyId) -> Option<&'l str> {
    let anchor = list.anchors.iter().find(|anchor| KeyId::of(&anchor.public_key) == *id)?;
    Some(anchor.name.as_str())
}

fn commands(anchor: &Anchor) -> String {
    let roles: Vec<String> = anchor.grant.commands.iter().map(ToString::to_string).collect();
    if roles.is_empty() { "-".to_owned() } else { roles.join(",") }
}

fn rows(list: &KeyList) -> Vec<Vec<String>> {
    let yes = |yes: bool| if yes { "yes" } else { "-" }.to_owned();
    let head =
        ["NAME", "KEY", "ROOT", "COMMANDS", "SIGNS PACKAGES", "COMPONENTS"].map(ToOwned::to_owned).to_vec();
    let anchors = list.anchors.iter().map(|anchor| {
        vec![
            output::printable(&anchor.name),
            KeyId::of(&anchor.public_key).to_string(),
            yes(anchor.root),
            commands(anchor),
            yes(anchor.grant.sign_packages),
            output::printable(&anchor.grant.components.join(",")),
        ]
    });
    std::iter::once(head).chain(anchors).collect()
}

fn value(list: &KeyList) -> Value {
    let anchors: Vec<Value> = list
        .anchors
        .iter()
        .map(|anchor| {
            let grant = &anchor.grant;
            let actuators: Vec<Value> = grant
                .actuators
                .iter()
                .map(|range| {
                    json!({ "name": range.name, "min": range.min, "max": range.max, "rate_hz": range.rate_hz })
                })
                .collect();
            json!({
                "name": anchor.name,
                "key_id": KeyId::of(&anchor.public_key).to_string(),
                "public_key": hex::encode(anchor.public_key),
                "root": anchor.root,
                "commands": grant.commands.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "sign_packages": grant.sign_packages,
                "components": grant.components,
                "sensors": output::resources(&grant.sensors),
                "publish": output::resources(grant.publish.as_deref().unwrap_or_default()),
                "receive": output::resources(grant.receive.as_deref().unwrap_or_default()),
                "actuators": actuators,
                "fuel_per_second_max": grant.fuel_per_second_max,
                "memory_pages_max": grant.memory_pages_max,
                "log_bytes_per_second_max": grant.log_bytes_per_second_max,
            })
        })
        .collect();
    json!({
        "version": list.version,
        "threshold": list.threshold,
        "stop_revoked": list.stop_revoked,
        "anchors": anchors,
    })
}
