// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Clients' requests on one comparator.

use cofferdam_timer_protocol::{Reply, Request, Status};

use crate::{ClientSet, Deadlines, Frequency};

/// A counter and a comparator that interrupts when the counter reaches it (and keeps interrupting until it is
/// set further or switched off).
pub trait Comparator {
    /// The counter now.
    fn now_ticks(&self) -> u64;
    /// Interrupt as soon as the counter is at `ticks` or beyond.
    fn interrupt_at(&mut self, ticks: u64);
    /// Do not interrupt.
    fn switch_off(&mut self);
}

/// Serves `CLIENTS` clients with one comparator.
#[derive(Debug)]
pub struct Driver<C, const CLIENTS: usize> {
    comparator: C,
    frequency: Frequency,
    deadlines: Deadlines<CLIENTS>,
}

impl<C: Comparator, const CLIENTS: usize> Driver<C, CLIENTS> {
    /// A driver without any timer set; the comparator is switched off.
    pub fn new(mut comparator: C, frequency: Frequency) -> Self {
        comparator.switch_off();
        Self { comparator, frequency, deadlines: Deadlines::new() }
    }

    /// Serves one message of `client`.
    pub fn serve(&mut self, client: usize, label: u64, words: &[u64]) -> Reply {
        let now_us = self.now_us();
        let known = match Request::decode(label, words) {
            Err(status) => return Reply { status, now_us },
            Ok(Request::Now) => client < CLIENTS,
            Ok(Request::Cancel) => self.deadlines.cancel(client),
            Ok(Request::OneShot { at_us }) => self.deadlines.one_shot(client, at_us),
            Ok(Request::Periodic { first_us, period_us }) => {
                self.deadlines.periodic(client, first_us, period_us, now_us)
            }
        };
        // A timer that is due already makes the comparator interrupt at once: notifications are sent from
        // one place only.
        self.arm();
        Reply { status: if known { Status::Ok } else { Status::NotAClient }, now_us }
    }

    /// Handles an interrupt: the clients to notify now. Acknowledge the interrupt afterwards.
    pub fn interrupt(&mut self) -> ClientSet {
        let due = self.deadlines.expire(self.now_us());
        self.arm();
        due
    }

    /// The time now.
    pub fn now_us(&self) -> u64 {
        self.frequency.us_at(self.comparator.now_ticks())
    }

    /// The comparator.
    pub const fn comparator(&self) -> &C {
        &self.comparator
    }

    fn arm(&mut self) {
        match self.deadlines.next_us() {
            Some(next_us) => self.comparator.interrupt_at(self.frequency.first_tick_at(next_us)),
            None => self.comparator.switch_off(),
        }
    }
}
