// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Replies on their way to gateway.

use alloc::vec::Vec;

/// Most bytes that wait. A record from gateway is answered with less, so a session that reaches it is beyond
/// what a tool does and is closed.
const WAITING_BYTES_MAX: usize = 0x2_0000;

/// What is to be sent on one connection. The protection domain sends it before it hands in more input; so a
/// host that does not read stops being heard, and nothing piles up.
#[derive(Debug, Default)]
pub struct Output {
    connection: u32,
    bytes: Vec<u8>,
    sent: usize,
    close: bool,
}

impl Output {
    /// Begins with a new connection; what waits for an older one is dropped.
    pub(crate) fn open(&mut self, connection: u32) {
        *self = Self { connection, ..Self::default() };
    }

    /// Adds bytes. If too much waits already, the connection is closed instead.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.bytes.len().saturating_add(bytes.len()) <= WAITING_BYTES_MAX {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.close = true;
        }
    }

    /// Closes the connection once everything is sent.
    pub(crate) fn close(&mut self) {
        self.close = true;
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.close
    }

    /// The connection that all this is for.
    #[must_use]
    pub fn connection(&self) -> u32 {
        self.connection
    }

    /// Bytes to be sent next.
    #[must_use]
    pub fn waiting(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    /// The first `count` of them were sent.
    pub fn sent(&mut self, count: usize) {
        self.sent = self.sent.saturating_add(count).min(self.bytes.len());
        if self.sent == self.bytes.len() {
            // Give large answers' memory back.
            self.bytes = Vec::new();
            self.sent = 0;
        }
    }

    /// Whether the connection is to be closed now. True once.
    pub fn take_close(&mut self) -> bool {
        self.waiting().is_empty() && core::mem::take(&mut self.close)
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting().is_empty() && !self.close
    }
}
