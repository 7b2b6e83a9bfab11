// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam logs`

use std::thread;
use std::time::Duration;

use anyhow::Result;
use cofferdam_client::Device;
use cofferdam_management_protocol::AppState;
use serde_json::json;

use crate::arguments::Global;
use crate::commands::{command_key, connect};
use crate::output::{self, printable};

/// Between two looks while following. Each look is a connection of its own, so that others get their turn.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// Prints what app `name` logged.
pub fn run(name: &str, follow: bool, global: &Global) -> Result<()> {
    let key = command_key(global)?;
    let mut followed = drain(&mut connect(global, &key)?, name, 0, global)?;
    show_end(&followed, global)?;
    if !follow {
        return Ok(());
    }
    loop {
        thread::sleep(LOOK_AGAIN);
        let now = drain(&mut connect(global, &key)?, name, followed.since, global)?;
        if now.end != followed.end {
            show_end(&now, global)?;
        }
        followed = now;
    }
}

/// How far a log was read.
struct Followed {
    /// Where to go on.
    since: u64,
    /// How the app has ended, if it has.
    end: Option<End>,
}

#[derive(PartialEq)]
struct End {
    exit_code: Option<i32>,
    text: String,
}

fn end(state: Option<AppState>, reason: &str) -> Option<End> {
    let (exit_code, text) = match state? {
        AppState::Exited(code) => (Some(code), format!("ended with exit code {code}")),
        AppState::Failed => (None, format!("stopped by the device: {}", printable(reason))),
        AppState::Waiting => (None, format!("waits for its restart: {}", printable(reason))),
        AppState::Stopped => (None, "stopped by command".to_owned()),
        AppState::Starting | AppState::Running => return None,
    };
    Some(End { exit_code, text })
}

/// Says how the app has ended, behind its lines.
fn show_end(Followed { end, .. }: &Followed, global: &Global) -> Result<()> {
    let Some(End { exit_code, text }) = end else { return Ok(()) };
    if global.json {
        output::json(&json!({ "end": text, "exit_code": exit_code }))
    } else {
        output::line(&format!("-- {text}"))
    }
}

/// Prints all there is from `since` on.
fn drain(device: &mut Device<'_>, name: &str, mut since: u64, global: &Global) -> Result<Followed> {
    loop {
        let logs = device.logs(name, since)?;
        if logs.lost_bytes > 0 && since > 0 && !global.json {
            eprintln!("({} bytes were overwritten before they could be read)", logs.lost_bytes);
        }
        for line in &logs.lines {
            let level = level_name(line.level);
            if global.json {
                output::json(&json!({ "time_us": line.time_us, "level": level, "text": line.text }))?;
            } else {
                let seconds = line.time_us / 1_000_000;
                let mark = if line.level < 3 { format!("{level}: ") } else { String::new() };
                let text = printable(&line.text);
                output::line(&format!("[{seconds:>5}.{:06}] {mark}{text}", line.time_us % 1_000_000))?;
            }
        }
        // A device that sends no lines, or the same ones again, has no more.
        if logs.lines.is_empty() || logs.next <= since {
            return Ok(Followed { since: logs.next.max(since), end: end(logs.state, &logs.reason) });
        }
        since = logs.next;
    }
}

fn level_name(level: u8) -> &'static str {
    match level {
        1 => "error",
        2 => "warning",
        3 => "info",
        4 => "debug",
        5 => "trace",
        _ => "unknown",
    }
}
