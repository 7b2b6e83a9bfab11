// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `cofferdam logs`

use std::thread;
use std::time::Duration;

use anyhow::Result;
use cofferdam_client::Device;
use serde_json::json;

use crate::arguments::Global;
use crate::commands::{command_key, connect};
use crate::output::{self, printable};

/// Between two looks while following. Each look is a connection of its own, so that others get their turn.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// Prints what app `name` logged.
pub fn run(name: &str, follow: bool, global: &Global) -> Result<()> {
    let key = command_key(global)?;
    let mut since = drain(&mut connect(global, &key)?, name, 0, global)?;
    if !follow {
        return Ok(());
    }
    loop {
        thread::sleep(LOOK_AGAIN);
        since = drain(&mut connect(global, &key)?, name, since, global)?;
    }
}

/// Prints all there is from `since` on and gives where to go on.
fn drain(device: &mut Device<'_>, name: &str, mut since: u64, global: &Global) -> Result<u64> {
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
            return Ok(logs.next.max(since));
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
