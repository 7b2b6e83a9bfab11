// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The policy of moving frames between a card and gateway.

use cofferdam_net_protocol::{
    FRAME_BYTES_MAX, FRAME_BYTES_MIN, Link, RECORD_BYTES, Record, frame_head, link_record, parse,
};
use cofferdam_shared_memory::{Consumer, PeerMisbehaviour, PopError, Producer, PushError};

/// How many frames are moved in each direction before the caller looks at what else there is to do.
const BUDGET_FRAMES: usize = 64;

/// What the pump needs of a network card.
pub trait Card {
    /// Why the card does not work.
    type Error;

    /// Calls `with` with the next frame that was received, if there is one; says whether there was.
    fn receive(&mut self, with: impl FnOnce(&[u8])) -> Result<bool, Self::Error>;

    /// Whether `send` would take a frame.
    fn can_send(&mut self) -> Result<bool, Self::Error>;

    /// Sends a frame; `false` if there is no buffer free.
    fn send(&mut self, frame: &[u8]) -> Result<bool, Self::Error>;

    /// Called between the last look and the very last: makes what the device must know visible to it.
    fn settle(&mut self) {}
}

/// What happened since the start. Counters saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames from the card to gateway.
    pub received: u64,
    /// Frames from gateway to the card.
    pub sent: u64,
    /// Received frames of impossible length, dropped.
    pub received_bad: u64,
    /// Records from gateway that are no frames, dropped.
    pub sent_bad: u64,
    /// How often gateway's queue was full while a frame may have waited on the card.
    pub held_back: u64,
    /// How often a queue's other end did what it must not.
    pub misbehaviour: u64,
}

/// What the caller has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Frames were passed to, or taken from, gateway: notify it.
    pub notify_gateway: bool,
    /// The budget ran out: call again after looking at other things.
    pub more: bool,
}

/// Moves frames between a card and gateway.
pub struct Pump<C> {
    card: C,
    to_gateway: Producer,
    from_gateway: Consumer,
    link: Link,
    /// gateway has asked for the link.
    asked: bool,
    counters: Counters,
    first_misbehaviour: Option<PeerMisbehaviour>,
}

impl<C: Card> Pump<C> {
    /// Joins a card and the two queues, and tells gateway about the link.
    pub fn new(card: C, mut to_gateway: Producer, from_gateway: Consumer, link: &Link) -> Self {
        // The queue is new, so there is room; if gateway misbehaves already, it is on its own.
        let _ = to_gateway.push(&[&link_record(link)]);
        Self {
            card,
            to_gateway,
            from_gateway,
            link: *link,
            asked: false,
            counters: Counters::default(),
            first_misbehaviour: None,
        }
    }

    /// The card.
    pub fn card(&mut self) -> &mut C {
        &mut self.card
    }

    /// What happened since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The first thing that gateway did and must not do; given once, so that the log is not flooded.
    pub fn take_misbehaviour(&mut self) -> Option<PeerMisbehaviour> {
        self.first_misbehaviour.take()
    }

    /// Moves what there is, up to a budget. Call it whenever the card or gateway notifies.
    pub fn run(&mut self) -> Result<Work, C::Error> {
        let mut work = Work::default();
        let mut budget = (BUDGET_FRAMES, BUDGET_FRAMES);
        loop {
            let received = self.receive(&mut budget.0)?;
            let sent = self.send(&mut budget.1)?;
            work.notify_gateway |= received > 0 || sent > 0 || self.answer();
            if budget.0 == 0 || budget.1 == 0 {
                work.more = true;
                return Ok(work);
            }
            if received == 0 && sent == 0 {
                return Ok(work);
            }
            // Drained; make that known to the card, then look once more.
            self.card.settle();
        }
    }

    /// Tells gateway about the link, if it has asked and there is room. True if it was told.
    fn answer(&mut self) -> bool {
        self.asked && {
            self.asked = self.to_gateway.push(&[&link_record(&self.link)]).is_err();
            !self.asked
        }
    }

    fn receive(&mut self, budget: &mut usize) -> Result<usize, C::Error> {
        let mut moved = 0;
        while *budget > 0 {
            match self.to_gateway.free() {
                Ok(0) => {
                    add(&mut self.counters.held_back);
                    break;
                }
                Ok(_) => {}
                Err(misbehaviour) => {
                    self.blame(misbehaviour);
                    break;
                }
            }
            let (to_gateway, counters) = (&mut self.to_gateway, &mut self.counters);
            let was_there = self.card.receive(|frame| {
                let good = (FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&frame.len());
                match good.then(|| to_gateway.push(&[&frame_head(), frame])) {
                    Some(Ok(())) => {
                        add(&mut counters.received);
                        moved += 1;
                    }
                    Some(Err(PushError::Peer(_))) => add(&mut counters.misbehaviour),
                    Some(Err(_)) | None => add(&mut counters.received_bad),
                }
            })?;
            if !was_there {
                break;
            }
            *budget -= 1;
        }
        Ok(moved)
    }

    fn send(&mut self, budget: &mut usize) -> Result<usize, C::Error> {
        let mut record = [0; RECORD_BYTES];
        let mut moved = 0;
        while *budget > 0 && self.card.can_send()? {
            let length = match self.from_gateway.pop(&mut record) {
                Ok(Some(length)) => length,
                Ok(None) => break,
                Err(PopError::Peer(misbehaviour @ PeerMisbehaviour::RecordLength { .. })) => {
                    // That record was skipped; the next may be good.
                    self.blame(misbehaviour);
                    *budget -= 1;
                    continue;
                }
                Err(PopError::Peer(misbehaviour)) => {
                    self.blame(misbehaviour);
                    break;
                }
                Err(PopError::BufferTooSmall { .. }) => break, // impossible: a record fits
            };
            *budget -= 1;
            moved += 1;
            match parse(record.get(..length).unwrap_or(&[])) {
                Ok(Record::Ask) => self.asked = true,
                Ok(Record::Frame(frame)) if self.card.send(frame)? => add(&mut self.counters.sent),
                _ => add(&mut self.counters.sent_bad),
            }
        }
        Ok(moved)
    }

    fn blame(&mut self, misbehaviour: PeerMisbehaviour) {
        add(&mut self.counters.misbehaviour);
        if self.counters.misbehaviour == 1 {
            self.first_misbehaviour = Some(misbehaviour);
        }
    }
}

fn add(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
