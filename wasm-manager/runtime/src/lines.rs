// SPDX-License-Identifier: Apache-2.0 OR MIT
//! From an app's bytes to log lines: cut, decoded, and no more of them than its rate allows.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Host, Level};

/// What a line costs beside its text: its record's header, its newline.
const LINE_OVERHEAD_BYTES: u64 = 16;
const MICROSECONDS_PER_SECOND: u64 = 1_000_000;

/// Lets through `log_bytes_per_second`, in bursts of up to one second's worth.
#[derive(Debug)]
pub(crate) struct LogGate {
    bytes_per_second: u64,
    line_bytes: usize,
    /// In millionths of a byte, so that no fraction is lost.
    credit: u64,
    credited_us: Option<u64>,
    pub(crate) lines: u64,
    pub(crate) bytes_dropped: u64,
}

impl LogGate {
    pub(crate) fn new(bytes_per_second: u32, line_bytes: u32) -> Self {
        Self {
            bytes_per_second: bytes_per_second.into(),
            line_bytes: line_bytes as usize,
            credit: u64::from(bytes_per_second) * MICROSECONDS_PER_SECOND,
            credited_us: None,
            lines: 0,
            bytes_dropped: 0,
        }
    }

    /// Writes `bytes` as one line; false if the rate does not allow it.
    pub(crate) fn write(&mut self, host: &mut impl Host, level: Level, bytes: &[u8]) -> bool {
        let bytes = bytes.get(..self.line_bytes).unwrap_or(bytes);
        let cost = (bytes.len() as u64).saturating_add(LINE_OVERHEAD_BYTES);
        self.refill(host.now_us());
        match self.credit.checked_sub(cost * MICROSECONDS_PER_SECOND) {
            Some(credit) => {
                self.credit = credit;
                self.lines = self.lines.saturating_add(1);
                host.log(level, &String::from_utf8_lossy(bytes));
                true
            }
            None => {
                self.bytes_dropped = self.bytes_dropped.saturating_add(bytes.len() as u64);
                false
            }
        }
    }

    fn refill(&mut self, now_us: u64) {
        let elapsed_us = now_us.saturating_sub(self.credited_us.unwrap_or(now_us));
        self.credited_us = Some(now_us);
        let full = self.bytes_per_second * MICROSECONDS_PER_SECOND;
        let gained = elapsed_us.saturating_mul(self.bytes_per_second);
        self.credit = self.credit.saturating_add(gained).min(full);
    }
}

/// Collects what a program writes to a descriptor until a line is complete.
#[derive(Debug, Default)]
pub(crate) struct LineBuffer {
    line: Vec<u8>,
}

impl LineBuffer {
    pub(crate) fn write(&mut self, gate: &mut LogGate, host: &mut impl Host, level: Level, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.flush(gate, host, level);
            } else {
                if self.line.len() >= gate.line_bytes {
                    self.wrap(gate, host, level);
                }
                self.line.push(*byte);
            }
        }
    }

    /// What is longer than a line may be goes on in the next one; no character is cut in two.
    fn wrap(&mut self, gate: &mut LogGate, host: &mut impl Host, level: Level) {
        let whole = match core::str::from_utf8(&self.line) {
            Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
            _ => self.line.len(),
        };
        gate.write(host, level, self.line.get(..whole).unwrap_or(&self.line));
        self.line.drain(..whole);
    }

    /// Writes what there is although no newline came.
    pub(crate) fn flush(&mut self, gate: &mut LogGate, host: &mut impl Host, level: Level) {
        gate.write(host, level, &self.line);
        self.line.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }
}
