// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A recording as a file.

use core::fmt;

use minicbor::{Decode, Encode};

/// What the file says it is.
const FORMAT: &str = "cofferdam recording 1";

/// What an app was asked and answered on a device, and which app it was. In CBOR: a map with these numbers. Nothing in it is
/// signed: it is the word of whoever answered in the device's name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Recording {
    /// `cofferdam recording 1`.
    #[n(1)]
    format: String,
    /// The device that it is said to come from.
    #[n(2)]
    pub device_id: String,
    /// The manifest of the app that was installed when the recording was fetched.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub manifest: Vec<u8>,
    /// There was no room for what came then.
    #[n(4)]
    pub full: bool,
    /// Activations in it, as the slot counts them; loading is one.
    #[n(5)]
    pub activations: u64,
    /// Orders and entries, as the recording crate describes them.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

/// Not such a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotARecording;

impl fmt::Display for NotARecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a recording, or damaged as a whole")
    }
}

impl core::error::Error for NotARecording {}

impl Recording {
    /// A recording that a device gave.
    #[must_use]
    pub fn new(device_id: &str, manifest: Vec<u8>, full: bool, activations: u64, bytes: Vec<u8>) -> Self {
        Self { format: FORMAT.into(), device_id: device_id.into(), manifest, full, activations, bytes }
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default() // encoding into memory cannot fail
    }

    /// Reads a file. Only its form is checked.
    ///
    /// # Errors
    /// If it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotARecording> {
        match minicbor::decode::<Self>(bytes) {
            Ok(recording) if recording.format == FORMAT => Ok(recording),
            _ => Err(NotARecording),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_and_nothing_else_does() {
        let recording = Recording::new("bench", vec![1, 2], true, 7, vec![3; 1000]);
        let bytes = recording.encode();
        assert_eq!(Recording::decode(&bytes), Ok(recording));
        for length in 0..bytes.len() {
            assert_eq!(Recording::decode(&bytes[..length]), Err(NotARecording));
        }
        let mut other = bytes;
        let at = other.windows(9).position(|window| window == b"recording").unwrap();
        other[at] = b'R';
        assert_eq!(Recording::decode(&other), Err(NotARecording));
    }
}
