// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The backend of the crate `log`.

use core::fmt::{self, Write as _};

use spin::Once;

use crate::{Line, Origin, Producer, TEXT_MAX_BYTES};

/// A line while it is put together; what does not fit is left out, and three dots say so.
#[derive(Debug)]
pub struct LineBuffer {
    bytes: [u8; TEXT_MAX_BYTES],
    length: usize,
}

impl LineBuffer {
    /// An empty line.
    pub const fn new() -> Self {
        Self { bytes: [0; TEXT_MAX_BYTES], length: 0 }
    }

    /// The line so far.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

impl Default for LineBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Write for LineBuffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let free = self.bytes.get_mut(self.length..).unwrap_or_default();
        let fits = text.len().min(free.len());
        for (to, from) in free.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        self.length += fits;
        if fits < text.len() {
            let end = self.bytes.len() - 3..;
            self.bytes.get_mut(end).unwrap_or_default().copy_from_slice(b"...");
        }
        Ok(())
    }
}

/// What a logger needs beside its ring.
#[derive(Debug)]
struct Attached {
    producer: Producer,
    now_us: fn() -> u64,
    wake_reader: fn(),
}

/// A [`log::Log`] that writes to a log ring. Without [`Logger::install`] it drops what it gets.
#[derive(Debug)]
pub struct Logger {
    attached: Once<Attached>,
}

impl Logger {
    /// A logger without a ring.
    pub const fn new() -> Self {
        Self { attached: Once::new() }
    }

    /// Gives the logger its ring, a clock, and a way to wake whoever reads. Only the first call counts.
    pub fn install(&self, producer: Producer, now_us: fn() -> u64, wake_reader: fn()) {
        self.attached.call_once(|| Attached { producer, now_us, wake_reader });
    }

    /// Writes a line that an app says.
    pub fn app_line(&self, level: log::Level, name: &str, text: &[u8]) {
        self.write(level, Origin::App, name.as_bytes(), text);
    }

    /// Writes a line that the protection domain itself says.
    pub fn own_line(&self, level: log::Level, text: fmt::Arguments<'_>) {
        let mut line = LineBuffer::new();
        // A `Display` that fails leaves its line cut short.
        let _ = line.write_fmt(text);
        self.write(level, Origin::ProtectionDomain, &[], line.as_bytes());
    }

    fn write(&self, level: log::Level, origin: Origin, name: &[u8], text: &[u8]) {
        if let Some(attached) = self.attached.get() {
            attached.producer.push(Line { time_us: (attached.now_us)(), level, origin, name, text });
            (attached.wake_reader)();
        }
    }
}

impl Default for Logger {
    fn default() -> Self {
        Self::new()
    }
}

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            self.own_line(record.level(), *record.args());
        }
    }

    fn flush(&self) {}
}
