// SPDX-License-Identifier: Apache-2.0 OR MIT
//! One timer for each client.

use cofferdam_timer_protocol::PERIOD_MIN_US;

/// A client that sets its timer anew is notified no sooner than this after it was last notified, so that
/// asking for times in the past in a loop costs no more than the shortest period does.
pub const REARM_GAP_US: u64 = PERIOD_MIN_US;

/// Which clients: bit n is client n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientSet(u64);

impl ClientSet {
    /// The clients of this bitmap.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `client` is in it.
    pub const fn contains(self, client: usize) -> bool {
        client < 64 && self.0 >> client & 1 == 1
    }

    /// Its clients, lowest number first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |client| self.contains(*client))
    }

    const fn insert(&mut self, client: usize) {
        self.0 |= 1 << client;
    }
}

/// When a client wants to be notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Timer {
    /// The time of the next release.
    release_us: u64,
    /// The notification of that release may not be before this.
    not_before_us: u64,
    /// The time between releases; none for a timer that fires once.
    period_us: Option<u64>,
}

impl Timer {
    const fn due_us(&self) -> u64 {
        if self.release_us > self.not_before_us { self.release_us } else { self.not_before_us }
    }
}

/// One timer for each of `CLIENTS` clients (at most 64), in absolute microseconds.
#[derive(Clone, Debug)]
pub struct Deadlines<const CLIENTS: usize> {
    timers: [Option<Timer>; CLIENTS],
    /// A client's timer that is set now may not fire before this.
    rearm_us: [u64; CLIENTS],
}

impl<const CLIENTS: usize> Deadlines<CLIENTS> {
    const FITS_A_SET: () = assert!(CLIENTS <= 64);

    /// No timer is set.
    pub const fn new() -> Self {
        let () = Self::FITS_A_SET;
        Self { timers: [None; CLIENTS], rearm_us: [0; CLIENTS] }
    }

    /// Sets the timer of `client` to fire once, at `at_us`. Returns whether there is such a client.
    pub fn one_shot(&mut self, client: usize, at_us: u64) -> bool {
        self.set(client, at_us, None)
    }

    /// Sets the timer of `client` to fire at `first_us + k * period_us` for each k from the first release that
    /// has not passed by `now_us`. A period of zero is taken for one. Returns whether there is such a client.
    pub fn periodic(&mut self, client: usize, first_us: u64, period_us: u64, now_us: u64) -> bool {
        let period_us = period_us.max(1);
        // A release at this very moment has not passed.
        let release_us = match now_us.checked_sub(1) {
            Some(before_us) => release_after(first_us, period_us, before_us),
            None => Some(first_us),
        };
        match release_us {
            Some(release_us) => self.set(client, release_us, Some(period_us)),
            None => self.cancel(client),
        }
    }

    /// Forgets the timer of `client`. Returns whether there is such a client.
    pub fn cancel(&mut self, client: usize) -> bool {
        match self.timers.get_mut(client) {
            Some(timer) => {
                *timer = None;
                true
            }
            None => false,
        }
    }

    /// When the next timer fires; nothing if none is set.
    pub fn next_us(&self) -> Option<u64> {
        self.timers.iter().flatten().map(Timer::due_us).min()
    }

    /// The clients whose timers have fired by `now_us`, each once however many releases have passed. Timers
    /// that fire once are forgotten; periodic ones go to their first release after `now_us`.
    pub fn expire(&mut self, now_us: u64) -> ClientSet {
        let mut due = ClientSet::default();
        for (client, (timer, rearm_us)) in self.timers.iter_mut().zip(&mut self.rearm_us).enumerate() {
            let Some(fired) = timer.filter(|timer| timer.due_us() <= now_us) else { continue };
            due.insert(client);
            *rearm_us = now_us.saturating_add(REARM_GAP_US);
            *timer = fired.period_us.and_then(|period_us| {
                let release_us = release_after(fired.release_us, period_us, now_us)?;
                Some(Timer { release_us, not_before_us: 0, period_us: Some(period_us) })
            });
        }
        due
    }

    fn set(&mut self, client: usize, release_us: u64, period_us: Option<u64>) -> bool {
        match (self.timers.get_mut(client), self.rearm_us.get(client)) {
            (Some(timer), Some(&not_before_us)) => {
                *timer = Some(Timer { release_us, not_before_us, period_us });
                true
            }
            _ => false,
        }
    }
}

impl<const CLIENTS: usize> Default for Deadlines<CLIENTS> {
    fn default() -> Self {
        Self::new()
    }
}

/// The first of `start_us + k * period_us` that is after `after_us`; nothing if time does not go that far.
fn release_after(start_us: u64, period_us: u64, after_us: u64) -> Option<u64> {
    match after_us.checked_sub(start_us) {
        None => Some(start_us),
        Some(passed_us) => {
            let releases = passed_us.checked_div(period_us)?.checked_add(1)?;
            start_us.checked_add(releases.checked_mul(period_us)?)
        }
    }
}
