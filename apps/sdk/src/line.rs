// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Log lines.

use core::fmt::{self, Write};

use crate::host;

/// Longest line that is written; the host's own limit for an app that asks for no other is 200.
const LINE_BYTES: usize = 240;

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Level {
    /// Something failed.
    Error = 1,
    /// Something is not as it should be.
    Warn = 2,
    /// What one wants to know.
    Info = 3,
    /// What one wants to know when something is wrong.
    Debug = 4,
}

/// Writes a line to the log: `log!("{speed:.2} m/s")`. Above the app's log rate it is dropped.
#[macro_export]
macro_rules! log {
    ($($arguments:tt)*) => { $crate::write_line($crate::Level::Info, ::core::format_args!($($arguments)*)) };
}

/// Writes a warning to the log.
#[macro_export]
macro_rules! warn {
    ($($arguments:tt)*) => { $crate::write_line($crate::Level::Warn, ::core::format_args!($($arguments)*)) };
}

/// Writes an error to the log.
#[macro_export]
macro_rules! error {
    ($($arguments:tt)*) => { $crate::write_line($crate::Level::Error, ::core::format_args!($($arguments)*)) };
}

/// Shows a number with so many decimals (at most six), as `{:.2}` does but with a tenth of the code: what
/// core brings for floats is most of a small app.
#[derive(Clone, Copy, Debug)]
pub struct Decimal(pub f64, pub u32);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, decimals) = *self;
        let unit = 10u64.pow(decimals.min(6));
        let scaled = value * unit as f64;
        // Above this a float has no such decimals, and NaN is not below it.
        if !(-1e15..=1e15).contains(&scaled) {
            return f.write_str("out of range");
        }
        let sign = if scaled < 0.0 { "-" } else { "" };
        let rounded = (if scaled < 0.0 { 0.5 - scaled } else { scaled + 0.5 }) as u64;
        write!(f, "{sign}{}", rounded / unit)?;
        if unit == 1 {
            return Ok(());
        }
        f.write_str(".")?;
        let (mut rest, mut place) = (rounded % unit, unit / 10);
        while place > 0 {
            write!(f, "{}", rest / place)?;
            rest %= place;
            place /= 10;
        }
        Ok(())
    }
}

/// What the macros expand to. A line that is too long is cut.
pub fn write_line(level: Level, arguments: fmt::Arguments<'_>) {
    let mut line = Line { bytes: [0; LINE_BYTES], length: 0 };
    // Fails when the line is full; what fits is written.
    let _ = line.write_fmt(arguments);
    host::log(level as i32, line.bytes.get(..line.length).unwrap_or(&[]));
}

struct Line {
    bytes: [u8; LINE_BYTES],
    length: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.bytes.get_mut(self.length).ok_or(fmt::Error)? = byte;
            self.length += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn decimals_are_rounded_and_padded() {
        assert_eq!(Decimal(10.005_1, 2).to_string(), "10.01");
        assert_eq!(Decimal(0.049, 1).to_string(), "0.0");
        assert_eq!(Decimal(-3.25, 1).to_string(), "-3.3");
        assert_eq!(Decimal(7.5, 0).to_string(), "8");
        assert_eq!(Decimal(1.000_05, 4).to_string(), "1.0001");
        assert_eq!(Decimal(f64::NAN, 2).to_string(), "out of range");
    }
}
