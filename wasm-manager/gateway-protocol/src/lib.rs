// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Contract between gateway and wasm_manager: what the records in the queues `to_manager` and
//! `from_manager` mean.
//!
//! gateway carries bytes of TCP connections; it neither understands nor can forge what counts in them. A
//! record is a [`HEAD_BYTES`] head and, for data, up to [`DATA_BYTES_MAX`] bytes. Boundaries between
//! records mean nothing: a connection is a stream. Connection numbers grow; at most one is open at a time,
//! and whatever names another one is out of date and ignored. They grow over restarts of gateway, too.
//!
//! ```
//! # use cofferdam_gateway_protocol::FromManager;
//! let message = FromManager::Data { connection: 7, bytes: b"hello" };
//! let record = [message.head().as_slice(), message.body()].concat(); // queue.push(&[…, …])
//! assert_eq!(FromManager::parse(&record), Ok(message));
//! ```
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Record size of both queues.
pub const RECORD_BYTES: usize = 4096;
/// What precedes the data in each record.
pub const HEAD_BYTES: usize = 16;
/// The most data that one record carries: the queue's own length word takes 8 bytes.
pub const DATA_BYTES_MAX: usize = RECORD_BYTES - 8 - HEAD_BYTES;

const VERSION: u8 = 1;
const OPENED: u8 = 1;
const DATA: u8 = 2;
const CLOSED: u8 = 3;
const ADDRESS: u8 = 4;
const CLOSE: u8 = 5;
const BEGIN: u8 = 6;

/// The head as it lies in memory. Fields without a meaning for the kind are zero.
#[repr(C)]
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
struct Head {
    kind: u8,
    version: u8,
    reserved: [u8; 2],
    connection: U32,
    address: [u8; 4],
    port: U16,
    prefix: u8,
    source: u8,
}

const _: () = assert!(size_of::<Head>() == HEAD_BYTES);

impl Head {
    fn new(kind: u8, connection: u32) -> Self {
        Self { kind, version: VERSION, connection: U32::new(connection), ..Self::default() }
    }

    fn to_array(self) -> [u8; HEAD_BYTES] {
        zerocopy::transmute!(self)
    }
}

/// Where the device's address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum AddressSource {
    /// A DHCP server gave it.
    Dhcp = 1,
    /// Nobody answered: it is the built-in one.
    Fallback = 2,
}

/// What gateway says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToManager<'a> {
    /// Somebody has connected. Earlier connections are over.
    Opened {
        /// Its number.
        connection: u32,
        /// The other side's IPv4 address, as claimed.
        peer: [u8; 4],
        /// The other side's port.
        port: u16,
    },
    /// Bytes from the network.
    Data {
        /// Which connection.
        connection: u32,
        /// At least one, at most [`DATA_BYTES_MAX`].
        bytes: &'a [u8],
    },
    /// The connection is over, in whatever way; nothing more comes from it or can be sent to it.
    Closed {
        /// Which connection.
        connection: u32,
    },
    /// The device's address has changed; for the log.
    Address {
        /// The IPv4 address.
        address: [u8; 4],
        /// Length of the network prefix in bits.
        prefix: u8,
        /// Who gave it.
        source: AddressSource,
    },
}

/// What wasm_manager says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromManager<'a> {
    /// Bytes for the network.
    Data {
        /// Which connection.
        connection: u32,
        /// At least one, at most [`DATA_BYTES_MAX`].
        bytes: &'a [u8],
    },
    /// Close the connection after everything before this was sent. `Closed` follows.
    Close {
        /// Which connection.
        connection: u32,
    },
    /// wasm_manager begins, perhaps anew: it knows of no connection and no address. Close what is open, say the address.
    Begin,
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
    /// A kind that does not exist in this direction.
    Kind(u8),
    /// Data without bytes, or bytes where none belong.
    Length {
        /// The kind of record.
        kind: u8,
        /// The bytes after the head.
        length_bytes: usize,
    },
    /// A prefix or a source that cannot be.
    Address {
        /// Length of the network prefix.
        prefix: u8,
        /// Who gave it.
        source: u8,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { length_bytes } => write!(f, "record of only {length_bytes} bytes"),
            Self::Version(version) => write!(f, "record of version {version}, expected {VERSION}"),
            Self::Kind(kind) => write!(f, "record of unknown kind {kind}"),
            Self::Length { kind, length_bytes } => {
                write!(f, "record of kind {kind} with {length_bytes} bytes of data")
            }
            Self::Address { prefix, source } => write!(f, "address with prefix {prefix}, source {source}"),
        }
    }
}

