// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The real `cofferdam` program, run with a deadline.

use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// What a finished program left.
#[derive(Debug)]
pub struct Finished {
    /// The command line, for messages.
    pub command_line: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl fmt::Display for Finished {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}\n  {}\n  stdout: {}\n  stderr: {}",
            self.command_line,
            self.status,
            self.stdout.trim(),
            self.stderr.trim()
        )
    }
}

/// Runs `program` to its end. It is killed, and that is an error, when `limit` is over first.
pub fn run(
    program: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    environment: &[(&str, &OsStr)],
    limit: Duration,
) -> Result<Finished> {
    let mut command = Command::new(program);
    command.args(arguments);
    for (name, value) in environment {
        command.env(name, value);
    }
    run_command(command, limit)
}

/// The same for a command with everything but its pipes.
pub fn run_command(mut command: Command, limit: Duration) -> Result<Finished> {
    let deadline = Instant::now() + limit;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let command_line = format!("{command:?}");
    let mut child = command.spawn().with_context(|| format!("cannot start {command_line}"))?;
    let (sender, receiver) = mpsc::channel();
    collect(child.stdout.take(), true, sender.clone());
    collect(child.stderr.take(), false, sender);
    let (mut stdout, mut stderr) = (String::new(), String::new());
    for _ in 0..2 {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((true, text)) => stdout = text,
            Ok((false, text)) => stderr = text,
            Err(_) => {
                child.kill().context("cannot end it")?;
                child.wait().context("cannot reap it")?;
                bail!(
                    "{command_line} was not done in {limit:?} and was ended\n  stdout: {stdout}\n  stderr: {stderr}"
                );
            }
        }
    }
    let status = child.wait().context("cannot reap it")?;
    Ok(Finished { command_line, status, stdout, stderr })
}

/// Reads a pipe to its end in a thread.
fn collect(pipe: Option<impl Read + Send + 'static>, is_stdout: bool, sender: mpsc::Sender<(bool, String)>) {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before an error is worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send((is_stdout, String::from_utf8_lossy(&bytes).into_owned()));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_ENVIRONMENT: &[(&str, &OsStr)] = &[];

    #[test]
    fn output_and_status_are_kept() {
        let script = "echo out; echo err >&2; exit 3";
        let done =
            run(Path::new("/bin/sh"), ["-c", script], NO_ENVIRONMENT, Duration::from_secs(20)).unwrap();
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(done.status.code(), Some(3));
    }

    #[test]
    fn what_does_not_end_is_ended() {
        let limit = Duration::from_millis(100);
        let error = run(Path::new("/bin/cat"), ["/dev/zero"], NO_ENVIRONMENT, limit).map(|_| ());
        // cat's output is endless, so its pipe never closes by itself.
        assert!(error.unwrap_err().to_string().contains("was not done"));
    }
}
