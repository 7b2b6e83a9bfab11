// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The queues to and from one neighbour, which may misbehave: it is blamed once, by name, and whatever it does costs
//! it its own records only.

use core::fmt::Display;

use cofferdam_shared_memory::{Consumer, PeerMisbehaviour, PopError, Producer, PushError};

/// What went wrong at queues since the start. Counters saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Troubles {
    /// Frames and records that were thrown away.
    pub dropped: u64,
    /// How often there was no room in a queue to a neighbour.
    pub held_up: u64,
    /// How often a neighbour did what it must not.
    pub misbehaviour: u64,
}

impl Troubles {
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            dropped: self.dropped.saturating_add(other.dropped),
            held_up: self.held_up.saturating_add(other.held_up),
            misbehaviour: self.misbehaviour.saturating_add(other.misbehaviour),
        }
    }
}

/// A neighbour, and the queues to and from it.
pub(crate) struct Peer {
    name: &'static str,
    incoming: Consumer,
    outgoing: Producer,
    moved: bool,
    /// The queue to it was full when last looked at.
    full: bool,
    troubles: Troubles,
}

impl Peer {
    pub(crate) fn new(name: &'static str, incoming: Consumer, outgoing: Producer) -> Self {
        Self { name, incoming, outgoing, moved: false, full: false, troubles: Troubles::default() }
    }

    /// Whether anything was taken or added since the last call.
    pub(crate) fn take_moved(&mut self) -> bool {
        core::mem::take(&mut self.moved)
    }

    /// What went wrong so far.
    pub(crate) fn troubles(&self) -> Troubles {
        self.troubles
    }

    /// What was to be said or was heard is thrown away.
    pub(crate) fn dropped(&mut self) {
        add(&mut self.troubles.dropped);
    }

    /// Whether a record can be pushed.
    pub(crate) fn has_room(&mut self) -> bool {
        match self.outgoing.free() {
            Ok(free) => {
                self.looked(free == 0);
                free > 0
            }
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
                self.full = false;
                true
            }
            Err(PushError::Peer(misbehaviour)) => {
                self.blame(misbehaviour);
                false
            }
            Err(error) => {
                self.looked(matches!(error, PushError::Full));
                false
            }
        }
    }

    /// The queue is full, or not. Each time that it fills up counts once, however often somebody looks.
    fn looked(&mut self, full: bool) {
        if full && !core::mem::replace(&mut self.full, full) {
            add(&mut self.troubles.held_up);
        }
        self.full = full;
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
                Err(error) => {
                    self.dropped();
                    self.blame(error);
                }
            }
        }
        None
    }

    fn blame(&mut self, what: impl Display) {
        if self.troubles.misbehaviour == 0 {
            log::warn!("{}: {what}", self.name);
        }
        add(&mut self.troubles.misbehaviour);
    }
}

fn add(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
