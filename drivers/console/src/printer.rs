// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From many rings to one output.

use core::fmt::{self, Write as _};

use cofferdam_log_ring::{Origin, RecordBuffer};
use heapless::Vec;

use crate::sanitise;
use crate::source::{Note, Source};

/// Most bytes that one call of [`Console::pump`] writes. More than any UART's FIFO holds, so that stopping
/// short of it means that the FIFO is full.
pub const BYTES_PER_WAKE: usize = 1024;
/// Most lines of one ring while others wait: a round. Within a round lines are in the order of time.
const LINES_PER_ROUND: u32 = 8;
/// Most attempts of one call of [`Console::pump`] to find a line.
const ATTEMPTS_PER_WAKE: usize = 64;
/// The longest line, as it is written.
const LINE_MAX_BYTES: usize = 2048;
/// How a line that is too long ends, and how every line ends.
const CUT: &[u8] = b"...";
const LINE_END: &[u8] = b"\r\n";

/// Where bytes go to.
pub trait Output {
    /// Takes a byte, or refuses it because there is no room now.
    fn try_write(&mut self, byte: u8) -> bool;
}

/// What [`Console::pump`] has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Everything is written: call again when a ring's owner has notified.
    Idle,
    /// Bytes have been written and more are waiting: call again when the output has room.
    More,
}

/// The line that is being written.
#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8, LINE_MAX_BYTES>,
    written: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let free = LINE_MAX_BYTES - CUT.len() - LINE_END.len() - self.bytes.len();
        // Cut at a character, never inside one.
        let fits = text.floor_char_boundary(free);
        let (taken, left) = text.split_at(fits);
        let _ = self.bytes.extend_from_slice(taken.as_bytes());
        if left.is_empty() { Ok(()) } else { Err(fmt::Error) }
    }
}

impl Line {
    /// Puts a line together; one that is too long is cut.
    fn set(&mut self, content: impl FnOnce(&mut Self) -> fmt::Result) {
        self.bytes.clear();
        self.written = 0;
        if content(self).is_err() {
            // `write_str` leaves room for both.
            let _ = self.bytes.extend_from_slice(CUT);
        }
        let _ = self.bytes.extend_from_slice(LINE_END);
    }

    /// Writes the rest, `budget` bytes at most. Returns whether the line is done.
    fn write(&mut self, output: &mut impl Output, budget: &mut usize) -> bool {
        while let Some(byte) = self.bytes.get(self.written) {
            if *budget == 0 || !output.try_write(*byte) {
                return false;
            }
            self.written += 1;
            *budget -= 1;
        }
        true
    }
}

fn write_time(line: &mut Line, time_us: u64) -> fmt::Result {
    write!(line, "[{:>5}.{:06}] ", time_us / 1_000_000, time_us % 1_000_000)
}

/// Merges `SOURCES` rings.
#[derive(Debug)]
pub struct Console<const SOURCES: usize> {
    sources: [Source; SOURCES],
    record: RecordBuffer,
    line: Line,
}

/// What an attempt to find a line has come to.
enum Attempt {
    Line,
    Nothing,
    Again,
}

impl<const SOURCES: usize> Console<SOURCES> {
    /// A console for these rings.
    pub fn new(sources: [Source; SOURCES]) -> Self {
        Self { sources, record: RecordBuffer::new(), line: Line::default() }
    }

    /// The rings, in the order in which they were given.
    pub const fn sources(&self) -> &[Source; SOURCES] {
        &self.sources
    }

    /// Writes what there is, up to [`BYTES_PER_WAKE`] or until `output` refuses.
    pub fn pump(&mut self, output: &mut impl Output, now_us: u64) -> Progress {
        let mut budget = BYTES_PER_WAKE;
        for _ in 0..ATTEMPTS_PER_WAKE {
            if !self.line.write(output, &mut budget) {
                return Progress::More;
            }
            match self.next_line(now_us) {
                Attempt::Line | Attempt::Again => {}
                Attempt::Nothing => return Progress::Idle,
            }
        }
        if budget < BYTES_PER_WAKE { Progress::More } else { Progress::Idle }
    }

    fn next_line(&mut self, now_us: u64) -> Attempt {
        let mut earliest: Option<(u64, &mut Source)> = None;
        let mut another_round = false;
        for source in &mut self.sources {
            let next_us = source.next_us();
            if let Some(note) = source.note(now_us) {
                let name = source.name();
                self.line.set(|line| write_note(line, now_us, name, note));
                return Attempt::Line;
            }
            // Nobody can have written in the future.
            let Some(next_us) = next_us.map(|next_us| next_us.min(now_us)) else { continue };
            if source.printed >= LINES_PER_ROUND {
                another_round = true;
            } else if earliest.as_ref().is_none_or(|(earliest_us, _)| next_us < *earliest_us) {
                earliest = Some((next_us, source));
            }
        }
        let Some((_, source)) = earliest else {
            for source in &mut self.sources {
                source.printed = 0;
            }
            return if another_round { Attempt::Again } else { Attempt::Nothing };
        };
        source.printed += 1;
        let name = source.name();
        let Some(record) = source.read(&mut self.record) else { return Attempt::Again };
        self.line.set(|line| {
            write_time(line, record.time_us.min(now_us))?;
            line.write_str(name)?;
            if record.origin == Origin::App {
                line.write_char('/')?;
                sanitise(record.name, line)?;
            }
            line.write_str(": ")?;
            sanitise(record.text, line)
        });
        Attempt::Line
    }
}

fn write_note(line: &mut Line, now_us: u64, name: &str, note: Note) -> fmt::Result {
    write_time(line, now_us)?;
    match note {
        Note::Lost { bytes } => write!(line, "console: {name}: {bytes} bytes of its log were lost"),
        Note::Broken(error) => write!(line, "console: {name}: {error}"),
    }
}