impl core::error::Error for Malformed {}

impl<'a> ToManager<'a> {
    /// The record's head.
    pub fn head(&self) -> [u8; HEAD_BYTES] {
        match *self {
            Self::Opened { connection, peer, port } => {
                Head { address: peer, port: U16::new(port), ..Head::new(OPENED, connection) }
            }
            Self::Data { connection, .. } => Head::new(DATA, connection),
            Self::Closed { connection } => Head::new(CLOSED, connection),
            Self::Address { address, prefix, source } => {
                Head { address, prefix, source: source as u8, ..Head::new(ADDRESS, 0) }
            }
        }
        .to_array()
    }

    /// What follows the head.
    pub fn body(&self) -> &'a [u8] {
        if let Self::Data { bytes, .. } = *self { bytes } else { &[] }
    }

    /// The message in a record.
    pub fn parse(record: &'a [u8]) -> Result<Self, Malformed> {
        let (head, bytes) = split(record)?;
        let connection = head.connection.get();
        let bare = |message| if bytes.is_empty() { Ok(message) } else { Err(length(head, bytes)) };
        match head.kind {
            OPENED => bare(Self::Opened { connection, peer: head.address, port: head.port.get() }),
            DATA if !bytes.is_empty() => Ok(Self::Data { connection, bytes }),
            DATA => Err(length(head, bytes)),
            CLOSED => bare(Self::Closed { connection }),
            ADDRESS => {
                let source = match head.source {
                    1 => AddressSource::Dhcp,
                    2 => AddressSource::Fallback,
                    source => return Err(Malformed::Address { prefix: head.prefix, source }),
                };
                if head.prefix > 32 {
                    return Err(Malformed::Address { prefix: head.prefix, source: head.source });
                }
                bare(Self::Address { address: head.address, prefix: head.prefix, source })
            }
            kind => Err(Malformed::Kind(kind)),
        }
    }
}

impl<'a> FromManager<'a> {
    /// The record's head.
    pub fn head(&self) -> [u8; HEAD_BYTES] {
        match *self {
            Self::Data { connection, .. } => Head::new(DATA, connection),
            Self::Close { connection } => Head::new(CLOSE, connection),
            Self::Begin => Head::new(BEGIN, 0),
        }
        .to_array()
    }

    /// What follows the head.
    pub fn body(&self) -> &'a [u8] {
        if let Self::Data { bytes, .. } = *self { bytes } else { &[] }
    }

    /// The message in a record.
    pub fn parse(record: &'a [u8]) -> Result<Self, Malformed> {
        let (head, bytes) = split(record)?;
        let connection = head.connection.get();
        match head.kind {
            DATA if !bytes.is_empty() => Ok(Self::Data { connection, bytes }),
            CLOSE if bytes.is_empty() => Ok(Self::Close { connection }),
            BEGIN if bytes.is_empty() => Ok(Self::Begin),
            DATA | CLOSE | BEGIN => Err(length(head, bytes)),
            kind => Err(Malformed::Kind(kind)),
        }
    }
}

fn split(record: &[u8]) -> Result<(&Head, &[u8]), Malformed> {
    let (head, bytes) =
        Head::ref_from_prefix(record).map_err(|_| Malformed::TooShort { length_bytes: record.len() })?;
    if head.version != VERSION {
        return Err(Malformed::Version(head.version));
    }
    if bytes.len() > DATA_BYTES_MAX {
        return Err(length(head, bytes));
    }
    Ok((head, bytes))
}

fn length(head: &Head, bytes: &[u8]) -> Malformed {
    Malformed::Length { kind: head.kind, length_bytes: bytes.len() }
}

#[cfg(test)]
mod tests;
