// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Running the verifier, a child: it gets the processor while this protection domain waits, and no longer than it may.

use alloc::string::ToString;
use alloc::vec::Vec;

use cofferdam_lifecycle::{PlatformError, Unanswered};
use cofferdam_timer_protocol::pd::Timer;
use sel4_microkit::{Child, Event, channel, child, now_us, wait};

/// The verifier's thread, and the timer that ends its time. The manager's own deadlines share the timer.
pub struct Verifier {
    child: Child,
    timer: Timer,
    /// What the timer is set to.
    armed_us: Option<u64>,
    /// Events that came meanwhile.
    kept: Vec<Event>,
}

/// As `system.xml` numbers it.
pub fn verifier() -> Verifier {
    Verifier {
        child: child!(verifier_child),
        timer: Timer::new(channel!(timer_channel)),
        armed_us: None,
        kept: Vec::new(),
    }
}

impl Verifier {
    /// The timer's channel.
    pub fn timer_channel(&self) -> sel4_microkit::Channel {
        self.timer.channel()
    }

    /// Whether this is the verifier.
    pub fn is(&self, child: Child) -> bool {
        self.child == child
    }

    /// The timer has gone off, or what it is set to does not count.
    pub fn rang(&mut self) {
        self.armed_us = None;
    }

    /// Sets the timer. A later deadline needs no call: when the timer goes off early it is set anew.
    pub fn arm(&mut self, deadline_us: u64) {
        if self.armed_us.is_none_or(|armed_us| deadline_us < armed_us) {
            match self.timer.one_shot(deadline_us) {
                Ok(_) => self.armed_us = Some(deadline_us),
                Err(error) => log::error!("no timer: {error}"),
            }
        }
    }

    /// Events that came while the verifier ran.
    pub fn take_kept(&mut self) -> Vec<Event> {
        core::mem::take(&mut self.kept)
    }

    pub fn stop(&self) -> Result<(), PlatformError> {
        self.child.stop().map_err(|_| PlatformError)
    }

    /// Starts the verifier from its beginning and waits for its verdict. It has a lower priority, so that it runs only
    /// while this waits. Afterwards it stands still.
    pub fn run(&mut self, is_answered: &dyn Fn() -> bool, patience_us: u64) -> Result<(), Unanswered> {
        let until_us = now_us().saturating_add(patience_us);
        self.rang();
        self.child.restart().map_err(|_| Unanswered::Platform(PlatformError))?;
        let outcome = loop {
            if is_answered() {
                break Ok(());
            }
            if now_us() >= until_us {
                break Err(Unanswered::Late);
            }
            self.arm(until_us);
            match wait() {
                Event::Fault(child, fault) if child == self.child => {
                    break Err(Unanswered::Faulted(fault.to_string()));
                }
                event => self.keep(event),
            }
        };
        // Set for this alone: the manager's own deadline is set anew.
        self.rang();
        self.stop().map_err(Unanswered::Platform)?;
        outcome
    }

    /// Each child has one fault at most until it is started again; notifications are folded into one.
    fn keep(&mut self, event: Event) {
        let Event::Notified(channels) = event else {
            self.kept.push(event);
            return;
        };
        if channels.contains(self.timer.channel()) {
            self.rang();
        }
        let earlier = self.kept.iter_mut().find_map(|event| match event {
            Event::Notified(channels) => Some(channels),
            _ => None,
        });
        match earlier {
            Some(earlier) => *earlier = earlier.union(channels),
            None => self.kept.push(event),
        }
    }
}
