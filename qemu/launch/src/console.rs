// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The console: lines with the time at which they came, and waiting for one.

use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How many lines an error shows.
const TAIL_LINES: usize = 25;

/// One line of console output, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// From the start of QEMU to the arrival of the line's end.
    pub at: Duration,
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:>9.3} | {}", self.at.as_secs_f64(), self.text)
    }
}

/// Why a wait ended without its line.
#[derive(Debug, PartialEq, Eq)]
pub enum WaitError {
    /// The deadline passed; the last lines are shown.
    Deadline {
        /// The last lines that came.
        tail: Vec<Line>,
    },
    /// The console closed: QEMU has ended.
    Ended {
        /// The last lines that came.
        tail: Vec<Line>,
    },
}

impl fmt::Display for WaitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (why, tail) = match self {
            Self::Deadline { tail } => ("the deadline passed", tail),
            Self::Ended { tail } => ("QEMU ended", tail),
        };
        write!(formatter, "{why}; the console's last lines:")?;
        for line in tail {
            write!(formatter, "\n  {line}")?;
        }
        if tail.is_empty() {
            write!(formatter, " (none)")?;
        }
        Ok(())
    }
}

impl std::error::Error for WaitError {}

#[derive(Default)]
struct State {
    lines: Vec<Line>,
    ended: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements, so a watcher's panic does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that a machine has printed so far, and a way to wait for more. Cheap to clone.
#[derive(Clone)]
pub struct Console {
    shared: Arc<Shared>,
}

impl Console {
    /// Reads `source` to its end in a thread of its own; `log` keeps a copy.
    pub fn read(
        source: impl Read + Send + 'static,
        started: Instant,
        log: Option<&Path>,
    ) -> io::Result<Self> {
        let mut log = log.map(File::create).transpose()?;
        let shared = Arc::new(Shared::default());
        let writer = Arc::clone(&shared);
        thread::Builder::new().name("console".into()).spawn(move || {
            let mut source = BufReader::new(source);
            let mut bytes = Vec::new();
            loop {
                bytes.clear();
                let ended = !matches!(source.read_until(b'\n', &mut bytes), Ok(count) if count > 0);
                if ended && bytes.is_empty() {
                    break;
                }
                let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned();
                let line = Line { at: started.elapsed(), text };
                if let Some(file) = &mut log
                    && writeln!(file, "{line}").is_err()
                {
                    log = None; // a full disk must not stop the machine
                }
                writer.state().lines.push(line);
                writer.changed.notify_all();
            }
            writer.state().ended = true;
            writer.changed.notify_all();
        })?;
        Ok(Self { shared })
    }

    /// How many lines there are: the position from which to wait for what comes next.
    pub fn position(&self) -> usize {
        self.shared.state().lines.len()
    }

    /// The lines from `position` on.
    pub fn lines_from(&self, position: usize) -> Vec<Line> {
        self.shared.state().lines.get(position..).unwrap_or_default().to_vec()
    }

    /// The last lines.
    pub fn tail(&self) -> Vec<Line> {
        tail(&self.shared.state())
    }

    /// Whether QEMU has closed the console.
    pub fn ended(&self) -> bool {
        self.shared.state().ended
    }

    /// Waits until a line at or behind `position` makes `wanted` return something; gives the position behind
    /// that line and what was returned.
    pub fn wait_for<T>(
        &self,
        position: usize,
        deadline: Instant,
        mut wanted: impl FnMut(&Line) -> Option<T>,
    ) -> Result<(usize, T), WaitError> {
        let mut next = position;
        let mut state = self.shared.state();
        loop {
            while let Some(line) = state.lines.get(next) {
                next += 1;
                if let Some(found) = wanted(line) {
                    return Ok((next, found));
                }
            }
            if state.ended {
                return Err(WaitError::Ended { tail: tail(&state) });
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(WaitError::Deadline { tail: tail(&state) });
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, deadline - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits until QEMU has closed the console.
    pub fn wait_for_end(&self, deadline: Instant) -> Result<(), WaitError> {
        match self.wait_for(self.position(), deadline, |_| None::<Infallible>) {
            Err(WaitError::Ended { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Waits for a line that contains `text`.
    pub fn wait_for_text(
        &self,
        position: usize,
        deadline: Instant,
        text: &str,
    ) -> Result<(usize, Line), WaitError> {
        self.wait_for(position, deadline, |line| line.text.contains(text).then(|| line.clone()))
    }
}

fn tail(state: &State) -> Vec<Line> {
    let from = state.lines.len().saturating_sub(TAIL_LINES);
    state.lines.get(from..).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::pipe;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn lines_are_split_and_cleaned() {
        let console = Console::read(&b"one\r\ntwo\n\xff\nlast"[..], Instant::now(), None).unwrap();
        let (position, line) = console.wait_for_text(0, soon(), "last").unwrap();
        assert_eq!(line.text, "last");
        assert_eq!(position, 4);
        let texts: Vec<_> = console.lines_from(0).into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["one", "two", "\u{fffd}", "last"]);
    }

    #[test]
    fn a_wait_sees_a_line_that_comes_later() {
        let (reader, mut writer) = pipe().unwrap();
        let console = Console::read(reader, Instant::now(), None).unwrap();
        let waiter = {
            let console = console.clone();
            thread::spawn(move || console.wait_for_text(0, soon(), "ready"))
        };
        writer.write_all(b"starting\nready\n").unwrap();
        assert_eq!(waiter.join().unwrap().unwrap().1.text, "ready");
    }

    #[test]
    fn the_end_ends_a_wait_at_once() {
        let (reader, mut writer) = pipe().unwrap();
        let console = Console::read(reader, Instant::now(), None).unwrap();
        writer.write_all(b"goodbye\n").unwrap();
        drop(writer);
        let error = console.wait_for_text(0, soon(), "never").unwrap_err();
        assert!(matches!(&error, WaitError::Ended { tail } if tail.len() == 1), "{error}");
    }

    #[test]
    fn a_deadline_ends_a_wait() {
        let (reader, _writer) = pipe().unwrap();
        let console = Console::read(reader, Instant::now(), None).unwrap();
        let error = console.wait_for_text(0, Instant::now(), "never").unwrap_err();
        assert_eq!(error, WaitError::Deadline { tail: Vec::new() });
    }

    #[test]
    fn a_wait_does_not_look_behind_its_position() {
        let console = Console::read(&b"again\n"[..], Instant::now(), None).unwrap();
        let (position, _) = console.wait_for_text(0, soon(), "again").unwrap();
        assert!(console.wait_for_text(position, soon(), "again").is_err());
    }

    #[test]
    fn the_log_has_every_line() {
        let folder = std::env::temp_dir().join(format!("cofferdam-console-{}", std::process::id()));
        let console = Console::read(&b"a\nb\n"[..], Instant::now(), Some(&folder)).unwrap();
        assert!(console.wait_for_text(0, soon(), "never").is_err());
        let log = std::fs::read_to_string(&folder).unwrap();
        std::fs::remove_file(&folder).unwrap();
        assert!(log.lines().count() == 2 && log.contains("| b"), "{log}");
    }
}
