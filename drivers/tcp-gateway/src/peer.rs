// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The queues to and from one neighbour, which may misbehave: it is blamed once, by name, and whatever it does costs
//! it its own records only.

use core::fmt::Display;

use cofferdam_shared_memory::{Consumer, PeerMisbehaviour, PopError, Producer, PushError};

/// A neighbour, and the queues to and from it.
pub(crate) struct Peer {
    name: &'static str,
    incoming: Consumer,
    outgoing: Producer,
    moved: bool,
    blamed: bool,
}

impl Peer {
    pub(crate) fn new(name: &'static str, incoming: Consumer, outgoing: Producer) -> Self {
        Self { name, incoming, outgoing, moved: false, blamed: false }
    }

    /// Whether anything was taken or added since the last call.
    pub(crate) fn take_moved(&mut self) -> bool {
        core::mem::take(&mut self.moved)
    }

    /// Whether a record can be pushed.
    pub(crate) fn has_room(&mut self) -> bool {
        match self.outgoing.free() {
            Ok(free) => free > 0,
            Err(misbehaviour) => {
                self.blame(misbehaviour);
                false
            }
        }
    }

    /// Adds a record of these parts; `false`: no room.
    pub(crate) fn push(&mut self, parts: &[&[u8]]) -> bool {
        match self.outgoing.push(parts) {
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

    /// Takes records into `buffer` until `judge` wants one, at most `count_max`: what it is told to pass over is gone,
    /// and what is no record of the contract costs the neighbour its reputation.
    pub(crate) fn next<T, E: Display>(
        &mut self,
        buffer: &mut [u8],
        count_max: usize,
        mut judge: impl FnMut(&[u8]) -> Result<Option<T>, E>,
    ) -> Option<T> {
        for _ in 0..count_max {
            let length = match self.incoming.pop(buffer) {
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
            match judge(buffer.get(..length).unwrap_or(&[])) {
                Ok(Some(wanted)) => return Some(wanted),
                Ok(None) => {}
                Err(error) => self.blame(error),
            }
        }
        None
    }

    fn blame(&mut self, what: impl Display) {
        if !core::mem::replace(&mut self.blamed, true) {
            log::warn!("{}: {what}", self.name);
        }
    }
}
