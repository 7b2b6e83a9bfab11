// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam audit`

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use cofferdam_audit::{Entry, Event, Export, Proven, What};
use serde_json::{Value, json};

use crate::arguments::Global;
use crate::commands::{command_key, connect};
use crate::output;

/// Fetches and checks the log, or checks the file `verify`.
pub fn run(
    verify: Option<&Path>,
    out: Option<&Path>,
    continues: Option<&Path>,
    global: &Global,
) -> Result<()> {
    let export = match verify {
        Some(path) => read(path)?,
        None => {
            let key = command_key(global)?;
            connect(global, &key)?.audit()?
        }
    };
    let shown = verify.map_or_else(|| "the device's event log".to_owned(), |path| path.display().to_string());
    let proven = export.verify().with_context(|| shown.clone())?;
    if let Some(path) = continues {
        let earlier = read(path)?.verify().with_context(|| path.display().to_string())?;
        export
            .continues(earlier.head)
            .with_context(|| format!("{shown} does not continue {}", path.display()))?;
    }
    if let Some(path) = out {
        fs::write(path, export.encode()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if global.json {
        return output::json(&value(&export.device_id, &proven));
    }
    output::table(&proven.entries.iter().map(row).collect::<Vec<_>>())?;
    if proven.first.sequence > 0 {
        output::line(&format!("entries up to {} had to make room", proven.first.sequence))?;
    }
    let head = hex::encode(proven.head.hash);
    let device = output::printable(&export.device_id);
    output::line(&format!("{device}: {} entries, whole; head {head}", proven.entries.len()))
}

fn read(path: &Path) -> Result<Export> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Export::decode(&bytes).with_context(|| path.display().to_string())
}

fn row(entry: &Entry) -> Vec<String> {
    let seconds = entry.time_us as f64 / 1e6;
    vec![
        entry.sequence.to_string(),
        format!("boot {}", entry.boot),
        format!("{seconds:.6}"),
        entry.event.what.to_string(),
        words(&entry.event),
    ]
}

fn words(event: &Event) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(event.component.as_ref().map(|name| output::printable(name)));
    if let Some(number) = event.number {
        words.push(match event.what {
            What::Refuse => format!("code {number}"),
            What::Boot | What::Resume => format!("key list {number}"),
            What::Restart => format!("restart {number}"),
            What::Fault | What::GiveUp => format!("slot {number}"),
            What::Keys => format!("list {number}"),
            _ => format!("sequence {number}"),
        });
    }
    words.extend(event.text.as_ref().map(|text| output::printable(text)));
    words.extend(event.by.map(|key| format!("by {}", hex::encode(key))));
    words.extend(event.signer.map(|key| format!("signed by {}", hex::encode(key))));
    words.extend(event.count.filter(|count| *count > 1).map(|count| format!("({count} times since boot)")));
    words.join(" ")
}

fn value(device_id: &str, proven: &Proven) -> Value {
    let entries: Vec<Value> = proven
        .entries
        .iter()
        .map(|entry| {
            let event = &entry.event;
            json!({
                "sequence": entry.sequence,
                "boot": entry.boot,
                "time_us": entry.time_us,
                "what": event.what.to_string(),
                "by": event.by.map(hex::encode),
                "component": event.component,
                "signer": event.signer.map(hex::encode),
                "digest": event.digest.map(hex::encode),
                "number": event.number,
                "count": event.count,
                "text": event.text,
            })
        })
        .collect();
    json!({
        "device_id": device_id,
        "dropped": proven.first.sequence,
        "head": { "sequence": proven.head.sequence, "hash": hex::encode(proven.head.hash) },
        "entries": entries,
    })
}
