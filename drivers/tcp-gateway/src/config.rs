// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What can be chosen.

/// An address for a network without DHCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedAddress {
    /// The IPv4 address.
    pub address: [u8; 4],
    /// Length of the network prefix, 0 to 32.
    pub prefix: u8,
    /// The router.
    pub router: [u8; 4],
}

/// How the gateway behaves.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The TCP port that is listened on.
    pub port: u16,
    /// The address to take when DHCP gives none.
    pub fallback: FixedAddress,
    /// How long to wait for DHCP before that.
    pub dhcp_patience_us: u64,
    /// A served connection on which nothing moves for so long is closed.
    pub idle_us: u64,
    /// How long a connection may take to be established.
    pub handshake_us: u64,
    /// How long the other side has to finish a connection that we close, before it is reset.
    pub closing_us: u64,
    /// What a second connection is told before it is closed (management-protocol's `Busy`).
    pub busy: &'static [u8],
}

impl Config {
    /// For QEMU's user network; `busy` is what a second connection is told.
    pub const fn new(busy: &'static [u8]) -> Self {
        Self {
            port: 7700,
            fallback: FixedAddress { address: [10, 0, 2, 15], prefix: 24, router: [10, 0, 2, 2] },
            dhcp_patience_us: 3_000_000,
            idle_us: 30_000_000,
            handshake_us: 3_000_000,
            closing_us: 2_000_000,
            busy,
        }
    }
}
