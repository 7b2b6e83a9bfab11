// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract between net_driver and gateway: what the records in the queues `net_receive` (to gateway) and
//! `net_transmit` (to net_driver) mean.
//!
//! A record is a [`HEAD_BYTES`] head and an Ethernet frame without its checksum, or, from net_driver as the
//! first record and whenever it changes, what gateway must know about the link. gateway asks for it when it begins and finds
//! none: it was restarted.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;

use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Record size of both queues.
pub const RECORD_BYTES: usize = 2048;
/// What precedes the frame in each record.
pub const HEAD_BYTES: usize = 8;
/// The shortest frame: its header.
pub const FRAME_BYTES_MIN: usize = 14;
/// The longest frame: header, an optional VLAN tag and 1500 bytes.
pub const FRAME_BYTES_MAX: usize = 1518;

const _: () = assert!(FRAME_BYTES_MAX <= RECORD_BYTES - 8 - HEAD_BYTES);

const VERSION: u8 = 1;
const FRAME: u8 = 1;
const LINK: u8 = 2;
const ASK: u8 = 3;

/// The head as it lies in memory.
#[repr(C)]
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
struct Head {
    kind: u8,
    version: u8,
    reserved: [u8; 6],
}

/// The link's description as it lies in memory.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
struct LinkBody {
    hardware_address: [u8; 6],
    payload_bytes_max: U16,
}

/// A whole record that describes the link.
#[repr(C)]
#[derive(IntoBytes, Immutable)]
struct LinkRecord {
    head: [u8; HEAD_BYTES],
    body: LinkBody,
}

const _: () = assert!(size_of::<Head>() == HEAD_BYTES && size_of::<LinkBody>() == 8);

/// What gateway must know about the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The card's Ethernet address.
    pub hardware_address: [u8; 6],
    /// The longest payload of a frame (MTU): 68 to 1500 bytes.
    pub payload_bytes_max: u16,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// An Ethernet frame of [`FRAME_BYTES_MIN`] to [`FRAME_BYTES_MAX`] bytes.
    Frame(&'a [u8]),
    /// What the link is like.
    Link(Link),
    /// gateway wants to know what the link is like.
    Ask,
}

/// A record that is none of this contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Shorter than a head.
    TooShort {
        /// Its length.
        length_bytes: usize,
    },
    /// Another version of the contract.
    Version(u8),
    /// A kind that does not exist.
    Kind(u8),
    /// A frame or a link description of impossible length.
    Length {
        /// The kind of record.
        kind: u8,
        /// The bytes after the head.
        length_bytes: usize,
    },
    /// A link with a multicast or zero address, or with an impossible payload size.
    Link(Link),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { length_bytes } => write!(f, "record of only {length_bytes} bytes"),
            Self::Version(version) => write!(f, "record of version {version}, expected {VERSION}"),
            Self::Kind(kind) => write!(f, "record of unknown kind {kind}"),
            Self::Length { kind, length_bytes } => {
                write!(f, "record of kind {kind} with {length_bytes} bytes")
            }
            Self::Link(link) => write!(f, "impossible link: {link:?}"),
        }
    }
}

impl core::error::Error for Malformed {}

/// The head of a record that carries a frame: push it together with the frame.
pub fn frame_head() -> [u8; HEAD_BYTES] {
    head(FRAME)
}

/// The whole record that describes the link.
pub fn link_record(link: &Link) -> [u8; HEAD_BYTES + 8] {
    let body = LinkBody {
        hardware_address: link.hardware_address,
        payload_bytes_max: U16::new(link.payload_bytes_max),
    };
    zerocopy::transmute!(LinkRecord { head: head(LINK), body })
}

/// The whole record that asks for the link.
pub fn ask_record() -> [u8; HEAD_BYTES] {
    head(ASK)
}

/// The message in a record.
pub fn parse(record: &[u8]) -> Result<Record<'_>, Malformed> {
    let (head, bytes) =
        Head::ref_from_prefix(record).map_err(|_| Malformed::TooShort { length_bytes: record.len() })?;
    if head.version != VERSION {
        return Err(Malformed::Version(head.version));
    }
    let length = Malformed::Length { kind: head.kind, length_bytes: bytes.len() };
    match head.kind {
        FRAME if (FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&bytes.len()) => Ok(Record::Frame(bytes)),
        LINK => {
            let body = LinkBody::ref_from_bytes(bytes).map_err(|_| length)?;
            let link = Link {
                hardware_address: body.hardware_address,
                payload_bytes_max: body.payload_bytes_max.get(),
            };
            let multicast = link.hardware_address[0] & 1 != 0;
            if multicast || link.hardware_address == [0; 6] || !(68..=1500).contains(&link.payload_bytes_max)
            {
                return Err(Malformed::Link(link));
            }
            Ok(Record::Link(link))
        }
        ASK if bytes.is_empty() => Ok(Record::Ask),
        FRAME | ASK => Err(length),
        kind => Err(Malformed::Kind(kind)),
    }
}

fn head(kind: u8) -> [u8; HEAD_BYTES] {
    zerocopy::transmute!(Head { kind, version: VERSION, reserved: [0; 6] })
}

#[cfg(test)]
mod tests;
