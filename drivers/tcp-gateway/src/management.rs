// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The queues to and from wasm_manager.

use cofferdam_gateway_protocol::{FromManager, RECORD_BYTES, ToManager};
use cofferdam_shared_memory::{Consumer, PeerMisbehaviour, PopError, Producer, PushError};

/// How many records for connections that are over are passed over at one go.
const SKIP_MAX: usize = 64;

/// What wasm_manager wants of the served connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Send what `pending` holds.
    Send,
    /// Close.
    Close,
}

/// The queues, and the record that is being sent.
pub(crate) struct Management {
    to_manager: Producer,
    from_manager: Consumer,
    moved: bool,
    blamed: bool,
    record: [u8; RECORD_BYTES],
    /// The part of `record` that was not sent yet.
    unsent: core::ops::Range<usize>,
}

impl Management {
    pub(crate) fn new(to_manager: Producer, from_manager: Consumer) -> Self {
        Self {
            to_manager,
            from_manager,
            moved: false,
            blamed: false,
            record: [0; RECORD_BYTES],
            unsent: 0..0,
        }
    }

    /// Whether anything was taken or added since the last call.
    pub(crate) fn take_moved(&mut self) -> bool {
        core::mem::take(&mut self.moved)
    }

    /// Whether a record can be pushed.
    pub(crate) fn has_room(&mut self) -> bool {
        match self.to_manager.free() {
            Ok(free) => free > 0,
            Err(misbehaviour) => {
                self.blame(misbehaviour);
                false
            }
        }
    }

    /// Says something to wasm_manager; `false`: no room, try again when it notifies.
    pub(crate) fn push(&mut self, message: &ToManager<'_>) -> bool {
        match self.to_manager.push(&[&message.head(), message.body()]) {
            Ok(()) => {
                self.moved = true;
                true
            }
            Err(PushError::Peer(misbehaviour)) => {
                self.blame(misbehaviour);
                false
            }
            Err(_) => false,
        }
    }

    /// The bytes that were not sent yet.
    pub(crate) fn unsent(&self) -> &[u8] {
        self.record.get(self.unsent.clone()).unwrap_or(&[])
    }

    /// `count_bytes` of them were sent now.
    pub(crate) fn sent(&mut self, count_bytes: usize) {
        self.unsent.start = self.unsent.start.saturating_add(count_bytes).min(self.unsent.end);
    }

    /// The connection is over: its bytes are not sent any more.
    pub(crate) fn forget_unsent(&mut self) {
        self.unsent = 0..0;
    }

    /// The next order for `connection`; what is for others is thrown away. Before, `unsent` must be empty.
    pub(crate) fn next(&mut self, connection: Option<u32>) -> Option<Order> {
        for _ in 0..SKIP_MAX {
            let length = match self.from_manager.pop(&mut self.record) {
                Ok(length) => length?,
                Err(PopError::Peer(misbehaviour)) => {
                    self.blame(misbehaviour);
                    if matches!(misbehaviour, PeerMisbehaviour::RecordLength { .. }) {
                        continue; // that record was skipped
                    }
                    return None;
                }
                Err(PopError::BufferTooSmall { .. }) => return None, // impossible: a record fits
            };
            self.moved = true;
            match FromManager::parse(self.record.get(..length).unwrap_or(&[])) {
                Ok(FromManager::Data { connection: of, bytes }) if Some(of) == connection => {
                    self.unsent = length - bytes.len()..length;
                    return Some(Order::Send);
                }
                Ok(FromManager::Close { connection: of }) if Some(of) == connection => {
                    return Some(Order::Close);
                }
                Ok(_) => {}
                Err(error) => self.blame(error),
            }
        }
        None
    }

    fn blame(&mut self, what: impl core::fmt::Display) {
        if !core::mem::replace(&mut self.blamed, true) {
            log::warn!("wasm_manager: {what}");
        }
    }
}
