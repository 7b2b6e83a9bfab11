// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Frames: making them, and finding them in a stream that arrives in arbitrary pieces.

use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use crate::message::{DeviceMessage, HostMessage};

/// Length of the length.
pub const HEADER_BYTES: usize = 4;
/// Longest message in a frame, the length not counted: a chunk with its surroundings, with room to spare.
pub const FRAME_BYTES_MAX: usize = 4096;

/// [`DeviceMessage::Busy`] as a frame: what the gateway, which makes no other message, answers a second
/// connection with.
pub const BUSY_FRAME: [u8; 5] = [1, 0, 0, 0, 1];

/// Why a stream of bytes is no stream of frames, or a message makes no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// A frame announces more bytes than [`FRAME_BYTES_MAX`].
    TooLong(u32),
    /// A frame without a message.
    Empty,
    /// A message that does not fit in a frame, or is of no known kind.
    Malformed,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes) => write!(f, "frame of {bytes} bytes, at most {FRAME_BYTES_MAX}"),
            Self::Empty => f.write_str("empty frame"),
            Self::Malformed => f.write_str("malformed message"),
        }
    }
}

impl core::error::Error for FrameError {}

/// Encodes a message of the host as a frame.
///
/// # Errors
/// [`FrameError::TooLong`] if it does not fit.
pub fn encode_host(message: &HostMessage<'_>) -> Result<Vec<u8>, FrameError> {
    encode(message)
}

/// Encodes a message of the device as a frame.
///
/// # Errors
/// [`FrameError::TooLong`] if it does not fit.
pub fn encode_device(message: &DeviceMessage) -> Result<Vec<u8>, FrameError> {
    encode(message)
}

fn encode(message: &impl Serialize) -> Result<Vec<u8>, FrameError> {
    let mut frame =
        postcard::to_extend(message, alloc::vec![0; HEADER_BYTES]).map_err(|_| FrameError::Malformed)?;
    let len = u32::try_from(frame.len().saturating_sub(HEADER_BYTES)).unwrap_or(u32::MAX);
    if len as usize > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong(len));
    }
    frame.iter_mut().zip(len.to_le_bytes()).for_each(|(to, from)| *to = from);
    Ok(frame)
}

/// Finds frames in a stream. It holds one frame and never allocates; after an error it stays in error.
pub struct FrameDecoder {
    buffer: [u8; HEADER_BYTES + FRAME_BYTES_MAX],
    /// Bytes of the current frame that are in `buffer`.
    filled: usize,
    /// The current frame was handed out and gives way to the next.
    complete: bool,
    failed: Option<FrameError>,
}

impl FrameDecoder {
    /// A decoder at the beginning of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: [0; HEADER_BYTES + FRAME_BYTES_MAX], filled: 0, complete: false, failed: None }
    }

    /// Forgets all, for a new stream.
    pub fn reset(&mut self) {
        self.filled = 0;
        self.complete = false;
        self.failed = None;
    }

    /// Takes bytes from the front of `input`, up to the end of one frame. Returns that frame's message bytes,
    /// or `None` when `input` is used up before the frame is whole. Call again until it returns `None`.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] or [`FrameError::Empty`]; the stream is lost then.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<&[u8]>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if core::mem::take(&mut self.complete) {
            self.filled = 0;
        }
        self.take(input, HEADER_BYTES);
        let Some(header) = self.buffer.first_chunk().filter(|_| self.filled >= HEADER_BYTES) else {
            return Ok(None);
        };
        let len = u32::from_le_bytes(*header);
        if len == 0 || len as usize > FRAME_BYTES_MAX {
            let error = if len == 0 { FrameError::Empty } else { FrameError::TooLong(len) };
            self.failed = Some(error);
            return Err(error);
        }
        let end = HEADER_BYTES.saturating_add(len as usize);
        self.take(input, end);
        self.complete = self.filled >= end;
        Ok(if self.complete { self.buffer.get(HEADER_BYTES..end) } else { None })
    }

    /// Moves bytes from `input` until `buffer` holds `end` of them or there are no more.
    fn take(&mut self, input: &mut &[u8], end: usize) {
        let count = end.saturating_sub(self.filled).min(input.len());
        let (taken, rest) = input.split_at(count);
        let end = self.filled.saturating_add(count);
        if let Some(free) = self.buffer.get_mut(self.filled..end) {
            free.copy_from_slice(taken);
            self.filled = end;
            *input = rest;
        }
    }
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self::new()
    }
}
