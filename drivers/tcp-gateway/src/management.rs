// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The queues to and from wasm_manager.

use cofferdam_gateway_protocol::{FromManager, Malformed, RECORD_BYTES, ToManager};
use cofferdam_shared_memory::{Consumer, Producer};

use crate::peer::{Peer, Troubles};

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
    manager: Peer,
    record: [u8; RECORD_BYTES],
    /// The part of `record` that was not sent yet.
    unsent: core::ops::Range<usize>,
    /// wasm_manager has begun anew and has not been told the address.
    begun: bool,
}

impl Management {
    pub(crate) fn new(to_manager: Producer, from_manager: Consumer) -> Self {
        let manager = Peer::new("wasm_manager", from_manager, to_manager);
        Self { manager, record: [0; RECORD_BYTES], unsent: 0..0, begun: false }
    }

    /// What went wrong at the queues.
    pub(crate) fn troubles(&self) -> Troubles {
        self.manager.troubles()
    }

    /// Whether anything was taken or added since the last call.
    pub(crate) fn take_moved(&mut self) -> bool {
        self.manager.take_moved()
    }

    /// Whether a record can be pushed.
    pub(crate) fn has_room(&mut self) -> bool {
        self.manager.has_room()
    }

    /// Whether wasm_manager has begun anew since the last call.
    pub(crate) fn take_begun(&mut self) -> bool {
        core::mem::take(&mut self.begun)
    }

    /// Says something to wasm_manager; `false`: no room, try again when it notifies.
    pub(crate) fn push(&mut self, message: &ToManager<'_>) -> bool {
        self.manager.push(&[&message.head(), message.body()])
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
        let Self { manager, record, unsent, begun } = self;
        manager.next(record, SKIP_MAX, |record| {
            Ok::<_, Malformed>(match FromManager::parse(record)? {
                FromManager::Data { connection: of, bytes } if Some(of) == connection => {
                    *unsent = record.len() - bytes.len()..record.len();
                    Some(Order::Send)
                }
                FromManager::Close { connection: of } if Some(of) == connection => Some(Order::Close),
                FromManager::Begin => {
                    *begun = true;
                    connection.map(|_| Order::Close)
                }
                FromManager::Data { .. } | FromManager::Close { .. } => None,
            })
        })
    }
}
