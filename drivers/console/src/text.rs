// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Any bytes, made harmless for a terminal.

use core::fmt::{self, Write};

/// Writes `bytes` so that they stay on one line and command no terminal: control characters, characters that
/// turn the direction of writing, and what is not UTF-8 are written as escapes; a tab becomes a space.
///
/// # Errors
/// As `to` gives them.
pub fn sanitise(bytes: &[u8], to: &mut impl Write) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\t' => to.write_char(' ')?,
                _ if is_harmless(character) => to.write_char(character)?,
                '\n' => to.write_str("\\n")?,
                '\r' => to.write_str("\\r")?,
                _ if u32::from(character) < 0x100 => write!(to, "\\x{:02x}", u32::from(character))?,
                _ => write!(to, "\\u{{{:x}}}", u32::from(character))?,
            }
        }
        for byte in chunk.invalid() {
            write!(to, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

fn is_harmless(character: char) -> bool {
    !character.is_control()
        // Marks of direction, separators of lines and paragraphs, overrides, isolates, byte order mark.
        && !matches!(character,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
