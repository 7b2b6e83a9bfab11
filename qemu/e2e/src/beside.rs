// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A program that runs beside a test. It ends with the test, whatever happens to that.

use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use cofferdam_qemu::Console;

/// A running program, its standard output and its standard input.
pub struct Beside {
    child: Child,
    output: Console,
    input: Option<ChildStdin>,
    command_line: String,
}

impl Beside {
    /// Starts it.
    pub fn start(mut command: Command) -> Result<Self> {
        let command_line = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command_line}"))?;
        let output = child.stdout.take().ok_or_else(|| anyhow!("no pipe from {command_line}"))?;
        let input = child.stdin.take();
        let output = Console::read(output, Instant::now(), None)?;
        Ok(Self { child, output, input, command_line })
    }

    /// Waits for a line with this in it; gives what comes behind that.
    pub fn expect(&self, text: &str, limit: Duration) -> Result<String> {
        let seen = self.output.wait_for_text(0, Instant::now() + limit, text);
        let (_, line) = seen.with_context(|| format!("{} did not say '{text}'", self.command_line))?;
        Ok(line.text.split_once(text).map(|(_, behind)| behind.trim().to_owned()).unwrap_or_default())
    }

    /// Lets its standard input end.
    pub fn close(&mut self) {
        self.input = None;
    }

    /// Kills it.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().with_context(|| format!("cannot kill {}", self.command_line))
    }

    /// Waits until it has ended with this status; gives all that it said.
    pub fn finish(mut self, status: i32, limit: Duration) -> Result<String> {
        // Its output ends with it.
        let ended = self.output.wait_for_end(Instant::now() + limit);
        ended.with_context(|| format!("{} did not end", self.command_line))?;
        let ended = self.child.wait().with_context(|| format!("cannot reap {}", self.command_line))?;
        let lines: Vec<String> = self.output.lines_from(0).into_iter().map(|line| line.text).collect();
        let said = lines.join("\n");
        ensure!(ended.code() == Some(status), "{} ended with {ended}: {said}", self.command_line);
        Ok(said)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Each fails only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
