// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What passes between the `cofferdam` tool and a device on TCP port 7700.
//!
//! Each message is a frame: its length as four bytes, little-endian, then the message in postcard. The device
//! speaks first with a [`Greeting`]. A command goes as [`HostMessage::Command`], signed by the package crate
//! over device, boot nonce and sequence number; each command is answered by one reply, and an accepted
//! install by [`DeviceMessage::Ready`], then a [`DeviceMessage::Progress`] for each chunk, then its outcome.
//!
//! Replies are not signed: the tool trusts the network for what it shows, the device trusts it for nothing.
//!
//! The order of enum variants and of fields is the wire format: add at the end, and raise [`PROTOCOL_VERSION`]
//! for everything else. The tests hold golden bytes.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod frame;
pub mod message;
pub mod refusal;

#[cfg(test)]
mod tests;

pub use frame::{BUSY_FRAME, FRAME_BYTES_MAX, FrameDecoder, FrameError, encode_device, encode_host};
pub use message::{
    AppEntry, AppState, AppStats, AuditEntry, AuditPage, Command, DeviceMessage, DeviceStatus, DomainFigures,
    Greeting, Histogram, HostMessage, Installed, KeysPart, LogLine, Logs, RecordingPart, SwapRole, SwapState,
    SwapStatus,
};
pub use refusal::Refusal;

/// Version of this protocol, in the greeting. A tool that sees another one says so and ends.
pub const PROTOCOL_VERSION: u16 = 8;

/// The device's port.
pub const PORT: u16 = 7700;

/// Most bytes of a package in one [`HostMessage::Chunk`].
pub const CHUNK_BYTES_MAX: usize = 3072;
