// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The two queues between gateway and the manager. gateway is hostile.

use cofferdam_gateway_protocol::{DATA_BYTES_MAX, FromManager, RECORD_BYTES, ToManager};
use cofferdam_shared_memory::{Consumer, Producer, PushError};

use crate::manager::Troubles;
use crate::{Manager, Platform};

/// The queues, and what is thought of gateway.
pub struct Gateway {
    to_manager: Consumer,
    from_manager: Producer,
    record: [u8; RECORD_BYTES],
    /// gateway broke the queues' rules; said once.
    complained: bool,
    /// Its queue was full when last looked at.
    full: bool,
    troubles: Troubles,
}

impl Gateway {
    /// Takes the queues; records are of [`RECORD_BYTES`].
    pub fn new(to_manager: Consumer, from_manager: Producer) -> Self {
        Self {
            to_manager,
            from_manager,
            record: [0; RECORD_BYTES],
            complained: false,
            full: false,
            troubles: Troubles::default(),
        }
    }

    /// Tells gateway that nothing is known of its connections and its address: first of all, also after a restart.
    pub fn begin(&mut self) {
        match self.from_manager.push(&[&FromManager::Begin.head()]) {
            Ok(()) => {}
            // It will take records that nobody wants, and then wait for its idle connection to end.
            Err(error) => self.complain(&error),
        }
    }

    /// Carries replies out and records in, until there is no more of either or gateway has no room. What
    /// gateway adds meanwhile comes with a notification of its own, so one queue's length bounds the work. True if gateway
    /// is to be notified.
    pub fn carry<P: Platform>(&mut self, manager: &mut Manager<P>) -> bool {
        let moved = self.carry_all(manager);
        manager.counters.gateway = self.troubles;
        moved
    }

    fn carry_all<P: Platform>(&mut self, manager: &mut Manager<P>) -> bool {
        let mut moved = self.send(manager);
        for _ in 0..self.to_manager.geometry().count() {
            // Nothing new is heard before everything is answered.
            if !manager.output().is_idle() || !self.receive(manager) {
                break;
            }
            self.send(manager);
            moved = true;
        }
        moved
    }

    /// One record from gateway. False if there is none.
    fn receive<P: Platform>(&mut self, manager: &mut Manager<P>) -> bool {
        // Copied out once; from here on it is ours.
        let length = match self.to_manager.pop(&mut self.record) {
            Ok(Some(length)) => length,
            Ok(None) => return false,
            Err(error) => {
                self.complain(&error);
                return false;
            }
        };
        match ToManager::parse(self.record.get(..length).unwrap_or_default()) {
            Ok(ToManager::Opened { connection, .. }) => manager.opened(connection),
            Ok(ToManager::Data { connection, bytes }) => manager.data(connection, bytes),
            Ok(ToManager::Closed { connection }) => manager.closed(connection),
            Ok(ToManager::Address { address, .. }) => manager.address(address),
            Err(error) => {
                add(&mut self.troubles.dropped);
                self.complain(&error);
            }
        }
        true
    }

    /// Sends what waits, as far as there is room. True if something was sent.
    fn send<P: Platform>(&mut self, manager: &mut Manager<P>) -> bool {
        let output = manager.output();
        let mut sent = false;
        loop {
            let connection = output.connection();
            let waiting = output.waiting();
            let bytes = waiting.get(..DATA_BYTES_MAX).unwrap_or(waiting);
            let message = if !bytes.is_empty() {
                FromManager::Data { connection, bytes }
            } else if output.is_idle() {
                return sent;
            } else {
                FromManager::Close { connection }
            };
            match self.from_manager.push(&[&message.head(), message.body()]) {
                Ok(()) => {
                    sent = true;
                    self.full = false;
                    let count = bytes.len();
                    if count == 0 {
                        output.take_close();
                    } else {
                        output.sent(count);
                    }
                }
                Err(PushError::Full) => {
                    if !core::mem::replace(&mut self.full, true) {
                        add(&mut self.troubles.held_up);
                    }
                    return sent;
                }
                Err(error) => {
                    self.complain(&error);
                    return sent;
                }
            }
        }
    }

    fn complain(&mut self, error: &dyn core::fmt::Display) {
        if !core::mem::replace(&mut self.complained, true) {
            log::error!("gateway: {error}");
        }
        add(&mut self.troubles.misbehaviour);
    }
}

fn add(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
