// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A command on a terminal of its own, ended as a user ends it: by Ctrl-C.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use cofferdam_qemu::{Console, Line};

use super::promise::Transcript;
use crate::context::STEP_LIMIT;

/// util-linux' tool that runs a command on a pseudo-terminal; its own standard input is what is typed.
const SCRIPT: &str = "/usr/bin/script";
/// util-linux' tool that has the kernel end another program with us. Without `script` the terminal hangs up,
/// which ends what runs on it in order.
const SETPRIV: &str = "/usr/bin/setpriv";
/// What Ctrl-C sends.
const CTRL_C: &[u8] = b"\x03";
/// Whoever has this in its environment was started on the terminal of this value.
const MARK: &str = "COFFERDAM_README_TERMINAL";
/// For a program to end after Ctrl-C.
const END_LIMIT: Duration = Duration::from_secs(30);
/// The status of what a Ctrl-C ended, to a shell; make ends so whatever its commands do.
const INTERRUPTED: i32 = 130;

/// A running command.
pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Console,
    mark: String,
    command: String,
}

impl Terminal {
    /// Starts `command` as `prepare` makes it ready: folder and environment. `log` keeps the screen.
    pub fn start(command: &str, log: &Path, prepare: impl FnOnce(&mut Command)) -> Result<Self> {
        ensure!(Path::new(SCRIPT).exists(), "{SCRIPT} is missing: it is part of Debian's bsdutils");
        let mark = format!("{MARK}={}-{}", std::process::id(), log.display());
        let mut program = Command::new(SETPRIV);
        program.args(["--pdeathsig", "KILL", SCRIPT, "--quiet", "--flush", "--return", "--command", command]);
        program.arg("/dev/null");
        prepare(&mut program);
        program.env(MARK, mark.trim_start_matches(MARK).trim_start_matches('='));
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let started = Instant::now();
        let mut child = program.spawn().with_context(|| format!("cannot start {command}"))?;
        let (Some(keys), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("no pipes to {command}");
        };
        let screen = Console::read(output, started, Some(log)).context("cannot keep the screen")?;
        Ok(Self { child, keys, screen, mark, command: command.to_owned() })
    }

    /// Waits until a line with `text` was shown.
    pub fn wait(&self, text: &str, limit: Duration) -> Result<()> {
        let seen = self.screen.wait_for_text(0, Instant::now() + limit, text);
        seen.map(|_| ()).with_context(|| format!("`{}` did not show '{text}'", self.command))
    }

    /// Waits until all of `transcript` was shown.
    pub fn show(&self, mut transcript: Transcript) -> Result<()> {
        let heard = |line: &Line| transcript.hear(&line.text).then_some(());
        let seen = self.screen.wait_for(0, Instant::now() + STEP_LIMIT, heard);
        seen.map(|_| ()).with_context(|| format!("`{}` did not show:{}", self.command, transcript.missing()))
    }

    /// What stands between `before` and `after` on the first line that has both.
    pub fn between(&self, before: &str, after: &str) -> Result<String> {
        let find = |line: &Line| {
            let (_, behind) = line.text.split_once(before)?;
            Some(behind.split_once(after)?.0.trim().to_owned())
        };
        let found = self.screen.lines_from(0).iter().find_map(find);
        found.ok_or_else(|| anyhow!("`{}` has no line with '{before}' and '{after}'", self.command))
    }

    /// Presses Ctrl-C. The command must then say `farewell` and end, with everything that it started.
    pub fn interrupt(mut self, farewell: &str) -> Result<()> {
        let command = self.command.clone();
        let running = self.processes();
        ensure!(
            running.iter().any(|(_, name)| name.starts_with("qemu-system")),
            "`{command}` runs no QEMU, but: {running:?}"
        );
        let position = self.screen.position();
        self.keys.write_all(CTRL_C).and_then(|()| self.keys.flush()).context("cannot press Ctrl-C")?;
        let deadline = Instant::now() + END_LIMIT;
        let ended = self.screen.wait_for_end(deadline);
        ended.with_context(|| format!("`{command}` did not end at Ctrl-C"))?;
        let status = self.child.wait().context("cannot reap it")?;
        ensure!(is_clean(status), "`{command}` ended with {status} at Ctrl-C");
        let last = self.screen.lines_from(position);
        ensure!(last.iter().any(|line| line.text.contains(farewell)), "no '{farewell}' but: {last:?}");
        let left = self.processes();
        ensure!(left.is_empty(), "`{command}` left behind: {left:?}");
        let alarm = |line: &Line| line.text.contains("panic") || line.text.contains("faulted");
        match self.screen.lines_from(0).into_iter().find(alarm) {
            Some(line) => bail!("`{command}` showed: {line}"),
            None => Ok(()),
        }
    }

    /// Ids and names of the processes that run on this terminal, or were started there.
    fn processes(&self) -> Vec<(u32, String)> {
        let Ok(folders) = fs::read_dir("/proc") else { return Vec::new() };
        let marked = |id: u32| {
            let environment = fs::read(format!("/proc/{id}/environ")).ok()?;
            environment.split(|byte| *byte == 0).any(|entry| entry == self.mark.as_bytes()).then_some(())?;
            Some((id, fs::read_to_string(format!("/proc/{id}/comm")).ok()?.trim().to_owned()))
        };
        folders.filter_map(|folder| marked(folder.ok()?.file_name().to_str()?.parse().ok()?)).collect()
    }
}

impl Drop for Terminal {
    /// After an error: the terminal hangs up, and what does not end by that is ended by its id.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // Each fails only if there is nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for (id, _) in self.processes() {
            let _ = Command::new("kill").args(["-TERM", &id.to_string()]).stderr(Stdio::null()).status();
        }
    }
}

fn is_clean(status: ExitStatus) -> bool {
    matches!(status.code(), Some(0 | INTERRUPTED))
}
