// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam record`

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cofferdam_client::ClientError;
use cofferdam_client::recording::Recording;
use cofferdam_management_protocol::Refusal;
use serde_json::json;

use crate::arguments::Global;
use crate::commands::{command_key, connect};
use crate::output::{self, number};

/// Between two looks at whether the recording is full.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Starts app `name` anew with a recording and fetches it after `time`, or earlier if there is no more room; with `fetch`
/// fetches what there is and starts nothing.
pub fn run(name: &str, time: Duration, fetch: bool, path: Option<PathBuf>, global: &Global) -> Result<()> {
    let key = command_key(global)?;
    if !fetch {
        connect(global, &key)?.record(name)?;
        let begun = Instant::now();
        while let Some(left) = time.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
            thread::sleep(left.min(LOOK_AGAIN));
            // Each look is a connection of its own, so that others get their turn.
            match connect(global, &key)?.recording_part(name, 0) {
                Ok(part) if part.full => break,
                Ok(_) => {}
                // The app has not begun yet.
                Err(ClientError::Refused { code, .. }) if code == Refusal::NoRecording.code() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    let path = path.unwrap_or_else(|| PathBuf::from(format!("{name}.rec")));
    let recording = connect(global, &key)?.recording(name)?;
    if recording.activations == 0 {
        bail!("nothing was recorded of {name}: it has not been loaded yet");
    }
    write(&path, &recording)?;
    if global.json {
        return output::json(&json!({
            "file": path,
            "activations": recording.activations,
            "bytes": recording.bytes.len(),
            "full": recording.full,
        }));
    }
    let full = if recording.full { "; then it was full" } else { "" };
    output::line(&format!(
        "{}: {} activations in {} bytes{full}",
        path.display(),
        number(recording.activations),
        number(recording.bytes.len() as u64)
    ))
}

fn write(path: &Path, recording: &Recording) -> Result<()> {
    fs::write(path, recording.encode()).with_context(|| format!("cannot write {}", path.display()))
}
